"""A chain of generations: each learns from what the one before has made, under one regime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import polars as pl

from distill.collapse.ngram import NgramModel, Vocabulary
from distill.collapse.regimes import Regime
from distill.diversity import DistinctN
from distill.diversity.contrast import contrast
from distill.metrics import ItemMetric
from distill.statistics import ALPHA
from distill.students import Examples, Student

PERPLEXITY = "perplexity"
# As in conf/guard/mode_collapse.yaml: a drop that matters, and not by chance.
MAX_RATIO = 0.95


@dataclass(frozen=True, kw_only=True)
class Generation:
    """One generation of one chain.

    Args:
        number: 0 learns from real data.
        examples: What it learnt from.
        heldout: Its figure on the real held-out data: perplexity, or the mean headline score.
        distinct_2: Share of word pairs that are new in what it makes, at the same number of words
            in all generations; `None` where it makes no pairs.
        less_varied: Whether what it makes is clearly less varied than what generation 0 made, as
            the guard `mode_collapse` would say by distinct-2; `None` where that is not measured.
        support: Share of what is real that it still makes: words, or the answers of the pool.
        output: What it made, to be read.
    """

    number: int
    examples: int
    heldout: float
    distinct_2: float | None
    less_varied: bool | None
    support: float
    output: tuple[str, ...]


class Breed(Protocol):
    """A kind of student that can be its own teacher."""

    @property
    def measure(self) -> str:
        """Name of the figure on held-out data."""

    def chain(
        self,
        regime: Regime,
        *,
        generations: int,
        seed: int,
        tell: Callable[[Generation], None],
    ) -> list[Generation]:
        """Return generation 0 and `generations` more.

        Args:
            regime: What each learns from.
            generations: After the one that learns from real data, >= 1.
            seed: Of every draw.
            tell: Hears of each generation when it is done.
        """


class NgramBreed:
    """N-gram language models that learn from each other's texts.

    Args:
        real: Real texts, in random order.
        heldout: Real texts that no generation learns from.
        order: Words of an n-gram.
        temperature: Of the draws.
        words: Words that distinct-2 is measured in.
    """

    measure = PERPLEXITY

    def __init__(
        self,
        real: Sequence[str],
        heldout: Sequence[str],
        *,
        order: int,
        temperature: float,
        words: int,
    ) -> None:
        self._vocabulary = Vocabulary(real)
        self._real = [self._vocabulary.read(text) for text in real]
        self._heldout = [self._vocabulary.read(text) for text in heldout]
        self._order, self._temperature = order, temperature
        self._distinct = DistinctN(n=2, tokens=words)

    def chain(
        self,
        regime: Regime,
        *,
        generations: int,
        seed: int,
        tell: Callable[[Generation], None],
    ) -> list[Generation]:
        """Return generation 0 and `generations` more."""
        rng = np.random.default_rng(seed)
        learnt, outputs = self._real, []
        made: list[Generation] = []
        known = _types(self._real)
        for number in range(generations + 1):
            model = NgramModel(
                learnt,
                size=len(self._vocabulary),
                order=self._order,
                temperature=self._temperature,
            )
            outputs.append(model.write(len(self._real), rng))
            texts = tuple(self._vocabulary.write(text) for text in outputs[-1])
            one = Generation(
                number=number,
                examples=len(learnt),
                heldout=model.perplexity(self._heldout),
                distinct_2=self._distinct.measure(texts),
                less_varied=_less_varied(texts, made[0].output, self._distinct) if made else False,
                support=len(_types(outputs[-1]) & known) / len(known),
                output=texts,
            )
            made.append(one)
            tell(one)
            learnt = regime.mix(self._real, outputs, rng)
        return made


def _less_varied(own: Sequence[str], first: Sequence[str], distinct: DistinctN) -> bool | None:
    """Say whether texts are less varied by effect and by test; `None` where they are too few."""
    found = contrast(
        _rows("own", own),
        _rows("first", first),
        [distinct],
        column="text",
        against="baseline",
        source="generation 0",
    )
    if not found.figures:
        return None
    figure = found.figures[0]
    return bool(
        figure.high is not None and figure.high < MAX_RATIO and (figure.p_value or 0.0) < ALPHA
    )


def _rows(side: str, texts: Sequence[str]) -> pl.DataFrame:
    """Return rows that share no question with those of another side: texts are not paired."""
    return pl.DataFrame({"question": [f"{side}{i}" for i in range(len(texts))], "text": texts})


def _types(texts: Sequence[np.ndarray[tuple[int], np.dtype[np.int64]]]) -> set[int]:
    return set(np.unique(np.concatenate(texts)).tolist())


class StudentBreed:
    """The configured student, that answers a pool of real questions and learns from its answers.

    Args:
        student: How it is trained.
        real: Real examples; generation 0 learns from these alone.
        pool: Real questions without an answer.
        questions: Of the held-out items.
        references: Their real answers.
        metric: Scores the answers to them.
        words: Words that distinct-2 is measured in.
    """

    def __init__(
        self,
        student: Student,
        real: Examples,
        pool: Sequence[str],
        *,
        questions: Sequence[str],
        references: Sequence[str],
        metric: ItemMetric,
        words: int,
    ) -> None:
        self._student, self._real, self._pool = student, real, list(pool)
        self._questions, self._references, self._metric = questions, references, metric
        self._distinct = DistinctN(n=2, tokens=words)

    @property
    def measure(self) -> str:
        """Name of the figure on held-out data."""
        return self._metric.name

    def chain(
        self,
        regime: Regime,
        *,
        generations: int,
        seed: int,
        tell: Callable[[Generation], None],
    ) -> list[Generation]:
        """Return generation 0 and `generations` more."""
        rng = np.random.default_rng(seed)
        real = list(zip(self._real.questions, self._real.answers, strict=True))
        real = [real[i] for i in rng.permutation(len(real))]
        learnt, outputs = real, []
        made: list[Generation] = []
        known = self._kinds(self._references)
        for number in range(generations + 1):
            trained = self._student.fit(self._examples(learnt), seed=seed)
            scores = self._metric.score(trained.answer(self._questions), self._references)
            answers = trained.answer(self._pool)
            one = Generation(
                number=number,
                examples=len(learnt),
                heldout=float(scores.mean()),
                distinct_2=None if self._real.labels else self._distinct.measure(answers),
                less_varied=None
                if self._real.labels or not made
                else _less_varied(answers, made[0].output, self._distinct),
                support=len(known & self._kinds(answers)) / len(known),
                output=tuple(answers),
            )
            made.append(one)
            tell(one)
            outputs.append(list(zip(self._pool, answers, strict=True)))
            learnt = regime.mix(real, outputs, rng)
        return made

    def _kinds(self, answers: Sequence[str]) -> set[str]:
        """Return the labels, or the words, that the answers use."""
        if self._real.labels:
            return set(answers)
        return {word for answer in answers for word in answer.split()}

    def _examples(self, learnt: Sequence[tuple[str, str]]) -> Examples:
        """Make examples that are all alike: no generation is told which answers are real."""
        labels = self._real.labels
        at = {label: i for i, label in enumerate(labels)}
        answers = tuple(answer for _, answer in learnt)
        return replace(
            self._real,
            questions=tuple(question for question, _ in learnt),
            answers=answers,
            real=np.ones(len(learnt), dtype=np.bool_),
            label_probs=np.eye(len(labels))[[at[a] for a in answers]] if labels else None,
            rationales=(),
            rejected=(),
        )
