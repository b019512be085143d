"""A calibration for programs: `calibration.json`, one object.

format             version of this object, 1
judge              model, sha256 (of what shapes its scores: see `judge_settings`), threshold, and
                   what it cost: requests, cached, failed, input_tokens, output_tokens, cost_usd
                   (null where the price is unknown); unscored labelled answers
labels             source, sha256 of the file, n with a label and a score, right, right_from
checked_at         when it began, UTC, ISO 8601
verdict, notes     sentences
gate               passed, failures (sentences)
kappa              value, low, high, n, standard_error; null where undefined
human_kappa        the same of two humans; judge_kappa of the judge on the same answers
confusion          kept_right, kept_wrong, dropped_right, dropped_wrong
error_rate, false_keep_rate (of the wrong), false_drop_rate (of the right), sensitivity,
specificity, precision, recall: at the threshold in use
auc, roc           the area; [share of wrong kept, share of right kept, threshold] by point
thresholds         threshold, kept, precision, recall, limit (exact, one-sided, Bonferroni)
recommended        threshold, kept, precision, recall, limit, wanted, by (limit: shown; estimate:
                   not shown), labels_needed to show it; null where none reaches it
accuracy           naive, human_only, corrected, weight, labelled, unlabelled, run, draw_p
bias               verbosity, self_preference, position, repeats: figures, or
                   {"not_measured": why}

A share with an interval is {value, low, high, n}; null where there is nothing to count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

from distill.calibrate.gate import failures
from distill.calibrate.result import Calibration
from distill.calibrate.sentences import notes, verdict
from distill.calibrate.thresholds import Line

FORMAT = 1
# Points of a curve beyond these are thinned: nobody sees more, and a score of many places has one
# a label.
MOST_POINTS = 200


def to_json(made: Calibration) -> dict[str, Any]:
    """Return a calibration as plain values."""
    table, found = made.confusion, made.accuracy
    return {
        "format": FORMAT,
        "judge": _judge(made),
        "labels": {
            "source": made.labels.records.source,
            "sha256": made.labels.records.sha256,
            "n": made.n,
            "right": table.kept_right + table.dropped_right,
            "right_from": made.right_from,
        },
        "checked_at": made.started_at,
        "verdict": verdict(made),
        "notes": notes(made),
        "gate": {"passed": not failures(made), "failures": failures(made)},
        "kappa": _plain(made.kappa),
        "human_kappa": _plain(made.human_kappa),
        "judge_kappa": _plain(made.judge_kappa),
        "confusion": asdict(table),
        "error_rate": _plain(table.error_rate),
        "false_keep_rate": _plain(table.false_keep_rate),
        "false_drop_rate": _plain(table.false_drop_rate),
        "sensitivity": _plain(table.sensitivity),
        "specificity": _plain(table.specificity),
        "precision": _plain(table.precision),
        "recall": _plain(table.sensitivity),
        "auc": _plain(made.area),
        "roc": [[_finite(one) for one in point] for point in _thinned(made.roc)],
        "thresholds": [_line(line) for line in made.lines],
        "recommended": _recommended(made),
        "accuracy": {
            "naive": _plain(found.naive),
            "human_only": _plain(found.human_only),
            "corrected": _plain(found.corrected),
            "weight": found.weight,
            "labelled": found.labelled,
            "unlabelled": found.unlabelled,
            "run": made.labels.run,
            "draw_p": made.draw_p,
        },
        "bias": {
            "verbosity": _bias(made.verbosity),
            "self_preference": _bias(made.self_preference),
            "position": _bias(made.position),
            "repeats": _bias(made.repeats),
        },
    }


def _judge(made: Calibration) -> dict[str, Any]:
    spend = made.spend
    return {
        "model": made.judge,
        "sha256": made.judge_sha256,
        "threshold": made.threshold,
        "served": sorted(spend.served),
        "requests": spend.requests,
        "cached": spend.cached,
        "failed": spend.failed,
        "input_tokens": spend.input_tokens,
        "output_tokens": spend.output_tokens,
        "cost_usd": spend.cost_usd,
        "unscored": made.unscored,
    }


def _recommended(made: Calibration) -> dict[str, Any] | None:
    if made.recommended is None:
        return None
    found = made.recommended
    return _line(found.line) | {
        "by": found.by,
        "wanted": made.precision,
        "labels_needed": found.labels_needed,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "threshold": line.threshold,
        "kept": line.kept,
        "precision": _plain(line.precision),
        "recall": _plain(line.recall),
        "limit": line.limit,
    }


def _bias(found: Any) -> dict[str, Any]:
    return {"not_measured": found} if isinstance(found, str) else asdict(found)


def _plain(found: Any) -> dict[str, Any] | None:
    return asdict(found) if is_dataclass(found) and not isinstance(found, type) else None


def _thinned(points: Sequence[tuple[float, ...]]) -> Sequence[tuple[float, ...]]:
    if len(points) <= MOST_POINTS:
        return points
    at = np.unique(np.linspace(0, len(points) - 1, MOST_POINTS).round().astype(int))
    return [points[i] for i in at]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
