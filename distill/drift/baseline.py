"""The canaries that a run left, read with care: nothing of it was written by one to be trusted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pydantic

from distill.config import Config
from distill.errors import ConfigError, Fault, UserError, shown
from distill.folder import CANARIES, MANIFEST
from distill.plan import DriftSettings, Plan
from distill.reproduce.damage import DamagedRunError, damaged, read_bytes, require
from distill.reproduce.facts import Facts, read_facts
from distill.reproduce.rebuild import plan_of
from distill.reproduce.refresh import endpoint
from distill.reproduce.settings import Settings
from distill.reproduce.stored import ALTERED, CONFIG, read_table, told_of_config
from distill.table import CANARY_COLUMNS
from distill.trust import check_foreign, read_foreign

FILES = (CONFIG, CANARIES)
FULL = ("seed_id", "question", "sample", "request_key", "served_model", "stop_reason", "text")
# How far the sum of a distribution may be from 1.
SUM_APART = 1e-6


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A run, as far as its canaries go.

    Args:
        facts: Out of its manifest.
        config: Checked by `distill.trust`.
        plan: Task and teacher, who is asked where the user says.
        drift: Of the run.
        replies: Columns `CANARY_COLUMNS`, at least one row.
    """

    facts: Facts
    config: Config
    plan: Plan
    drift: DriftSettings
    replies: pl.DataFrame


def read_baseline(folder: Path, settings: Settings) -> Baseline:
    """Read a run's canaries.

    Args:
        folder: Where the run lies.
        settings: The user's overrides.

    Raises:
        ConfigError: the config is not one that a run saves.
        UserError: the run has no canaries, or only its config says whom to ask.
        DamagedRunError: a file is missing, cannot be read, or is not the one that the run left.
    """
    facts = read_facts(folder / MANIFEST)
    if CANARIES not in facts.files and not (folder / CANARIES).exists():
        raise no_canaries(f"the run in {folder} has none")
    for name in FILES:
        _check_digest(folder / name, facts)
    with told_of_config(altered=False):
        config = read_foreign(folder / CONFIG)
        check_foreign(config, trusted=settings.trust, replaced=settings.given)
        drift = _drift(config)
        plan = plan_of(config, teacher=_asked_how(config, settings))
    replies = read_table(folder / CANARIES, CANARY_COLUMNS, full=FULL)
    _check_replies(replies, folder / CANARIES, drift, getattr(plan.task, "labels", None))
    return Baseline(facts=facts, config=config, plan=plan, drift=drift, replies=replies)


def no_canaries(why: str) -> UserError:
    """Return the error that there is nothing to compare with."""
    return UserError(
        f"canaries: {why}, so there is nothing that its teacher could be asked again.",
        hint="run with drift.questions=20; the run then leaves what drift compares with",
    )


def _check_digest(path: Path, facts: Facts) -> None:
    require(path)
    wanted = facts.files.get(path.name)
    if hashlib.sha256(read_bytes(path)).hexdigest() != wanted:
        raise DamagedRunError(
            f"{path.name}: {ALTERED}; nothing can be compared with it.",
            hint="a whole copy may be in the tracking store: name the run by its id",
        )


def _drift(config: Config) -> DriftSettings:
    node = config.get("drift")
    try:
        return DriftSettings(**node)  # type: ignore[arg-type]
    except (pydantic.ValidationError, TypeError):
        want = "questions and samples as a run saves them"
        raise ConfigError([Fault("drift", want, shown(node))]) from None


def _asked_how(config: Config, settings: Settings) -> dict[str, Any]:
    """Return the teacher's keys that are ours to set: another served id is a finding here."""
    how = endpoint(config, settings)
    node = config.get("teacher")
    if isinstance(node, dict) and "served_check" in node:
        how["served_check"] = "record"
    return how


def _check_replies(
    replies: pl.DataFrame, path: Path, drift: DriftSettings, labels: tuple[str, ...] | None
) -> None:
    """See that a file asks for no more than its run did, and holds distributions.

    Raises:
        DamagedRunError: it does not.
    """
    if replies.is_empty():
        raise no_canaries(f"the run in {path.parent} has none")
    questions = replies["question"].n_unique()
    if questions > drift.questions or not replies["sample"].is_between(0, drift.samples - 1).all():
        raise damaged(path, "it has more questions or samples than the run's config")
    if replies.select("question", "sample").is_duplicated().any():
        raise damaged(path, "a sample of a question stands in two rows")
    for row, probs in enumerate(replies["label_probs"].to_list()):
        if probs is None:
            continue
        sound = labels is not None and len(probs) == len(labels) and None not in probs
        if not sound or min(probs) < 0 or not abs(sum(probs) - 1) <= SUM_APART:
            raise damaged(path, f"row {row}, counted from 0, has no distribution over the labels")
