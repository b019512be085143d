"""The evaluation as `manifest.json` tells it, under `eval`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from distill.statistics import Interval, PairedTest

if TYPE_CHECKING:
    from distill.gaps import Gap
    from distill.stages.breakdown import Part
    from distill.stages.evaluate import Arm, Evaluation
    from distill.stages.heldout_loss import HeldoutLoss
    from distill.stages.marked import HumanMarks
    from distill.stages.refit import CurvePoint, Reseeded
    from distill.stages.several import Several
    from distill.stages.synthetic import Both, SyntheticGap

PLACES = 6


def eval_figures(evaluation: Evaluation) -> dict[str, Any]:
    """Return the figures of all arms, of the comparison behind the verdict, and of each other one.

    An arm's `comparison` is the student minus that arm, paired by item.
    """
    broken_down = {"slices": evaluation.slices, "labels": evaluation.labels}
    return {
        "metric": evaluation.metric,
        "arm": evaluation.student,
        "baseline": evaluation.baseline,
        **_arm(evaluation.arms[evaluation.student]),
        "arms": {
            name: _arm(arm) | _comparison(evaluation.comparisons, name)
            for name, arm in evaluation.arms.items()
        },
        "comparison": paired_figures(evaluation.test, other="baseline"),
        **{key: [_part(part) for part in found] for key, found in broken_down.items() if found},
        **({"curve": [_point(one) for one in evaluation.curve]} if evaluation.curve else {}),
        **({} if evaluation.loss is None else {"loss": _loss(evaluation.loss)}),
        **({} if evaluation.clusters is None else {"clusters": evaluation.clusters.count}),
        **({} if evaluation.reseeded is None else {"seeds": _seeds(evaluation.reseeded)}),
        **({} if evaluation.several is None else {"students": _several(evaluation.several)}),
        **({} if evaluation.human is None else {"human": _human(evaluation.human)}),
        **({} if evaluation.synthetic is None else {"synthetic": _gap(evaluation.synthetic)}),
    }


def _arm(arm: Arm) -> dict[str, Any]:
    figures = {
        "accuracy": arm.headline.value,
        "low": arm.headline.low,
        "high": arm.headline.high,
        **arm.metrics,
    }
    counted = {"examples": arm.examples} if arm.examples is not None else {}
    unanswered = sum(answer is None for answer in arm.answers)
    if unanswered:
        counted["unanswered"] = unanswered
    if arm.unscored:
        counted["unscored"] = arm.unscored
    return {
        **{name: round(value, PLACES) for name, value in figures.items()},
        "n": arm.headline.n,
        **counted,
    }


def _part(part: Part) -> dict[str, Any]:
    own = part.student
    figures = {"accuracy": own.value, "low": own.low, "high": own.high, "baseline": part.baseline}
    return {
        "name": part.name,
        "n": own.n,
        **{name: round(value, PLACES) for name, value in figures.items()},
        "few": part.few,
    }


def _point(point: CurvePoint) -> dict[str, Any]:
    own = point.headline
    figures = {"share": point.share, "accuracy": own.value, "low": own.low, "high": own.high}
    return {
        **{name: round(value, PLACES) for name, value in figures.items()},
        "examples": point.examples,
        "n": own.n,
    }


def _loss(loss: HeldoutLoss) -> dict[str, Any]:
    figures = {"before": loss.before, "after": loss.after, "low": loss.low, "high": loss.high}
    return {name: round(value, PLACES) for name, value in figures.items()} | {"n": loss.n}


def _seeds(found: Reseeded) -> dict[str, Any]:
    return {
        "n": len(found.seeds),
        "seeds": list(found.seeds),
        "accuracy": [round(mean, PLACES) for mean in found.means],
        "sd": round(found.spread, PLACES),
        "unchanged": found.unchanged,
        "verdicts": list(found.verdicts),
    }


def _several(found: Several) -> dict[str, Any]:
    pairs = [
        {"a": pair.a, "b": pair.b, **paired_figures(pair.test, own="a", other="b"),
         "p_holm": round(pair.p_holm, PLACES)}
        for pair in found.pairs
    ]  # fmt: skip
    untrained = {"untrained": dict(found.untrained)} if found.untrained else {}
    return {"names": list(found.names), "pairs": pairs, **untrained}


def _human(marks: HumanMarks) -> dict[str, Any]:
    """Return the student's score by the judge alone, by humans alone and by both."""
    told: dict[str, Any] = {"labelled": marks.labelled}
    if marks.kappa is not None:
        kappa = marks.kappa
        told["kappa"] = {
            name: round(getattr(kappa, name), PLACES) for name in ("value", "low", "high")
        }
    found = marks.accuracy
    ways = (
        {}
        if found is None
        else {"naive": found.naive, "human_only": found.human_only, "corrected": found.corrected}
    )
    return told | {name: _side(one) for name, one in ways.items() if one is not None}


def _gap(found: SyntheticGap) -> dict[str, Any]:
    both = {"student": found.student, "teacher": found.teacher}
    return {
        "n": found.items,
        "left_out": found.left_out,
        **{name: _both(one) for name, one in both.items() if one is not None},
        **({} if found.excess is None else {"excess": _difference(found.excess)}),
    }


def _both(one: Both) -> dict[str, Any]:
    sides = {"synthetic": one.synthetic, "real": one.real}
    return {**{name: _side(side) for name, side in sides.items()}, "gap": _difference(one.gap)}


def _side(side: Interval) -> dict[str, Any]:
    return {
        "accuracy": round(side.value, PLACES),
        "low": round(side.low, PLACES),
        "high": round(side.high, PLACES),
        "n": side.n,
    }


def _difference(gap: Gap) -> dict[str, Any]:
    smallest = gap.minimum_detectable
    return {
        "difference": round(gap.difference, PLACES),
        "low": round(gap.low, PLACES),
        "high": round(gap.high, PLACES),
        "minimum_detectable": None if smallest is None else round(smallest, PLACES),
    }


def _comparison(tests: Mapping[str, PairedTest], name: str) -> dict[str, Any]:
    return {"comparison": paired_figures(tests[name], other="arm")} if name in tests else {}


def paired_figures(test: PairedTest, *, other: str, own: str = "student") -> dict[str, Any]:
    """Return a paired test of the student.

    Args:
        test: The student is a.
        other: What b is called in the name of a key.
        own: What a is called.
    """
    smallest = test.minimum_detectable
    return {
        "difference": round(test.difference, PLACES),
        "low": round(test.low, PLACES),
        "high": round(test.high, PLACES),
        "p_value": round(test.p_value, PLACES),
        f"only_{own}": test.only_a,
        f"only_{other}": test.only_b,
        "minimum_detectable": None if smallest is None else round(smallest, PLACES),
    }
