"""What a configuration's own data comes to when students learn from students: all chains."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from distill.collapse.chain import Breed, Generation, NgramBreed, StudentBreed
from distill.collapse.regimes import Regime
from distill.errors import ConfigError, Fault, UserError
from distill.metrics import AskingMetric, ItemMetric
from distill.plan import CollapseSettings, Plan
from distill.stages.read import check_labels, read_heldout, read_seeds
from distill.stages.train import dataset_examples
from distill.students import Dpo, StepByStep, Tuned
from distill.table import GENERATED_COLUMNS, REAL, SYNTHETIC, TEACHER, add_columns

LEAST_TEXTS = 20
HELDOUT_SHARE = 0.25


@dataclass(frozen=True, kw_only=True)
class Course:
    """All chains of one regime.

    Args:
        regime: What each generation learnt from.
        chains: `(repeats, generations + 1)`.
    """

    regime: Regime
    chains: tuple[tuple[Generation, ...], ...]

    def figure(self, name: str, number: int) -> tuple[float, float, float] | None:
        """Return the mean, the least and the greatest of a figure over the chains.

        Args:
            name: `heldout`, `distinct_2`, `less_varied` or `support`.
            number: Of the generation.
        """
        values = [getattr(chain[number], name) for chain in self.chains]
        known = [value for value in values if value is not None]
        return (statistics.fmean(known), min(known), max(known)) if known else None


@dataclass(frozen=True, kw_only=True)
class Collapse:
    """What came of it.

    Args:
        student: `ngram`, or the name of the configured student's class.
        measure: Name of the figure on held-out data; perplexity rises, all others fall.
        real: Real items that generation 0 learnt from.
        heldout: Real items that it was measured on.
        seeds_sha256: Digest of the seeds file.
        courses: One a regime.
    """

    student: str
    measure: str
    real: int
    heldout: int
    seeds_sha256: str
    courses: tuple[Course, ...]


def follow(plan: Plan, tell: Callable[[str, Generation], None]) -> Collapse:
    """Read the real data, and let generations learn from each other under every regime.

    Args:
        plan: Built and validated; nothing is paid for.
        tell: Hears of each generation, with its regime's title.

    Raises:
        DataError: faults of the files.
        UserError: there is too little real data.
    """
    settings = plan.collapse
    table, seeds = read_seeds(plan.seeds, seed=plan.seed)
    heldout = read_heldout(plan.heldout)
    check_labels(plan.task, table, heldout)
    frame = None if heldout is None else heldout.frame
    if plan.student is None:
        breed, real, measured = _ngrams(table, frame, settings, plan.seed)
    else:
        breed, real, measured = _students(plan, table, frame)
    courses = []
    for regime in settings.chosen():
        chains = [
            breed.chain(
                regime,
                generations=settings.generations,
                seed=plan.seed + repeat,
                tell=partial(tell, regime.title),
            )
            for repeat in range(settings.repeats)
        ]
        courses.append(Course(regime=regime, chains=tuple(tuple(chain) for chain in chains)))
    return Collapse(
        student="ngram" if plan.student is None else type(plan.student).__name__,
        measure=breed.measure,
        real=real,
        heldout=measured,
        seeds_sha256=seeds.sha256,
        courses=tuple(courses),
    )


def _ngrams(
    table: pl.DataFrame, heldout: pl.DataFrame | None, settings: CollapseSettings, seed: int
) -> tuple[Breed, int, int]:
    real = _texts(table, settings.column)
    held = [] if heldout is None else _texts(heldout, settings.column)
    if len(real) < LEAST_TEXTS:
        raise UserError(
            f"collapse: got {len(real)} real texts in the column {settings.column} of seeds.path, "
            f"want {LEAST_TEXTS} or more.",
            hint="collapse.column=question takes the questions",
        )
    order = np.random.default_rng(seed).permutation(len(real))
    real = [real[i] for i in order]
    if not held:
        cut = round(len(real) * HELDOUT_SHARE)
        held, real = real[:cut], real[cut:]
    real = real[: settings.documents]
    breed = NgramBreed(
        real,
        held,
        order=settings.order,
        temperature=settings.temperature,
        words=settings.tokens,
    )
    return breed, len(real), len(held)


def _texts(frame: pl.DataFrame, column: str) -> list[str]:
    """Return the real texts of a column, each once."""
    real = frame.filter(pl.col("origin") != SYNTHETIC)[column]
    return list(dict.fromkeys(text for text in real if text and text.strip()))


def _students(
    plan: Plan, table: pl.DataFrame, heldout: pl.DataFrame | None
) -> tuple[Breed, int, int]:
    student, metric = plan.student, next(iter(plan.metrics.values()))
    if isinstance(metric, AskingMetric):
        got, hint = next(iter(plan.metrics)), "metric=qa, classify or math"
        want = "a first metric that asks no model: each generation would be marked anew"
        raise ConfigError([Fault("metric", want, got, hint)])
    if student is None or not isinstance(metric, ItemMetric):
        raise TypeError("a student and a headline metric are there; build has checked it")
    if isinstance(student, Dpo | StepByStep):
        raise UserError(
            f"collapse: got the student {type(student).__name__}, want one that learns from "
            "answers alone: no generation judges or explains those of the one before.",
            hint="student=sft",
        )
    if isinstance(student, Tuned):
        student.ready()
    rows = add_columns(table, GENERATED_COLUMNS).with_columns(answer="reference")
    real = rows.filter(pl.col("source") == REAL)
    pool = rows.filter(pl.col("source") == TEACHER)["question"].to_list()
    if heldout is None or real.is_empty() or not pool:
        lacks = "held-out examples" if heldout is None else "labelled seeds and a pool of others"
        raise UserError(
            f"collapse: a student that learns from itself needs {lacks}.",
            hint="heldout.path=FILE, seeds.real_labels=50; student=none takes an n-gram model",
        )
    breed = StudentBreed(
        student,
        dataset_examples(real, plan.task),
        pool,
        questions=heldout["question"].to_list(),
        references=heldout["reference"].to_list(),
        metric=metric,
        words=plan.collapse.tokens,
    )
    return breed, real.height, heldout.height


def first_worse(course: Course, *, rises: bool, by: float = 0.1) -> int | None:
    """Return the generation from which on the held-out figure is worse than generation 0's.

    It is worse in that generation and in all after it, in every chain.

    Args:
        course: Of one regime.
        rises: Whether the figure rises as a student gets worse.
        by: How much worse, as a share of generation 0's, > 0.
    """
    found = None
    for number in reversed(range(1, len(course.chains[0]))):
        worse: Sequence[bool] = [
            chain[number].heldout > chain[0].heldout * (1 + by)
            if rises
            else chain[number].heldout < chain[0].heldout * (1 - by)
            for chain in course.chains
        ]
        if not all(worse):
            break
        found = number
    return found
