"""A small text classifier trained on the teacher's distributions, on TF-IDF features.

Each text stands in the training set once a label, weighted by the probability that its target
gives the label. For logistic regression, minimising the weighted log-loss over these is minimising
the cross-entropy against the soft targets (Hinton, Vinyals and Dean 2015, arXiv 1503.02531,
section 2, at temperature 1); for complement naive Bayes, its word counts become expected counts.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from distill.component import Positive, PositiveFloat, component
from distill.errors import DistillError
from distill.paths import whole_file, write_text
from distill.students.arrays import read_rows
from distill.students.calibration import Calibration
from distill.students.examples import Examples
from distill.students.trained import Trained

MODEL_FILE = "model.skops"
ABOUT_FILE = "student.json"


class TrainingError(DistillError):
    """The examples cannot be learnt from."""


@component
class Classifier:
    """Learn labels from soft targets.

    Args:
        algorithm: `complement_nb` (strong where examples are few; Rennie et al. 2003, ICML) or
            `logistic_regression`.
        targets: `soft` learns the teacher's distribution, `hard` its likeliest label only.
        temperature: Softens (> 1) or sharpens (< 1) the teacher's distribution before training.
        real_weight: Weight of a real example against a distilled one, > 0.
        regularisation: Strength, > 0: the additive smoothing of complement naive Bayes, the L2
            penalty (1 / C) of logistic regression.
        max_ngram: Longest word n-gram that counts as a feature, >= 1.
        min_texts: Fewest texts a feature must stand in, >= 1.
        sublinear: Dampen the counts of repeated words, 1 + log(count).
        min_target: Probabilities below are left out of training, in [0, 0.5); keeps the expanded
            training set small.
    """

    algorithm: Literal["complement_nb", "logistic_regression"]
    targets: Literal["soft", "hard"]
    temperature: PositiveFloat
    real_weight: PositiveFloat
    regularisation: PositiveFloat
    max_ngram: Positive
    min_texts: Positive
    sublinear: bool
    min_target: Annotated[float, Field(ge=0, lt=0.5, description="a share in [0, 0.5)")]

    @property
    def tasks(self) -> frozenset[str]:
        """Labels only."""
        return frozenset({"classify"})

    def fit(self, examples: Examples, *, seed: int) -> Trained:
        """Train on the examples.

        Raises:
            TrainingError: all targets name one label.
        """
        from sklearn.pipeline import make_pipeline

        targets = self._targets(examples)
        rows, columns = np.nonzero(targets > self.min_target)
        if len(set(columns.tolist())) < 2:
            raise TrainingError(
                f"student: all {len(examples)} examples name one label; nothing can be learnt.",
                hint="lower judge.threshold, or look at rejected.jsonl for what fell out",
            )
        weights = targets[rows, columns] * np.where(examples.real, self.real_weight, 1.0)[rows]
        model = self._model(seed)
        features, matrix = word_features(
            examples.questions,
            max_ngram=self.max_ngram,
            min_texts=self.min_texts,
            sublinear=self.sublinear,
        )
        model.fit(matrix[rows], columns, sample_weight=weights)
        return TrainedClassifier(
            pipeline=make_pipeline(features, model),
            labels=tuple(examples.labels[i] for i in model.classes_),
        )

    def _model(self, seed: int) -> Any:
        from sklearn.linear_model import LogisticRegression
        from sklearn.naive_bayes import ComplementNB

        if self.algorithm == "complement_nb":
            return ComplementNB(alpha=self.regularisation)
        return LogisticRegression(
            C=1 / self.regularisation, max_iter=1000, random_state=seed, tol=1e-6
        )

    def _targets(self, examples: Examples) -> NDArray[np.float64]:
        if examples.label_probs is None:
            raise TrainingError("student: a classifier learns labels: task=classify.")
        if self.targets == "hard":
            hard: NDArray[np.float64] = np.eye(len(examples.labels))
            return np.asarray(hard[examples.label_probs.argmax(axis=1)])
        softened = examples.label_probs ** (1 / self.temperature)
        normalised: NDArray[np.float64] = softened / softened.sum(axis=1, keepdims=True)
        return normalised


def word_features(
    questions: Sequence[str], *, max_ngram: int, min_texts: int, sublinear: bool
) -> tuple[Any, Any]:
    """Return a fitted TF-IDF step, and (questions, features), sparse, of these questions.

    Raises:
        TrainingError: no word of the questions could be a feature.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    features = TfidfVectorizer(
        stop_words="english", ngram_range=(1, max_ngram), min_df=min_texts, sublinear_tf=sublinear
    )
    try:
        return features, features.fit_transform(questions)
    except ValueError as error:
        raise TrainingError(
            f"student: the texts hold no word that could be a feature ({error}).",
            hint="lower student.min_texts, or look at the questions",
        ) from error


@dataclass(frozen=True, kw_only=True)
class TrainedClassifier:
    """A fitted pipeline and the labels of its classes.

    Args:
        pipeline: scikit-learn pipeline from questions to class indices.
        labels: (classes,) in the pipeline's order.
        reads: What a question is to the pipeline: a text, or the numbers that it holds.
        calibration: What was done to how sure it is, or `None`.
    """

    pipeline: Any
    labels: tuple[str, ...]
    reads: Literal["words", "numbers"] = "words"
    calibration: Calibration | None = None

    def predict_proba(self, questions: Sequence[str]) -> NDArray[np.float64]:
        """Return (questions, classes), each row sums to 1.

        Raises:
            UserError: it reads numbers, and a question does not hold as many as it learnt from.
        """
        asked: Any = list(questions)
        if self.reads == "numbers":
            asked = read_rows(asked, width=self.pipeline.n_features_in_)
        probs: NDArray[np.float64] = self.pipeline.predict_proba(asked)
        return probs

    def answer(self, questions: Sequence[str]) -> list[str]:
        """Return each question's likeliest label."""
        if not questions:
            return []
        return [self.labels[i] for i in self.predict_proba(questions).argmax(axis=1)]

    def save(self, folder: Path) -> None:
        """Write the pipeline without pickle (skops) and what it is."""
        import skops.io

        with whole_file(folder / MODEL_FILE) as draft:
            skops.io.dump(self.pipeline, draft)
        about: dict[str, Any] = {"kind": "classifier", "labels": list(self.labels)}
        if self.reads != "words":
            about["reads"] = self.reads
        if self.calibration is not None:
            about["calibration"] = self.calibration.figures()
        write_text(folder / ABOUT_FILE, json.dumps(about, ensure_ascii=False, indent=2) + "\n")


def load_classifier(
    folder: Path,
    labels: Sequence[str],
    *,
    reads: Literal["words", "numbers"] = "words",
    calibration: Mapping[str, Any] | None = None,
) -> TrainedClassifier:
    """Read a saved classifier; only the types that this module writes are accepted.

    Args:
        folder: Holds `MODEL_FILE`.
        labels: See `TrainedClassifier`, as the further ones.
        reads: As saved.
        calibration: Its figures, as saved.

    Raises:
        TrainingError: the file holds other types and could run code of its own.
    """
    import skops.io

    path = folder / MODEL_FILE
    try:
        strangers = skops.io.get_untrusted_types(file=path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise TrainingError(
            f"{path.name}: damaged or cut ({error}).", hint="run the run again: it costs nothing"
        ) from error
    if strangers:
        raise TrainingError(
            f"{path.name}: holds types that are not trusted: {', '.join(strangers)}.",
            hint="the file was not written by distill; do not load it",
        )
    return TrainedClassifier(
        pipeline=skops.io.load(path),
        labels=tuple(labels),
        reads=reads,
        calibration=None if calibration is None else Calibration(**calibration),
    )
