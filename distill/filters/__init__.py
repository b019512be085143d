"""Cheap rules that drop answers before a judge is paid: one class and one YAML each.

A filter says which rows to drop; it never changes a row. The reason of a dropped row is the
filter's name in the config; one that has more to say than its name `Explains` it.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import polars as pl

from distill.filters.boilerplate import Boilerplate
from distill.filters.empty import Empty
from distill.filters.exact_duplicates import ExactDuplicates
from distill.filters.format_regex import FormatRegex
from distill.filters.json_valid import JsonValid
from distill.filters.keyword_overlap import KeywordOverlap
from distill.filters.language import Language
from distill.filters.length_outliers import LengthOutliers
from distill.filters.max_words import MaxWords
from distill.filters.min_words import MinWords
from distill.filters.near_duplicates import NearDuplicates
from distill.filters.number_present import NumberPresent
from distill.filters.pii import Pii
from distill.filters.python_parses import PythonParses
from distill.filters.question_quality import QuestionQuality
from distill.filters.refusal import Refusal
from distill.filters.repetition import Repetition
from distill.filters.secrets import Secrets
from distill.filters.self_consistency import SelfConsistency
from distill.filters.semantic_duplicates import SemanticDuplicates
from distill.filters.truncated import Truncated
from distill.filters.uncertainty import Uncertainty

__all__ = [
    "Boilerplate",
    "Empty",
    "ExactDuplicates",
    "Explains",
    "Filter",
    "FormatRegex",
    "JsonValid",
    "KeywordOverlap",
    "Language",
    "LengthOutliers",
    "MaxWords",
    "MinWords",
    "NearDuplicates",
    "NumberPresent",
    "OverSamples",
    "Pii",
    "PythonParses",
    "QuestionQuality",
    "Refusal",
    "Repetition",
    "Secrets",
    "SelfConsistency",
    "SemanticDuplicates",
    "Truncated",
    "Uncertainty",
]


@runtime_checkable
class Filter(Protocol):
    """One rule over the rows that have an answer."""

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return a boolean a row, true for those to drop.

        Args:
            table: Rows that are in, with the teacher's `answer` (never null); see `table.py`.
        """


@runtime_checkable
class Explains(Protocol):
    """What a filter may do besides: say of each row that it drops why, for the `detail` column."""

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """As in `Filter`: true where `details` is not null."""

    def details(self, table: pl.DataFrame) -> pl.Series:
        """Return a short text a row that is dropped, null for those to keep.

        An empty text drops a row of which the filter's name says all.

        Args:
            table: As in `Filter`. Stages call this in the place of `rejects`, never both.
        """


@runtime_checkable
class OverSamples(Protocol):
    """What a filter is besides that compares the samples of a seed: one alone tells it nothing."""

    @property
    def needs_samples(self) -> bool:
        """True; what cannot have samples cannot have the filter."""
