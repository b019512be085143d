"""Questions that no answer can be good for: fragments, links, templates, and what came without."""

from __future__ import annotations

import polars as pl

from distill.component import Count, Positive, Share, Texts, component
from distill.filters.openings import plain
from distill.filters.scripts import SPACELESS

WORD = rf"{SPACELESS}|[\p{{L}}\p{{M}}\p{{N}}]+"
URL = r"(?i)(?:https?://|www\.)\S+"
CODE = r"(?s)```.*?(?:```|\z)|`[^`\n]*`"
# `{name}`, `{{ name }}` at the beginning of a word, `[INSERT …]`, `<your name>`: not `\frac{a}{b}`,
# not a set, not code.
PLACEHOLDER = (
    r"(?:^|\s)[\"'“‘(]*\{{1,2}\s*[A-Za-z_][A-Za-z0-9_ ]{1,39}\s*\}{1,2}"
    r"|(?i:\[\s*(?:insert|your|placeholder|enter|fill in|add)\b[^\]\n]{0,60}\])"
    r"|(?i:<\s*(?:insert|your|placeholder|enter)\b[^>\n]{0,60}>)"
    r"|\[[A-Z]{3,}(?:[ _][A-Z]+)+\]"
)


@component
class QuestionQuality:
    """Drop rows whose question is no question that stands alone.

    Args:
        min_words: Fewest words of letters or digits, >= 0; in scripts without spaces each sign
            counts as one. 0 switches the rule off.
        letters: Drop questions without a letter.
        min_text: Least share of letters, marks and digits among the signs that are no white
            space, in [0, 1]; 0 switches the rule off.
        bare_urls: Drop questions that hold nothing but addresses of web pages.
        placeholders: Drop questions with an unfilled place of a template: `{name}`, `[INSERT X]`,
            `<your text>`; code does not count.
        references: Texts, in any case and as whole words, that point to something which did not
            come with the question. An empty list switches the rule off.
        context_words: A question of more words brings what it points to; `None` where that does
            not count, >= 1.
    """

    min_words: Count
    letters: bool
    min_text: Share
    bare_urls: bool
    placeholders: bool
    references: Texts
    context_words: Positive | None

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for rows with such a question."""
        return self.details(table).is_not_null()

    def details(self, table: pl.DataFrame) -> pl.Series:
        """Return the first rule that the question of a dropped row breaks."""
        asked = table.select(q=pl.col("question").fill_null(""))
        question = pl.col("q")
        words = question.str.count_matches(WORD)
        signs, text = (question.str.count_matches(p) for p in (r"\S", r"[\p{L}\p{M}\p{N}]"))
        is_url = question.str.contains(URL) & ~question.str.replace_all(URL, "").str.contains(
            r"[\p{L}\p{N}]"
        )
        unfilled = question.str.replace_all(CODE, " ").str.contains(PLACEHOLDER)
        pointed = asked.select(points=self._reference(asked["q"]))["points"]
        short = pl.lit(self.context_words is None) | (words <= (self.context_words or 0))
        return asked.with_columns(points=pointed).select(
            detail=pl.when(self.bare_urls & is_url)
            .then(pl.lit("only a URL"))
            .when(words < self.min_words)
            .then(pl.format("{} words, want {} or more", words, pl.lit(self.min_words)))
            .when(self.letters & ~question.str.contains(r"\p{L}"))
            .then(pl.lit("no letter"))
            .when(text < signs * self.min_text)
            .then(pl.format("{} of {} signs are text", text, signs))
            .when(self.placeholders & unfilled)
            .then(pl.lit("an unfilled place of a template"))
            .when(short & pl.col("points").is_not_null())
            .then(pl.format("points to what is not there: {}", "points"))
        )["detail"]

    def _reference(self, questions: pl.Series) -> pl.Series:
        """Return the first reference in each question, null where there is none."""
        wanted = [
            text for text in plain(pl.Series(self.references, dtype=pl.String)) if text.strip()
        ]
        if not wanted:
            return pl.repeat(None, len(questions), dtype=pl.String, eager=True)
        any_of = "|".join(pl.escape_regex(text) for text in wanted)
        return plain(questions).str.extract(rf"\b({any_of})\b")
