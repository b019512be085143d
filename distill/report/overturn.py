"""Doubts about the verdict that rest on more than its own comparison."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from distill.guards.contamination import CONTAMINATION
from distill.record import RunRecord
from distill.report.beside import shown_by
from distill.report.facts import Manifest
from distill.report.wording import count, counted, points
from distill.stages.evaluate import SELF_TRAINED


def credit_doubts(manifest: Manifest) -> Iterator[str]:
    """Doubt a lift that needs no teacher."""
    arm = manifest.get("eval", {}).get("arms", {}).get(SELF_TRAINED, {})
    test = arm.get("comparison")
    if manifest["verdict"] == "helps" and test is not None and shown_by(test) != "helps":
        yield (
            f"{SELF_TRAINED}, which learns from the same texts without a teacher, is not shown to "
            f"be worse: the student is {points(test['difference'])} against it (95% interval "
            f"{points(test['low'])} to {points(test['high'])})."
        )


def seed_doubts(manifest: Manifest) -> Iterator[str]:
    """Doubt a verdict that another seed of the training turns."""
    verdicts = manifest.get("eval", {}).get("seeds", {}).get("verdicts", [])
    others = sorted(set(verdicts) - {manifest["verdict"]})
    if others:
        same = sum(verdict == manifest["verdict"] for verdict in verdicts)
        yield (
            f"The verdict turns on the seed: it is {manifest['verdict']} for {count(same)} of "
            f"{counted(len(verdicts), 'seed')}, and {' or '.join(others)} for the others."
        )


def contamination_doubts(record: RunRecord) -> Iterator[str]:
    """Doubt a student that may have seen held-out items, until a human has looked."""
    rows = record.review.filter(pl.col("reason") == CONTAMINATION)["id"].n_unique()
    if rows:
        verb = "is" if rows == 1 else "are"
        yield (
            f"{counted(rows, 'row')} of the dataset {verb} near to held-out items and nobody has "
            "looked (review.jsonl): if they are the same, the student has seen its examination."
        )
