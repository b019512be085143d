"""The stages once more: the run's own parts, everything else replaced by ours.

Of a stored config only what shapes the dataset is built. Where the run wrote, which store and
ledger it used, which endpoints it asked, what it trained and how it was guarded has no say here.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from distill.build import build
from distill.config import Config
from distill.errors import ConfigError, Fault, shown
from distill.models.batch_api import ONLINE
from distill.models.client import ModelClient
from distill.models.limits import KINDS
from distill.plan import Plan
from distill.record import RunRecord
from distill.records import INPUT_COLUMNS, Records
from distill.reproduce.replay import OFFLINE_URL
from distill.reproduce.stored import CONFIG, Stored, told_of_config
from distill.run import distil
from distill.stages.read import read_seeds
from distill.stages.screen import Screen

SHAPING = ("task", "seeds", "teacher", "filter", "judge", "select", "export", "seed", "augment")
CLAUDE = "distill.models.Claude"
REPLACED: Config = {
    "heldout": None,
    "student": None,
    "students": {},
    "metric": {"accuracy": {"_target_": "distill.metrics.Accuracy"}},
    "diversity": {},
    "guard": {},
    "handover": {},
    "evaluate": {
        "teacher": False,
        "controls": False,
        "tuned": False,
        "seeds": 1,
        "curve": [],
        "synthetic_heldout": None,
    },
    "drift": {"questions": 0, "samples": 2},
    "collapse": {
        "regimes": ["replace"],
        "share": 0.0,
        "generations": 1,
        "repeats": 1,
        "column": "question",
        "documents": None,
        "order": 3,
        "temperature": 1.0,
        "tokens": 1,
    },
    "calibrate": {
        "path": None,
        "run": None,
        "right_from": 0.5,
        "precision": 1.0,
        "repeats": 0,
        "repeat_rows": 1,
        "gate": False,
    },
    "judge_calibration": {"path": None},
    "baseline": {"run": None},
    "report": {"collapse": None},
    "budget": {"max_usd": None},
    "ledger": {"url": "sqlite://", "synchronous": "NORMAL"},
    "tracking": {"_target_": "distill.tracking.NoTracking", "uri": None, "experiment": "none"},
    "engine": {"name": "local"},
    "paths": {"out": "none"},
}


# By component, what a key that it got later was before.
LATER_KEYS: Mapping[str, Config] = {
    "distill.models.Claude": {"lost_batch_s": 60.0},
    "distill.judges.Rubric": {"band": None, "canaries": 0, "mode": None},
    "distill.models.OpenAICompatible": {
        "structured": "json_schema",
        "label_logprobs": "none",
        "top_logprobs": 20,
    },
    "distill.tasks.Classify": {
        "letters": False,
        "options": "{options}",
        "min_covered": 0.0,
    },
    **{
        f"distill.selectors.{name}": {"min_real_share": None}
        for name in ("TopRows", "BestOfN", "Balanced", "RandomRows", "Diverse")
    },
    "distill.filters.Uncertainty": {"policy": "drop", "quoted": True},
}


@dataclass(frozen=True, kw_only=True)
class StoredSeeds:
    """Seeds that a run left.

    Args:
        records: Columns `INPUT_COLUMNS`.
        real_labels: How many of them the run drew as real examples; `None` is all.
    """

    records: Records
    real_labels: int | None

    def read(self) -> Records:
        """Return the seeds."""
        return self.records


def plan_of(
    config: Config, *, teacher: Mapping[str, Any] | None = None, heldout: bool = False
) -> Plan:
    """Build the parts of a stored config that shape its dataset.

    Args:
        config: Checked by `distill.trust`.
        teacher: Keys of the teacher that are set by the user; `None` cuts every model off.
        heldout: Whether the held-out set has a say: new questions keep away from it, and where
            nothing but the config is left no one else knows which ones did.

    Raises:
        ConfigError: the parts do not fit this release; all faults at once.
    """
    kept = {key: copy.deepcopy(config[key]) for key in SHAPING if key in config}
    for key in ("teacher", "judge", "augment"):
        _cut_off(kept.get(key))
    for key in ("task", "teacher", "judge", "augment", "select", "filter"):
        _complete(kept.get(key))
    if isinstance(kept.get("judge"), dict) and "canaries" in kept["judge"]:
        # They watch the judge and shape nothing.
        kept["judge"]["canaries"] = 0
    if teacher is not None and isinstance(kept.get("teacher"), dict):
        kept["teacher"] |= teacher
    replaced = copy.deepcopy(REPLACED)
    if heldout:
        replaced["heldout"] = copy.deepcopy(config.get("heldout"))
    elif isinstance(kept.get("augment"), dict):
        # What was too near is in the run's table: nothing is embedded again.
        kept["augment"]["heldout_cosine"] = None
    return build({"augment": None, **kept, **replaced})


def stored_seeds(examples: pl.DataFrame, *, rows: int | None = None) -> Records:
    """Return the seeds out of a run's table: every row but the teacher's further samples.

    Args:
        examples: The run's table.
        rows: How many stood in the seeds file, which come first; `None` takes the new questions
            that were made of them, too.
    """
    frame = examples.filter(pl.col("sample") == 0).select(INPUT_COLUMNS)
    frame = frame if rows is None else frame.head(rows)
    return Records(frame=frame, sha256="", source="examples.parquet")


def stored_plan(stored: Stored, *, teacher: Mapping[str, Any] | None = None) -> Plan:
    """Build the parts of a stored run, as `plan_of` does.

    Raises:
        ConfigError: the parts do not fit this release, or ask for more than the run has.
    """
    with told_of_config(altered=CONFIG in stored.altered):
        plan = plan_of(stored.config, teacher=teacher)
        check_samples(plan, most=len(stored.responses) + sum(stored.facts.failed.values()))
    return plan


def check_samples(plan: Plan, *, most: int) -> None:
    """See that the run has a response for every sample that its config asks for.

    Args:
        plan: The run's parts.
        most: Requests that the run made.

    Raises:
        ConfigError: a config that asks for more could fill the memory and prove nothing.
    """
    samples = {"teacher.samples": plan.teacher.samples}
    if plan.judge is not None and plan.judge.endpoint is not None:
        samples["judge.via.samples"] = plan.judge.endpoint.samples
    want = f"at most {max(most, 1)}, the number of the run's requests"
    faults = [Fault(key, want, shown(n)) for key, n in samples.items() if n > max(most, 1)]
    if faults:
        raise ConfigError(faults)


def rebuild(
    plan: Plan, seeds: Records, client: ModelClient, draft: Path, *, screen: Screen
) -> RunRecord:
    """Turn a run's seeds into its dataset once more.

    Args:
        plan: The run's parts.
        seeds: The run's seeds.
        client: Has the run's responses.
        draft: Folder for `dataset.jsonl` and `rejected.jsonl`.
        screen: Finds new questions that give a held-out one away.
    """
    own = StoredSeeds(records=seeds, real_labels=plan.seeds.real_labels)
    table, _ = read_seeds(own, seed=plan.seed)
    record = RunRecord(
        plan=replace(plan, seeds=own),
        started_at="",
        seeds=seeds,
        heldout=None,
        table=table,
        guards={},
        funnel={"seeds": table.height},
    )
    distil(record, client, draft, screen=screen)
    return record


def _complete(node: Any) -> None:
    """Give the parts of an older config the keys that came later, as they then behaved."""
    if not isinstance(node, dict):
        return
    for key, value in LATER_KEYS.get(str(node.get("_target_")), {}).items():
        node.setdefault(key, value)
    if "max_retries" in node:
        node.setdefault("limits", {f"{kind}_per_minute": None for kind in KINDS})
    if node.get("_target_") == CLAUDE:
        node["mode"] = ONLINE
        node.setdefault("prompt_cache", "off")
    for child in node.values():
        _complete(child)


def _cut_off(node: Any) -> None:
    """Put a stand-in in the place of every endpoint, however deep."""
    children: Sequence[Any] = ()
    if isinstance(node, dict):
        if node.get("base_url") is not None:
            node["base_url"] = OFFLINE_URL
        children = list(node.values())
    elif isinstance(node, list):
        children = node
    for child in children:
        _cut_off(child)
