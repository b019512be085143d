"""What filters would do to the answers of humans: a rule that drops those drops good ones too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from distill.filters import Filter, OverSamples
from distill.statistics import Interval, wilson
from distill.table import GENERATED_COLUMNS, SEED_COLUMNS, SYNTHETIC, TEACHER, add_columns

# The key of a held-out file under which a human's whole answer stands beside the final one.
WORKED = "$.worked"


@dataclass(frozen=True, kw_only=True)
class FalseRejects:
    """Shares of human answers that filters drop.

    Args:
        alone: By the name of the filter, each one over all answers; `None` for one that compares
            samples, which a single answer cannot show.
        together: Dropped by any of them.
    """

    alone: Mapping[str, Interval | None]
    together: Interval


def gold_answers(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of a seeds or held-out file that a human has answered, as if by a teacher.

    Args:
        frame: Columns of `seeds/file.py` or `heldout/file.py`. The answer is the text under
            `worked` where there is one, else the reference.

    Returns:
        Columns of `table.py`; synthetic rows and those without an answer are left out.
    """
    worked = pl.col("extra").str.json_path_match(WORKED)
    answered = frame.with_columns(answer=pl.coalesce(worked, "reference")).filter(
        pl.col("answer").is_not_null() & (pl.col("origin") != SYNTHETIC)
    )
    table = answered.with_columns(seed_id="id", sample=0, source=pl.lit(TEACHER))
    return add_columns(table, SEED_COLUMNS | GENERATED_COLUMNS)


def false_rejects(gold: pl.DataFrame, filters: Mapping[str, Filter]) -> FalseRejects:
    """Count what each filter, and all of them, would drop of human answers.

    Args:
        gold: As `gold_answers` returns it, at least one row.
        filters: By their names in the config.
    """
    dropped = pl.repeat(value=False, n=gold.height, eager=True)
    alone: dict[str, Interval | None] = {}
    for name, one in filters.items():
        if isinstance(one, OverSamples):
            alone[name] = None
            continue
        rejects = one.rejects(gold).fill_null(value=False)
        dropped |= rejects
        alone[name] = wilson(int(rejects.sum()), gold.height)
    return FalseRejects(alone=alone, together=wilson(int(dropped.sum()), gold.height))
