"""What came of a rebuild, in lines."""

from __future__ import annotations

from collections.abc import Iterator

from distill.errors import printable
from distill.reproduce import causes
from distill.reproduce.differ import STAGES
from distill.reproduce.proof import Check, Reproduction

SHOWN_GAPS = 3


def told(made: Reproduction) -> list[str]:
    """Return what is printed: a line a digest, then that all is well, or what is amiss and why."""
    lines = [_check(check) for check in made.checks]
    if made.identical:
        return [*lines, *_fine(made)]
    return [*lines, *made.damage, *_gaps(made), *_difference(made), *_causes(made)]


def _check(check: Check) -> str:
    name = f"{check.name}:"
    if check.wanted is None:
        return f"{name:<9}rebuilt, sha256 {check.rebuilt}"
    if check.identical:
        return f"{name:<9}identical, sha256 {check.rebuilt}"
    return f"{name:<9}differs, sha256 {check.rebuilt}, the run says {check.wanted}"


def _fine(made: Reproduction) -> Iterator[str]:
    responses = f"{made.responses} stored responses; no model was asked."
    if made.run_id is None:
        yield f"Rebuilt from {responses} There is no manifest to compare with."
        return
    yield f"Run {made.run_id} is rebuilt from {responses}"
    if made.causes:
        yield causes.noted(made.causes)


def _gaps(made: Reproduction) -> Iterator[str]:
    first = None if made.first is None else made.first.stage
    gaps = [gap for gap in made.gaps if gap.used or not _follows(gap.stage, first)]
    for gap in gaps[:SHOWN_GAPS]:
        row = "a row that cannot be told" if gap.row is None else f"row {printable(gap.row)}"
        yield f"{row}: {gap.why} ({gap.stage})."
    rest = len(gaps) - SHOWN_GAPS
    if rest > 0:
        yield f"So it is with {rest} more responses."


def _follows(stage: str, first: str | None) -> bool:
    """Say whether `stage` comes after the one in which rows first differ."""
    return {first, stage} <= set(STAGES) and STAGES.index(stage) > STAGES.index(str(first))


def _difference(made: Reproduction) -> Iterator[str]:
    first = made.first
    if first is None:
        if made.compared and not made.gaps and not made.checks[0].identical:
            yield "Every cell of the table is the same; the lines of the dataset are not (export)."
        return
    yield f"{first.total} of {first.of} rows differ. The first, in the order of the stages:"
    yield (
        f"row {first.row}, {first.field}: {first.rebuilt} rebuilt, {first.stored} in the run "
        f"({first.stage})"
    )
    if len(first.rows) > 1:
        yield "By stage: " + ", ".join(f"{stage} {n}" for stage, n in first.rows.items()) + "."


def _causes(made: Reproduction) -> Iterator[str]:
    differs = made.first is not None or not made.checks[0].identical
    if not differs:
        return
    yield from causes.told(made.causes, made.first)
    if not (made.causes or made.damage or made.gaps) and made.compared:
        yield (
            "The files are those that the run left, and no recorded code or library is another: "
            "a module of distill that no stage owns may have changed."
        )
