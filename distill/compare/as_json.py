"""A comparison for programs: one JSON object with these keys, in this order.

    format          version of this object, 1
    a, b            run_id, name, started_at, distill_version, task, rows, real_rows,
                    dataset_sha256, config_sha256, verdict
    same            run, dataset, config: booleans; inputs: boolean by name;
                    code: parts whose code differs; versions: {library: [a, b]}
    said, unsaid    sentences: what can be said, what cannot
    settings        key, a, b, in (both, a, b), shapes_dataset
    funnel          {stage: [a, b]}, null where a run lacks the stage
    rejected        {"stage/reason": [a, b]}
    rows            a, b, same_answer, changed_answer, changed_rationale_only, only_a, only_b,
                    matched_by_question, same_order, why_not_in_b and why_not_in_a ({why: rows}),
                    examples {only_a, only_b, changed_answer}
    models          {role: [a, b]}, each null or model, served, requests, cached, failed,
                    input_tokens, output_tokens, cost_usd
    cost_usd        [a, b], null where a price is unknown
    diversity       why_not (null where tested), column, rows, words, mean_words,
                    questions_swapped, questions_dealt, permutations, figures (name, reported,
                    equal_size, ratio, low, high, p_value, p_holm); ratios are b / a
    heldout         why_not alone, or with it null: metric, arms, items, shared, altered, a, b
                    (value, low, high), difference (b minus a), low, high, p_value, only_a_better,
                    only_b_better, minimum_detectable, same_answers, verdict on b against a,
                    controls, slices, examples

Pairs are [a, b]. What a run does not know is null, never 0.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from distill.compare.comparison import Comparison
from distill.compare.diversity import DiversityFigure
from distill.compare.heldout import HeldoutCompared
from distill.compare.lines import cost_of, paired
from distill.compare.sentences import what_can_be_said, what_cannot
from distill.compare.settings import Setting
from distill.compare.side import Side
from distill.costs import ROLES
from distill.statistics import Interval, verdict

FORMAT = 1


def to_json(c: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values; see the module's own words for the keys."""
    a, b = c.a.figures, c.b.figures
    return {
        "format": FORMAT,
        "a": _run(c.a),
        "b": _run(c.b),
        "same": {
            "run": c.same_run,
            "dataset": c.same_dataset,
            "config": c.same_config,
            "inputs": c.inputs,
            "code": list(c.code),
            "versions": {name: list(pair) for name, pair in c.versions.items()},
        },
        "said": what_can_be_said(c),
        "unsaid": what_cannot(c),
        "settings": [_setting(one) for one in c.settings],
        "funnel": {name: list(pair) for name, pair in paired(a.funnel, b.funnel).items()},
        "rejected": {name: list(pair) for name, pair in paired(a.rejected, b.rejected).items()},
        "rows": _rows(c),
        "models": {role: [_spent(getattr(a, role)), _spent(getattr(b, role))] for role in ROLES},
        "cost_usd": [cost_of(a), cost_of(b)],
        "diversity": _diversity(c),
        "heldout": {"why_not": c.heldout} if isinstance(c.heldout, str) else _heldout(c.heldout),
    }


def _run(side: Side) -> dict[str, Any]:
    figures = side.figures
    return {
        "run_id": figures.run_id,
        "name": side.name,
        "started_at": figures.started_at,
        "distill_version": figures.distill_version,
        "task": side.task,
        "rows": figures.rows,
        "real_rows": figures.real_rows,
        "dataset_sha256": figures.dataset_sha256,
        "config_sha256": figures.config_sha256,
        "verdict": figures.verdict,
    }


def _setting(one: Setting) -> dict[str, Any]:
    return {
        "key": one.key,
        "a": one.a,
        "b": one.b,
        "in": one.where,
        "shapes_dataset": one.shapes_dataset,
    }


def _rows(c: Comparison) -> dict[str, Any]:
    rows = c.rows
    return {
        "a": rows.a,
        "b": rows.b,
        "same_answer": rows.same,
        "changed_answer": rows.changed,
        "changed_rationale_only": rows.reasoned_otherwise,
        "only_a": rows.rows_only_a,
        "only_b": rows.rows_only_b,
        "matched_by_question": rows.by_question,
        "same_order": rows.same_order,
        "why_not_in_b": dict(rows.why_not_in_b),
        "why_not_in_a": dict(rows.why_not_in_a),
        "examples": {
            "only_a": [asdict(row) for row in rows.only_a],
            "only_b": [asdict(row) for row in rows.only_b],
            "changed_answer": [asdict(row) for row in rows.changes],
        },
    }


def _spent(spent: Any) -> dict[str, Any] | None:
    return None if spent is None else spent.model_dump(mode="json")


def _diversity(c: Comparison) -> dict[str, Any]:
    found = c.diversity
    return {
        "why_not": found.why_not,
        "column": found.column,
        "rows": list(found.rows),
        "words": found.words,
        "mean_words": list(found.mean_words),
        "questions_swapped": found.swapped,
        "questions_dealt": found.dealt,
        "permutations": found.permutations,
        "figures": [_figure(one) for one in found.figures],
    }


def _figure(one: DiversityFigure) -> dict[str, Any]:
    return {
        "name": one.name,
        "reported": [one.own_a, one.own_b],
        "equal_size": [one.a, one.b],
        "ratio": one.ratio,
        "low": one.low,
        "high": one.high,
        "p_value": one.p_value,
        "p_holm": one.p_holm,
    }


def _heldout(found: HeldoutCompared) -> dict[str, Any]:
    test = found.test
    return {
        "why_not": None,
        "metric": found.metric,
        "arms": list(found.arms),
        "items": list(found.items),
        "shared": test.n,
        "altered": found.altered,
        "a": _interval(found.a),
        "b": _interval(found.b),
        "difference": test.difference,
        "low": test.low,
        "high": test.high,
        "p_value": test.p_value,
        # The test has B's student as its a.
        "only_a_better": test.only_b,
        "only_b_better": test.only_a,
        "minimum_detectable": test.minimum_detectable,
        "same_answers": found.same_answers,
        "verdict": verdict(test),
        "controls": [asdict(arm) for arm in found.controls],
        "slices": [asdict(part) for part in found.slices],
        "examples": [asdict(item) for item in found.examples],
    }


def _interval(interval: Interval) -> dict[str, float]:
    return {"value": interval.value, "low": interval.low, "high": interval.high}
