"""Seeds out of a file or a Hugging Face dataset."""

from __future__ import annotations

from functools import partial
from typing import Any

import polars as pl

from distill.component import Count, Positive, Text, component
from distill.records import FaultLog, Fields, Records, Shape, read_records
from distill.records.ids import default_id, note_duplicates, note_sample_names
from distill.records.sources import Columns
from distill.table import ORIGINS

REFERENCE_KEYS = ("reference_answer", "answer", "label")
SCHEMA: dict[str, Any] = {
    "id": pl.String,  # of the file, or made from the question
    "question": pl.String,  # the real input
    "origin": pl.String,  # one of ORIGINS
    "parent_id": pl.String,  # the real seed that an augmented seed was made from
    "reference": pl.String,  # the human answer, from the first of REFERENCE_KEYS that is there
    "slice": pl.String,  # a name for the part of the data that the row belongs to
    "extra": pl.String,  # JSON object of all other keys; null where there are none
}


@component
class FileSeeds:
    """Read seeds: `question`, and optionally `id`, `origin`, a human answer, `slice`, `parent_id`.

    The human answer stands under `reference_answer`, else `answer`, else `label`.

    Args:
        path: A .jsonl, .csv or .parquet file, or a Hugging Face dataset,
            `hf://owner/name[:config]/split`.
        real_labels: How many labelled seeds become real training examples instead of questions to
            the teacher, >= 0; 0 is none, `None` is every labelled one.
        max_question_chars: Most characters of a question, >= 1.
    """

    path: Text
    real_labels: Count | None
    max_question_chars: Positive

    def read(self) -> Records:
        """Return the seeds, columns `SCHEMA`, in the order of the file.

        Raises:
            DataError: every fault of the file, each with its line.
            UserError: a Hugging Face dataset cannot be loaded.
        """
        return read_records(self.path, seeds_shape(self.max_question_chars))


def seeds_shape(max_question_chars: int) -> Shape:
    """Return what the rows of a seeds file must hold."""
    return Shape(
        schema=SCHEMA,
        columns=Columns(
            required=("question",),
            texts=("question", "id", "origin", "parent_id", "slice", *REFERENCE_KEYS),
        ),
        cells=partial(_cells, max_question_chars=max_question_chars),
        whole=_whole,
    )


def _cells(fields: Fields, *, max_question_chars: int) -> tuple[str | None, ...]:
    question = fields.text("question", required=True, max_chars=max_question_chars)
    has_id = "id" in fields
    name = fields.text("id")
    if not has_id and question is not None:
        name = default_id(question)
    reference_key = next((key for key in REFERENCE_KEYS if key in fields), None)
    return (
        name,
        question,
        fields.choice("origin", ORIGINS, "human"),
        fields.text("parent_id"),
        None if reference_key is None else fields.text(reference_key),
        fields.text("slice"),
        fields.extra(),
    )


def _whole(frame: pl.DataFrame, log: FaultLog) -> None:
    note_duplicates(frame, log)
    note_sample_names(frame, log)
