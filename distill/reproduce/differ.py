"""Two tables of one run: the first row and field that differ, and the stage that made them.

First means first in the order of the stages, then of the rows: a judge's score that differs
because the answer does is not the beginning of the trouble.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import polars as pl

from distill.errors import printable
from distill.stages import augment, filter, generate, judge, select
from distill.table import GENERATED_COLUMNS, JUDGED_COLUMNS, SEED_COLUMNS

SEEDS = "seeds"
STAGES = (SEEDS, augment.STAGE, generate.STAGE, filter.STAGE, judge.STAGE, select.STAGE)
# Every stage writes these: whose they are is for the row to say.
FATE = ("stage", "reason", "detail")
COLUMNS: dict[str, tuple[str, ...]] = {
    SEEDS: tuple(name for name in SEED_COLUMNS if name not in FATE),
    # What the student learns before what it was read from.
    generate.STAGE: (
        "request_key",
        "answer",
        *(name for name in GENERATED_COLUMNS if name not in {"request_key", "answer"}),
    ),
    judge.STAGE: tuple(JUDGED_COLUMNS),
}
# Another processor rounds logarithms and exponentials differently in the last bits.
TOLERANCE = 1e-9
SHOWN_CHARS = 60
CONTEXT_CHARS = 20


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How a rebuilt table differs from the one that the run left.

    Args:
        row: Id of the first row that differs.
        field: Its first column that differs.
        stage: The stage that made it.
        rebuilt: The rebuilt value, as it is shown.
        stored: The run's value, as it is shown.
        reason: Why the row fell out in one of the tables at this stage, or `None`.
        rows: Rows that differ, by the stage in which they first do.
        of: Rows of the run.
    """

    row: str
    field: str
    stage: str
    rebuilt: str
    stored: str
    reason: str | None
    rows: dict[str, int]
    of: int

    @property
    def total(self) -> int:
        """Rows that differ."""
        return sum(self.rows.values())


def difference(rebuilt: pl.DataFrame, stored: pl.DataFrame) -> Difference | None:
    """Compare a rebuilt table with the run's own, column by column in the order of the stages.

    Args:
        rebuilt: Columns of `distill.table`.
        stored: The same.

    Returns:
        `None` where they are the same, up to the rounding of floats.
    """
    if rebuilt["id"].to_list() != stored["id"].to_list():
        return _other_rows(rebuilt, stored)
    made = stored.select(augment.is_made())["extra"]
    marks = [
        (stage, name, _differs(rebuilt[name], stored[name]))
        for stage, names in COLUMNS.items()
        for name in names
    ]
    # What a seed brings along is written by the stage that made it, where one did.
    marks += [(augment.STAGE, name, mark & made) for at, name, mark in marks if at == SEEDS]
    marks = [(at, name, mark & ~made if at == SEEDS else mark) for at, name, mark in marks]
    marks += _fates(rebuilt, stored)
    marks.sort(key=lambda mark: STAGES.index(mark[0]))
    first: dict[int, str] = {}
    found: tuple[str, str, int] | None = None
    for stage in STAGES:
        mine = [(name, mark.arg_true().to_list()) for at, name, mark in marks if at == stage]
        rows = sorted({row for _, differing in mine for row in differing})
        for row in rows:
            first.setdefault(row, stage)
        if rows and found is None:
            name = next(name for name, differing in mine if rows[0] in differing)
            found = (stage, name, rows[0])
    if found is None:
        return None
    return _told(rebuilt, stored, *found, counted=dict(Counter(first.values())))


def _told(
    rebuilt: pl.DataFrame,
    stored: pl.DataFrame,
    stage: str,
    name: str,
    row: int,
    *,
    counted: dict[str, int],
) -> Difference:
    fates = [table.row(row, named=True) for table in (rebuilt, stored)]
    reason = next((fate["reason"] for fate in fates if fate["stage"] == stage), None)
    here, there = excerpts(rebuilt[name][row], stored[name][row])
    return Difference(
        row=printable(str(stored["id"][row])),
        field=name,
        stage=stage,
        rebuilt=here,
        stored=there,
        reason=reason,
        rows={stage: counted[stage] for stage in STAGES if stage in counted},
        of=stored.height,
    )


def _other_rows(rebuilt: pl.DataFrame, stored: pl.DataFrame) -> Difference:
    """Tell of tables whose rows are not the same ones."""
    here, there = rebuilt["id"].to_list(), stored["id"].to_list()
    longest = max(len(here), len(there))
    padded = [ids + [None] * (longest - len(ids)) for ids in (here, there)]
    at = next(i for i, (a, b) in enumerate(zip(*padded, strict=True)) if a != b)
    differing = len(set(here) ^ set(there)) or sum(a != b for a, b in zip(here, there, strict=True))
    made, left = padded[0][at], padded[1][at]
    # Samples beyond the first and new questions are made by the stages that ask for them.
    seeds = augment.STAGE if "~" in f"{made}{left}" else SEEDS
    stage = generate.STAGE if "#" in f"{made}{left}" else seeds
    return Difference(
        row=printable(str(left if left is not None else made)),
        field="id",
        stage=stage,
        rebuilt=_shown(made),
        stored=_shown(left),
        reason=None,
        rows={stage: differing},
        of=stored.height,
    )


def _fates(rebuilt: pl.DataFrame, stored: pl.DataFrame) -> list[tuple[str, str, pl.Series]]:
    """Return where rows fell out differently, by the earlier of the two stages."""
    fell = pl.DataFrame({"here": rebuilt["stage"], "there": stored["stage"]}).select(
        pl.min_horizontal(
            # A row that is still in has no stage; what was written of it is the teacher's.
            pl.when(pl.col(side).is_not_null()).then(
                pl.col(side).replace_strict(
                    {stage: i for i, stage in enumerate(STAGES)},
                    default=len(STAGES) - 1,
                    return_dtype=pl.Int64,
                )
            )
            for side in ("here", "there")
        )
        .fill_null(STAGES.index(generate.STAGE))
        .alias("stage")
    )["stage"]
    return [
        (stage, name, _differs(rebuilt[name], stored[name]) & (fell == i))
        for i, stage in enumerate(STAGES)
        for name in FATE
    ]


def _differs(here: pl.Series, there: pl.Series) -> pl.Series:
    """Return a boolean a row; nulls are equal, and floats that differ by rounding alone."""
    unequal = ~here.eq_missing(there)
    if here.dtype.is_float():
        near = ((here - there).abs() <= TOLERANCE).fill_null(value=False)
        return unequal & ~near
    if isinstance(here.dtype, pl.List) and unequal.any():
        pairs = zip(here.to_list(), there.to_list(), strict=True)
        return unequal & ~pl.Series([_near(a, b) for a, b in pairs], dtype=pl.Boolean)
    return unequal


def _near(here: list[float] | None, there: list[float] | None) -> bool:
    if here is None or there is None or len(here) != len(there):
        return here is there
    return all(
        a == b if a is None or b is None else abs(a - b) <= TOLERANCE
        for a, b in zip(here, there, strict=True)
    )


def excerpts(here: Any, there: Any) -> tuple[str, str]:
    """Return two values as they are shown, long texts from where they part."""
    if not isinstance(here, str) or not isinstance(there, str):
        return _shown(here), _shown(there)
    part = next(
        (i for i, (a, b) in enumerate(zip(here, there, strict=False)) if a != b),
        min(len(here), len(there)),
    )
    start = max(0, part - CONTEXT_CHARS) if max(len(here), len(there)) > SHOWN_CHARS else 0
    return _shown(here, start), _shown(there, start)


def _shown(value: Any, start: int = 0) -> str:
    if value is None:
        return "nothing"
    if not isinstance(value, str):
        value = [round(x, 6) for x in value] if isinstance(value, pl.Series) else value
        return str(value)[:SHOWN_CHARS]
    text = printable(" ".join(value[start : start + SHOWN_CHARS].split()))
    before, after = ("…" if start else ""), ("…" if len(value) > start + SHOWN_CHARS else "")
    return f"'{before}{text}{after}'"
