"""One of the two runs, read out of its folder and checked.

A run folder may come from a colleague or a tracking store: what is missing or damaged in it ends
in one sentence, and nothing of it is ever built or executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from distill.compare.figures import Figures, read_figures
from distill.errors import UserError
from distill.folder import MANIFEST
from distill.table import is_in
from distill.tracking.saved_run import read_run

TABLE = "examples.parquet"
HELDOUT = "student/heldout.parquet"
FILES = (MANIFEST, "config.yaml", TABLE, HELDOUT)

TABLE_COLUMNS: dict[str, Any] = {
    "id": pl.String,
    "question": pl.String,
    "answer": pl.String,
    "stage": pl.String,
    "reason": pl.String,
    "detail": pl.String,
    "rationale": pl.String,
    "source": pl.String,
    "score": pl.Float64,
    "judge_reason": pl.String,
}
NEEDED = ("id", "question", "answer", "stage", "reason")
HELDOUT_COLUMNS = ("id", "question", "reference")
ANSWER, SCORE = "answer/", "score/"
# What the teacher's texts are varied in: the column that a run measures, by task.
VARIED = {"Classify": "question"}
MAX_REASON_CHARS = 200


@dataclass(frozen=True, kw_only=True)
class Side:
    """One run.

    Args:
        name: What it is called: its point in a sweep, or its folder.
        figures: Its manifest.
        config: Its resolved config.
        table: The columns `TABLE_COLUMNS` of its table, in the order of the file.
        heldout: Its held-out answers, or `None` where it left none: `HELDOUT_COLUMNS`, `slice`,
            `answer/<arm>` and `score/<arm>`; each id once.
    """

    name: str
    figures: Figures
    config: Mapping[str, Any]
    table: pl.DataFrame
    heldout: pl.DataFrame | None

    @property
    def dataset(self) -> pl.DataFrame:
        """The rows that are in."""
        return self.table.filter(is_in())

    @property
    def task(self) -> str:
        """The class of its task, such as `Classify`; "" where the config names none."""
        node = self.config.get("task")
        target = node.get("_target_") if isinstance(node, Mapping) else None
        return str(target or "").rpartition(".")[2]

    @property
    def varied(self) -> str:
        """The column whose variety counts: `answer` or `question`."""
        return VARIED.get(self.task, "answer")

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms whose held-out answers it left, weakest control first."""
        columns = [] if self.heldout is None else self.heldout.columns
        return tuple(name.removeprefix(SCORE) for name in columns if name.startswith(SCORE))


def read_side(folder: Path) -> Side:
    """Read a run folder.

    Raises:
        UserError: it is no run folder, or a file of it is missing or damaged.
    """
    saved = read_run(folder)
    figures = read_figures(saved.manifest, str(folder / MANIFEST))
    point = None if figures.sweep is None else figures.sweep.point
    heldout = folder / HELDOUT
    return Side(
        name=point or saved.path.name,
        figures=figures,
        config=saved.config,
        table=_table(folder / TABLE),
        heldout=_heldout(heldout) if heldout.is_file() else None,
    )


def _table(path: Path) -> pl.DataFrame:
    frame = _parquet(path, list(TABLE_COLUMNS))
    _need(path, frame, NEEDED)
    for name in ("id", "question"):
        if frame[name].null_count():
            raise _damaged(path, f"a row has no {name}")
    missing = {name: dtype for name, dtype in TABLE_COLUMNS.items() if name not in frame.columns}
    return _cast(path, frame, TABLE_COLUMNS).with_columns(
        pl.lit(None, dtype=dtype).alias(name) for name, dtype in missing.items()
    )


def _heldout(path: Path) -> pl.DataFrame:
    frame = _parquet(path, None)
    _need(path, frame, HELDOUT_COLUMNS)
    if "slice" not in frame.columns:
        frame = frame.with_columns(slice=pl.lit(None, dtype=pl.String))
    arms = [name.removeprefix(SCORE) for name in frame.columns if name.startswith(SCORE)]
    _need(path, frame, [f"{ANSWER}{arm}" for arm in arms])
    kept: dict[str, Any] = dict.fromkeys((*HELDOUT_COLUMNS, "slice"), pl.String)
    for arm in arms:
        kept |= {f"{ANSWER}{arm}": pl.String, f"{SCORE}{arm}": pl.Float64}
    frame = _cast(path, frame.select(*kept), kept)
    for arm in arms:
        scores = frame[f"{SCORE}{arm}"]
        if scores.null_count() or not scores.is_between(0, 1).all():
            raise _damaged(path, f"{SCORE}{arm} holds what is no share in [0, 1]")
    if frame["id"].is_duplicated().any():
        raise _damaged(path, "an id stands there twice")
    return frame


def _parquet(path: Path, columns: list[str] | None) -> pl.DataFrame:
    # Polars' own reader ends the whole process on some damaged files; Arrow's raises.
    from pyarrow import parquet  # type: ignore[import-untyped]

    try:
        with parquet.ParquetFile(path) as file:
            known = file.schema_arrow.names
            table = file.read([name for name in known if columns is None or name in columns])
        table.validate(full=True)
        return pl.DataFrame(pl.from_arrow(table))
    except FileNotFoundError as error:
        raise UserError(
            f"{path}: missing; without the run's table its rows cannot be compared.",
            hint="take the run's whole folder, or the run in the tracking store",
        ) from error
    # Damage surfaces as any error: of Arrow, of text that is no UTF-8, of types without a peer.
    except (Exception, pl.exceptions.PanicException) as error:
        raise _damaged(path, " ".join(str(error).split())[:MAX_REASON_CHARS]) from error


def _need(path: Path, frame: pl.DataFrame, names: tuple[str, ...] | list[str]) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise _damaged(path, f"it lacks {', '.join(missing)}")


def _cast(path: Path, frame: pl.DataFrame, schema: Mapping[str, Any]) -> pl.DataFrame:
    try:
        return frame.with_columns(
            pl.col(name).cast(dtype) for name, dtype in schema.items() if name in frame.columns
        )
    except pl.exceptions.PolarsError as error:
        raise _damaged(path, str(error).splitlines()[0][:MAX_REASON_CHARS]) from error


def _damaged(path: Path, what: str) -> UserError:
    return UserError(
        f"{path}: damaged, or not written by distill ({what}).",
        hint="take the run's own folder, or the run in the tracking store",
    )
