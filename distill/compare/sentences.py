"""What can be said of two runs, and what cannot: plain sentences, the same in every output."""

from __future__ import annotations

from collections.abc import Iterator

from distill.compare.comparison import Comparison
from distill.compare.diversity import DiversityFigure
from distill.compare.heldout import HeldoutCompared
from distill.compare.lines import apart, value_text
from distill.compare.settings import Setting, shaping
from distill.diversity import MeanVocabSize
from distill.report.wording import count, counted, listed, points
from distill.statistics import ALPHA, POWER, PairedTest, verdict

VALUE_CHARS = 40
SHOWN_NAMES = 6
HIGHER_IS_REPETITIVE = "top_bigram_frequency"
# It says nothing of content, so neither direction is worth more.
NEUTRAL = "length_std_dev"
MOSTLY_CACHED = 0.5
# Texts whose mean lengths are closer have figures that can be compared.
SIMILAR_LENGTH = 0.9


def what_can_be_said(c: Comparison) -> list[str]:
    """Return what the figures show."""
    if c.same_run:
        return ["A and B are one and the same run."]
    return [_datasets(c), *_rows(c), *_diversity(c), *_students(c)]


def what_cannot(c: Comparison) -> list[str]:
    """Return what the figures might be taken for and do not show."""
    if c.same_run:
        return []
    return [*_causes(c), *_equal_variety(c), *_no_students(c), *_costs(c)]


def p_words(p_value: float) -> str:
    """Return a p-value: `p = 0.021`, `p < 0.001`."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def _datasets(c: Comparison) -> str:
    if all(side.figures.rows == 0 == side.figures.funnel.get("seeds") for side in (c.a, c.b)):
        return "Neither run made a dataset: both only evaluated."
    settings = shaping(c.settings)
    same = "The datasets are identical, byte for byte"
    if c.same_dataset and not settings:
        return f"{same}, and the configs ask for the same."
    if c.same_dataset:
        return f"{same}, although {_differ(settings)}."
    if settings:
        return f"The datasets differ, and so do the configs: {_differ(settings)}."
    return f"The configs ask for the same, yet the datasets differ: {_reason(c)}."


def _differ(settings: list[Setting]) -> str:
    if len(settings) > 1:
        keys = listed([one.key for one in settings], SHOWN_NAMES)
        return f"{len(settings)} settings that shape the dataset differ ({keys})"
    one = settings[0]
    values = apart(value_text(one.a), value_text(one.b), VALUE_CHARS)
    told = {"a": "only A has it", "b": "only B has it"}.get(
        one.where, f"{values[0]} in A, {values[1]} in B"
    )
    return f"one setting that shapes the dataset differs ({one.key}: {told})"


def _reason(c: Comparison) -> str:
    """Return what else differs, the likeliest reason first."""
    found = []
    if not c.inputs.get("seeds", True):
        found.append("the seeds differ")
    if c.code:
        found.append(f"the code of {listed(c.code, SHOWN_NAMES)} differs")
    if c.rows.changed:
        found.append(f"{counted(c.rows.changed, 'answer')} changed")
    if c.versions:
        found.append(f"the versions of {listed(list(c.versions), SHOWN_NAMES)} differ")
    if not found and c.rows.identical:
        return "the rows are the same, and are written differently"
    return "; ".join(found) or "nothing that was recorded says why"


def _rows(c: Comparison) -> Iterator[str]:
    rows = c.rows
    if c.same_dataset:
        return
    if rows.identical:
        yield f"All {count(rows.a)} rows are in both with the same answers."
        return
    parts = [
        f"{count(rows.both)} are in both, {count(rows.changed)} of them with another answer",
        f"{count(rows.rows_only_a)} only in A",
        f"{count(rows.rows_only_b)} only in B",
    ]
    order = ", in another order" if not rows.same_order else ""
    yield f"Of the rows, {'; '.join(parts)}{order}."


def _diversity(c: Comparison) -> Iterator[str]:
    found = c.diversity
    if c.same_dataset or found.why_not:
        return
    shown = [one for one in found.figures if one.p_holm is not None and one.p_holm < ALPHA]
    if not shown:
        yield (
            f"No difference in diversity was shown at equal size "
            f"({counted(min(found.rows), 'row')} of each)."
        )
        return
    ways: dict[str, list[str]] = {}
    for one in shown:
        ways.setdefault(_way(one), []).append(_figure(one))
    told = "; ".join(f"{way} by {listed(figures)}" for way, figures in ways.items())
    yield f"At equal size, B's {found.column}s are {told}."


def _way(one: DiversityFigure) -> str:
    if one.a is None or one.b is None or one.name == NEUTRAL:
        return "different"
    return "more varied" if (one.b > one.a) != (one.name == HIGHER_IS_REPETITIVE) else "less varied"


def _figure(one: DiversityFigure) -> str:
    ratio = "" if one.ratio is None else f"{one.ratio:.2f} of A's, "
    return f"{one.name} ({ratio}{p_words(one.p_holm or 0.0)})"


def _students(c: Comparison) -> Iterator[str]:
    found = c.heldout
    if isinstance(found, str):
        return
    test = found.test
    if test.only_a + test.only_b == 0:
        n = counted(test.n, "shared held-out item")
        yield f"The students score the same on every one of {n}."
        return
    heading = {
        "helps": "B's student is better",
        "hurts": "B's student is worse",
        "inconclusive": "No difference between the students was shown",
    }[verdict(test)]
    yield f"{heading}: {difference_words(test, found.metric)}."


def difference_words(test: PairedTest, metric: str) -> str:
    """Return the difference of two students with all its figures.

    Args:
        test: B's student as a, A's as b.
        metric: What was scored.
    """
    spread = f"{points(test.low)} to {points(test.high)}"
    return (
        f"{metric.replace('_', ' ')} {points(test.difference)} (95% interval {spread}, "
        f"{p_words(test.p_value)}, {counted(test.n, 'shared item')})"
    )


def _causes(c: Comparison) -> Iterator[str]:
    if c.same_dataset:
        return
    together = []
    settings = shaping(c.settings)
    if len(settings) > 1:
        together.append(f"{len(settings)} settings")
    elif settings:
        together.append(f"the setting {settings[0].key}")
    # Settings of the seeds change the seeds: that is one change.
    if not c.inputs.get("seeds", True) and not any(one.key.startswith("seeds") for one in settings):
        together.append("the seeds")
    if c.code:
        together.append(f"the code of {listed(c.code, SHOWN_NAMES)}")
    if len(together) > 1 or len(settings) > 1:
        yield f"Which change made the difference: {listed(together)} differ together."


def _equal_variety(c: Comparison) -> Iterator[str]:
    found = c.diversity
    tested = [one.p_holm for one in found.figures if one.p_holm is not None]
    if c.same_dataset or not tested:
        return
    if min(tested) >= ALPHA:
        yield (
            f"That the datasets are equally varied: on {counted(min(found.rows), 'row')} of each "
            "no figure showed a difference, which is not the same."
        )
    a, b = found.mean_words
    if min(a, b) < SIMILAR_LENGTH * max(a, b):
        yield (
            f"Whether {MeanVocabSize.name} moved with variety or with length: "
            f"A's {found.column}s have {a:.1f} words on average, B's {b:.1f}."
        )


def _no_students(c: Comparison) -> Iterator[str]:
    found = c.heldout
    if isinstance(found, str):
        yield f"Which student is better. {found}"
        return
    if verdict(found.test) == "inconclusive":
        yield f"That the students are equally good: {_sensitivity(found.test)}."
    if found.same_answers < found.test.n:
        yield (
            "How another training would come out: each student was trained once, and the interval "
            "covers the choice of held-out items alone."
        )
    yield from _left_out(found)


def _sensitivity(test: PairedTest) -> str:
    n = counted(test.n, "shared item")
    if test.only_a + test.only_b == 0:
        return f"they agree on {n}, and other items may tell them apart"
    if test.minimum_detectable is None:
        return f"on {n} no difference, however large, would be found {POWER:.0%} of the time"
    smallest = points(test.minimum_detectable).lstrip("+")
    return f"on {n} a true difference below {smallest} is found less than {POWER:.0%} of the time"


def _left_out(found: HeldoutCompared) -> Iterator[str]:
    outside = [
        f"{count(items - found.test.n)} of {name}'s {count(items)}"
        for name, items in zip(("A", "B"), found.items, strict=True)
        if items > found.test.n
    ]
    if outside:
        altered = f"; {count(found.altered)} bear one id and differ" if found.altered else ""
        yield f"How the students do on held-out items of one run ({listed(outside)}{altered})."


def _costs(c: Comparison) -> Iterator[str]:
    for name, side in (("A", c.a), ("B", c.b)):
        spent = [one for one in side.figures.spent if one is not None]
        paid, cached = sum(one.requests for one in spent), sum(one.cached for one in spent)
        if cached and cached / (paid + cached) >= MOSTLY_CACHED:
            yield (
                f"What {name} would have cost by itself: {count(cached)} of its "
                f"{counted(paid + cached, 'response')} came free out of the ledger."
            )
