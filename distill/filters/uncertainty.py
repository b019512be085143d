"""Answers in which the teacher says that it does not know, and what becomes of them."""

from __future__ import annotations

from typing import Literal

import polars as pl

from distill.component import Texts, component
from distill.filters.openings import plain

Policy = Literal["drop", "keep", "review", "abstain"]
# Typographic ones that close a word are read as apostrophes.
QUOTES = "'\"“„«‘"


@component
class Uncertainty:
    """Decide on answers in which the teacher expresses uncertainty.

    Args:
        markers: Texts to look for, in any case; typographic apostrophes count as plain ones. An
            empty list finds nothing.
        policy: What becomes of such answers. `drop`: they fall out. `keep`: they stay, and are
            counted. `review`: they fall out and are listed in `review.jsonl` for a human.
            `abstain`: they fall out and are written to `abstain.jsonl` in the export's format, a
            set to train "I don't know" with.
        quoted: Whether a marker counts right after a quotation mark too, where mostly somebody
            else is speaking; answers in JSON want it.

    Note:
        A teacher that is asked to admit doubt and whose admissions are all dropped teaches
        over-confidence: the manifest says which share of the answers were such, before and after.
    """

    markers: Texts
    policy: Policy
    quoted: bool

    def abstains(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers that hold a marker, whatever becomes of them."""
        if not self.markers:
            return pl.repeat(value=False, n=table.height, eager=True)
        return plain(table["answer"]).str.contains(self._pattern)

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for answers that hold a marker, unless they are kept."""
        if self.policy == "keep":
            return pl.repeat(value=False, n=table.height, eager=True)
        return self.abstains(table)

    def details(self, table: pl.DataFrame) -> pl.Series:
        """Return `says "i don't know"` a row that is left to humans or to abstaining."""
        rejects = self.rejects(table)
        if self.policy == "drop" or not self.markers:
            said = pl.lit("")
        else:
            said = pl.format('says "{}"', plain(table["answer"]).str.extract(self._pattern))
        return pl.select(detail=pl.when(rejects).then(said)).to_series()

    @property
    def _pattern(self) -> str:
        any_of = "|".join(pl.escape_regex(text) for text in plain(pl.Series(self.markers)))
        return f"({any_of})" if self.quoted else f"(?:^|[^{QUOTES}])({any_of})"
