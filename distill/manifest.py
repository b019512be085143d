"""A run in figures. Numbers that no stage produced are absent; an unknown price is `null`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import distill
from distill.abstention import abstained, abstention
from distill.across import models_of
from distill.costs import per_row_usd, total_cost_usd
from distill.diversity.contrast import Contrast
from distill.eval_figures import eval_figures
from distill.fingerprint import implementation, versions
from distill.identity import config_sha256
from distill.judges.pairwise import Pairwise, position_counts
from distill.models.budget import Spend
from distill.record import RunRecord
from distill.records import Records, rows_sha256
from distill.review import review_counts
from distill.stages.augment import REASONS
from distill.stages.evaluate_endpoint import ROLES
from distill.stages.judge import BELOW_THRESHOLD
from distill.students import Endpoint
from distill.table import REAL, SYNTHETIC, UNSCORED, is_in, rejected_counts

FORMAT = 1
PLACES = 6


def make_manifest(record: RunRecord) -> dict[str, Any]:
    """Return `manifest.json` of a finished run."""
    plan = record.plan
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "distill_version": distill.__version__,
        "run_id": record.run_id,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "dataset_sha256": record.dataset_sha256,
        "config_sha256": config_sha256(plan.config),
        "rows": record.funnel["selected"],
        "real_rows": record.table.filter(source=REAL).height,
        "synthetic_rows": record.table.filter(is_in(), origin=SYNTHETIC).height,
        "inputs": {"seeds": _input(record.seeds)},
        "versions": versions(),
        "implementation": implementation(plan),
        "teacher": _spent(record.spend.get("teacher") or Spend(plan.teacher.model, None)),
        "funnel": record.funnel,
        "rejected": _rejected(record),
        "diversity": {name: round(value, PLACES) for name, value in record.diversity.items()},
        "guards": {name: result.status for name, result in record.guards.items()},
        "guard_findings": {name: result.figures() for name, result in record.guards.items()},
        "time": record.time_s,
        "cost_if_uncached_usd": _rounded(record.uncached_usd),
    }
    counted = abstention(record.table, plan.filters)
    if counted is not None:
        manifest["abstention"] = counted
    if record.abstain_sha256 is not None:
        rows = abstained(record.table, plan.filters).height
        manifest["abstention"] |= {"rows": rows, "sha256": record.abstain_sha256}
    if record.review.height:
        manifest["review"] = review_counts(record.review)
    if record.handed_over:
        manifest["handover"] = {
            name: {"files": dict(given.files), "faults": list(given.faults)}
            for name, given in record.handed_over.items()
        }
    if record.sweep_id is not None:
        manifest["sweep"] = {"id": record.sweep_id, "point": record.name}
    if record.heldout is not None:
        manifest["inputs"]["heldout"] = _input(record.heldout)
    if record.synthetic is not None:
        manifest["inputs"]["synthetic_heldout"] = _input(record.synthetic)
    if plan.judge is not None and plan.judge.endpoint is not None:
        spend = record.spend.get("judge") or Spend(plan.judge.endpoint.model, None)
        unscored = manifest["rejected"].get(f"judge/{UNSCORED}", 0)
        manifest["judge"] = _spent(spend) | {"unscored": unscored}
        if isinstance(plan.judge, Pairwise):
            manifest["judge"]["pairs"] = position_counts(record.table["judge_scores"])
        if record.watch is not None:
            manifest["judge"]["canaries"] = record.watch.counts()
    if record.calibration is not None:
        manifest["judge_calibration"] = record.calibration.figures()
    if plan.augment is not None:
        model = plan.augment.via or plan.teacher
        manifest["augment"] = _spent(record.spend.get("augment") or Spend(model.model, None))
    if isinstance(plan.student, Endpoint):
        for key, asked in plan.student.models.items():
            role = ROLES[key]
            manifest[role] = _spent(record.spend.get(role) or Spend(asked.model, None))
    asked_elsewhere = models_of(plan.students)
    if asked_elsewhere:
        manifest["students"] = _together(
            record.spend.get(key.removesuffix(".via")) or Spend(model.model, None)
            for key, model in asked_elsewhere.items()
        )
    for marker in plan.markers.values():
        manifest["metric_judge"] = _spent(
            record.spend.get("metric_judge") or Spend(marker.model, None)
        )
    calibration = getattr(record.trained, "calibration", None)
    if calibration is not None:
        figures = calibration.figures()
        manifest["student_calibration"] = {
            name: round(value, PLACES) for name, value in figures.items()
        }
    if record.diversity_absent:
        manifest["diversity_absent"] = record.diversity_absent
    if record.contrasts:
        manifest["contrasts"] = {one.against: _contrast(one) for one in record.contrasts}
    if record.collapse is not None:
        manifest["collapse"] = record.collapse
    if record.canaries is not None:
        manifest["canaries"] = record.canaries.counts()
    kept = manifest["rows"] - manifest["real_rows"]
    manifest["cost_per_row_usd"] = _rounded(per_row_usd(total_cost_usd(manifest), kept))
    if record.evaluation is not None:
        manifest["eval"] = eval_figures(record.evaluation)
    manifest["verdict"], manifest["verdict_reason"] = verdict_of(record)
    return manifest


def verdict_of(record: RunRecord) -> tuple[str, str]:
    """Return the verdict and the sentence that it rests on."""
    if record.evaluation is not None:
        return record.evaluation.verdict, record.evaluation.reason
    if record.plan.student is None:
        return "inconclusive", "No student was trained (student=none), so nothing was proved."
    return "inconclusive", "There is no held-out set (heldout.path), so nothing was proved."


def _input(records: Records) -> dict[str, Any]:
    return {
        "source": records.source,
        "sha256": records.sha256,
        "rows": records.frame.height,
        "rows_sha256": rows_sha256(records.frame),
    }


def _spent(spend: Spend) -> dict[str, Any]:
    return {
        "model": spend.model,
        "served": sorted(spend.served),
        "requests": spend.requests,
        "cached": spend.cached,
        "failed": spend.failed,
        "input_tokens": spend.input_tokens,
        "output_tokens": spend.output_tokens,
        "cost_usd": _rounded(spend.cost_usd),
        **_cached_prompts(spend),
        **_lost(spend),
    }


def _together(spends: Iterable[Spend]) -> dict[str, Any]:
    """Return what several models cost together; unknown where one of them is."""
    told = [_spent(spend) for spend in spends]
    keys = dict.fromkeys(key for one in told for key in one)
    joined: dict[str, Any] = {}
    for key in keys:
        values = [one.get(key, 0) for one in told]
        if key == "model":
            joined[key] = ", ".join(values)
        elif key == "served":
            joined[key] = sorted({name for one in values for name in one})
        else:
            joined[key] = None if None in values else sum(values)
    return joined


def _cached_prompts(spend: Spend) -> dict[str, Any]:
    """Say what prompt caching came to, where there was any."""
    if not spend.cache_write_tokens and not spend.cache_read_tokens:
        return {}
    return {
        "cache_write_tokens": spend.cache_write_tokens,
        "cache_read_tokens": spend.cache_read_tokens,
        "cache_saved_usd": _rounded(spend.cache_saved_usd),
    }


def _lost(spend: Spend) -> dict[str, Any]:
    """Say which attempts may have been billed without an answer, where there are any."""
    if not spend.lost:
        return {}
    known = {} if spend.price is None else {"maybe_usd": _rounded(spend.maybe_usd)}
    return {"lost": spend.lost} | known


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, PLACES)


def _rejected(record: RunRecord) -> dict[str, int]:
    """Count what fell out; a stage that ran and dropped nothing says 0."""
    ran = {f"filter/{name}": 0 for name in record.plan.filters}
    if record.plan.augment is not None:
        ran |= {f"augment/{reason}": 0 for reason in REASONS}
    if record.plan.judge is not None:
        ran |= {f"judge/{UNSCORED}": 0, f"judge/{BELOW_THRESHOLD}": 0}
    return ran | rejected_counts(record.table)


def _contrast(one: Contrast) -> dict[str, Any]:
    about = {"source": one.source, "column": one.column}
    if one.why_not is not None:
        return about | {"why_not": one.why_not}
    numbers = ("value", "other", "ratio", "low", "high", "p_value", "p_holm")
    return {
        **about,
        "rows": one.rows[0],
        "words": one.words,
        "paired": one.paired,
        "dealt": one.dealt,
        "permutations": one.permutations,
        "figures": {
            figure.name: {name: _rounded(getattr(figure, name)) for name in numbers}
            for figure in one.figures
        },
    }
