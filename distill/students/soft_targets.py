"""A student on soft targets, mixed with hard labels, at a temperature, and calibrated.

Source:
    Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network"
    (arXiv 1503.02531), section 2. The teacher's logits are the logarithms of its distribution over
    the labels; what a softmax gives of the two is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from distill.component import NonNegativeFloat, Positive, PositiveFloat, Share, component
from distill.students.arrays import read_rows
from distill.students.calibration import calibrate
from distill.students.classifier import TrainedClassifier, TrainingError, word_features
from distill.students.examples import Examples
from distill.students.extra import require_torch
from distill.students.layers import (
    Given,
    Layers,
    cooled,
    logits_of,
    one_thread,
    pipeline_of,
    softened,
)
from distill.students.trained import Trained

Rows = NDArray[np.int64]
Matrix = NDArray[np.float64]


@component
class SoftTargets:
    """Learn alpha T² CE(p_T, q_T) + (1 - alpha) CE(y, q), then answer at temperature 1.

    Args:
        features: What a question is: `words`, a text of which words are counted, or `numbers`,
            such as `[0, 5.5, 13]`, which are scaled to mean 0 and deviation 1.
        hidden: Units of a hidden layer (extra `train`), for `features=numbers`; `None` for a
            linear student.
        temperature: T, by which both distributions are softened in training, > 0.
        alpha: Weight of the teacher's distribution against the hard label, in [0, 1]. The label is
            a human's where there is one, else the teacher's likeliest.
        regularisation: L2 penalty on the weights, > 0 for a linear student; with a hidden layer
            the share of the weights that a step takes away, by the learning rate.
        calibration_share: Share of the training examples on which the student's own temperature is
            found, in [0, 0.5]; it is then trained on all of them. 0 leaves it as it is.
        steps: Of training, with a hidden layer; a higher temperature needs more.
        learning_rate: Adam's, with a hidden layer, > 0.
        batch_size: Examples of a step, with a hidden layer.
        max_ngram: Longest word n-gram that counts as a feature, >= 1.
        min_texts: Fewest texts a feature must stand in, >= 1.
        sublinear: Dampen the counts of repeated words, 1 + log(count).
    """

    features: Literal["words", "numbers"]
    hidden: Positive | None
    temperature: PositiveFloat
    alpha: Share
    regularisation: NonNegativeFloat
    calibration_share: Annotated[float, Field(ge=0, le=0.5, description="a share in [0, 0.5]")]
    steps: Positive
    learning_rate: PositiveFloat
    batch_size: Positive
    max_ngram: Positive
    min_texts: Positive
    sublinear: bool

    def __post_init__(self) -> None:
        """Check what the fields alone cannot say.

        Raises:
            ValueError: they do not go together.
        """
        if self.hidden is None:
            if self.regularisation == 0:
                raise ValueError("regularisation: want a number above 0 with student.hidden=null")
        elif self.features == "words":
            raise ValueError("hidden: want null with student.features=words")

    @property
    def tasks(self) -> frozenset[str]:
        """Labels only."""
        return frozenset({"classify"})

    def check_questions(
        self, questions: Sequence[str], *, where: str, width: int | None = None
    ) -> int | None:
        """See that the student can be trained on them, before anything is spent.

        Args:
            questions: Of seeds or held-out rows.
            where: Which, for messages.
            width: How many numbers each must hold; `None` for as many as the first.

        Returns:
            How many they hold; `None` for texts, or where there is no question.

        Raises:
            UserError: a question does not hold the numbers that `features` promises.
            ExtraMissingError: there is a hidden layer, and torch is not installed.
        """
        if self.hidden is not None:
            require_torch("student.hidden")
        if self.features == "words" or not questions:
            return width
        return int(read_rows(questions, width=width, where=where).shape[1])

    def fit(self, examples: Examples, *, seed: int) -> Trained:
        """Train on the examples.

        Raises:
            TrainingError: all targets name one label.
        """
        if examples.label_probs is None:
            raise TrainingError("student: soft targets are over labels: task=classify.")
        labels = examples.label_probs.argmax(axis=1)
        if len(set(labels.tolist())) < 2:
            raise TrainingError(
                f"student: all {len(examples)} examples name one label; nothing can be learnt.",
                hint="lower judge.threshold, or look at rejected.jsonl for what fell out",
            )
        made, inputs = self._inputs(examples.questions)
        given = Given(inputs=inputs, probs=examples.label_probs, labels=labels)

        def on(rows: Rows) -> Callable[[Rows], Matrix]:
            part = self._layers(given.at(rows), seed)
            return lambda asked: logits_of(part, inputs[asked])

        found = calibrate(on, labels, share=self.calibration_share, seed=seed)
        layers = self._layers(given, seed)
        if found is not None:
            layers = cooled(layers, found.temperature)
        return TrainedClassifier(
            pipeline=pipeline_of(made, layers),
            labels=examples.labels,
            reads=self.features,
            calibration=found,
        )

    def _inputs(self, questions: Sequence[str]) -> tuple[Any, Any]:
        """Return the fitted step that makes inputs out of questions, and what it makes of these."""
        if self.features == "words":
            return word_features(
                questions,
                max_ngram=self.max_ngram,
                min_texts=self.min_texts,
                sublinear=self.sublinear,
            )
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler()
        return scaler, scaler.fit_transform(read_rows(questions))

    def _layers(self, given: Given, seed: int) -> Layers:
        if self.hidden is not None:
            return self._net(given, self.hidden, seed)
        from distill.students.softmax import fit_softmax

        return [
            fit_softmax(
                given.inputs,
                softened(given.probs, self.temperature),
                given.labels,
                alpha=self.alpha,
                temperature=self.temperature,
                regularisation=self.regularisation,
            )
        ]

    def _net(self, given: Given, hidden: int, seed: int) -> Layers:
        import torch

        from distill.students.nets import Nets, fit

        def of(values: Any) -> Any:
            return torch.as_tensor(values)[None]

        with one_thread():
            width, classes = given.inputs.shape[1], given.probs.shape[1]
            nets = fit(
                Nets(features=width, hidden=hidden, classes=classes, seeds=[seed]),
                of(given.inputs).float(),
                of(given.probs).log().float(),
                of(given.labels),
                alpha=self.alpha,
                temperature=self.temperature,
                steps=self.steps,
                learning_rate=self.learning_rate,
                seeds=[seed],
                batch=self.batch_size,
                weight_decay=self.regularisation,
            )
        inner, inner_bias, outer, outer_bias = (
            weights[0].detach().double().numpy() for weights in nets.weights
        )
        return [(inner, inner_bias[0]), (outer, outer_bias[0])]
