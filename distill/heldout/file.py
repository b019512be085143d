"""Held-out examples out of a file or a Hugging Face dataset."""

from __future__ import annotations

from functools import partial
from typing import Any

import polars as pl

from distill.component import Positive, Text, component
from distill.records import Fields, Records, Shape, read_records
from distill.records.ids import default_id, note_duplicates
from distill.records.sources import Columns
from distill.table import ORIGINS

REFERENCE = "reference_answer"
MISTAKEN_KEYS = ("answer", "label", "reference", "target", "output")
SCHEMA: dict[str, Any] = {
    "id": pl.String,  # of the file, or made from the question
    "question": pl.String,  # the real input
    "reference": pl.String,  # what a human says is right
    "slice": pl.String,  # a name for the part of the data that the row belongs to
    "origin": pl.String,  # one of ORIGINS; synthetic ones are for a guard to refuse
    "extra": pl.String,  # JSON object of all other keys, `human_score` too; null where none
}


@component
class FileHeldout:
    """Read held-out examples: `question` and `reference_answer`.

    Optional: `id`, `slice`, `origin`, and `human_score`, a human's score in [0, 1] for calibrating
    a judge. Rows that come from one source, such as questions on one document, say so by the same
    `cluster`: intervals and tests are then over clusters. No other key is taken for
    `reference_answer`: that a label is the truth must be said.

    Args:
        path: A .jsonl, .csv or .parquet file, a Hugging Face dataset
            (`hf://owner/name[:config]/split`), or `None` for no held-out examples.
        max_question_chars: Most characters of a question, >= 1.
    """

    path: Text | None
    max_question_chars: Positive

    def read(self) -> Records | None:
        """Return the examples, columns `SCHEMA`, in the order of the file; `None` without a path.

        Raises:
            DataError: every fault of the file, each with its line.
            UserError: a Hugging Face dataset cannot be loaded.
        """
        if self.path is None:
            return None
        return read_records(self.path, heldout_shape(self.max_question_chars))


def heldout_shape(max_question_chars: int) -> Shape:
    """Return what the rows of a held-out file must hold."""
    return Shape(
        schema=SCHEMA,
        columns=Columns(
            required=("question", REFERENCE),
            texts=("question", "id", "origin", "slice", REFERENCE),
        ),
        cells=partial(_cells, max_question_chars=max_question_chars),
        whole=note_duplicates,
    )


def _cells(fields: Fields, *, max_question_chars: int) -> tuple[str | None, ...]:
    question = fields.text("question", required=True, max_chars=max_question_chars)
    has_id = "id" in fields
    name = fields.text("id")
    if not has_id and question is not None:
        name = default_id(question)
    mistaken = next((key for key in MISTAKEN_KEYS if key in fields), None)
    hint = f"rename {mistaken} to {REFERENCE}" if mistaken else None
    return (
        name,
        question,
        fields.text(REFERENCE, required=True, hint=hint),
        fields.text("slice"),
        fields.choice("origin", ORIGINS, "human"),
        fields.extra(human_score=fields.share("human_score")),
    )
