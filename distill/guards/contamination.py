"""Held-out items among what is trained on make the evaluation a memory test."""

from __future__ import annotations

from typing import Annotated, ClassVar

import polars as pl
from pydantic import Field

from distill.component import Share, component
from distill.embeddings import require_embeddings
from distill.guards.finding import Evidence, Finding, Mode, When
from distill.guards.ngrams import HITS, covered
from distill.table import is_in
from distill.wording import normalised, signed

CONTAMINATION = "contamination"


@component
class Contamination:
    """Fire when a held-out question is also trained on, word by word or nearly so.

    It looks at the seeds' questions before anything is spent, and at the questions and answers of
    the finished dataset before a student is trained: a teacher may recite what no seed asks.
    Case, punctuation, white space and letters of another script that look the same do not count,
    signs of arithmetic do. A question of fewer than
    `ngram` words is found only as a whole question or a whole answer, and so is one in a script
    that puts no spaces between words.

    Questions of the finished dataset that only mean nearly what a held-out one does go to
    `review.jsonl` and never stop a run: whether two questions are one is for a human to say.

    Args:
        mode: `error`, `warn` or `off`.
        ngram: Words of an n-gram, in [1, 100]; `None` looks for equal questions only.
        max_share: Share of a held-out question's words that may lie in n-grams shared with one
            training example, in [0, 1]; at 1 only equal questions fire.
        near: Least cosine of two questions' static embeddings (`distill/embeddings.py`, the extra
            `embed`) for a row to be reviewed, in (0, 1]; `None` looks at no embeddings.

    Note:
        What is reworded throughout, or translated, shares no n-grams and does not fire.

    Source:
        Tülu 3 (arXiv:2411.15124): 8-grams, more than half of the tokens. There a
        dataset may have a few such items; here one fires.
    """

    when: ClassVar[When] = "twice"
    mode: Mode
    ngram: Annotated[int, Field(ge=1, le=100, description="from 1 to 100 words, or null")] | None
    max_share: Share
    near: Annotated[
        float | None, Field(gt=0, le=1, description="a number above 0 and up to 1, or null")
    ]

    def __post_init__(self) -> None:
        """See that there are embeddings where they are asked for, before anything is spent."""
        if self.near is not None and self.mode != "off":
            require_embeddings()

    def look(self, evidence: Evidence) -> Finding:
        """Compare all held-out questions with all rows that are in."""
        if evidence.heldout is None:
            sentence = "There is no held-out set to compare with."
            return Finding(fires=False, sentence=sentence, untold="idle")
        held = evidence.heldout.select("id", words=normalised("question"), whole=signed("question"))
        rows = _training_rows(evidence.table)
        among = "training examples" if "answer" in rows.columns else "seeds"
        equal, near = _equal(held, rows), self._near(held, rows)
        near = near.join(equal, on=("held", "row"), how="anti").sort("held", "row")
        pairs = pl.concat([equal, near.select("held", "row")])
        review, doubt = self._in_doubt(evidence, pairs)
        if pairs.is_empty():
            sentence = f"None of {held.height} held-out questions is among {rows.height} {among}."
            return Finding(fires=False, sentence=sentence + doubt, review=review)
        items = pairs["held"].n_unique()
        close = "" if near.is_empty() else " or close to one"
        verb = "is" if items == 1 else "are"
        mend = "take these seeds out of seeds.path or these items out of heldout.path"
        see = ", or set guard.contamination.mode=warn to see what happens"
        return Finding(
            fires=True,
            sentence=f"{items} of {held.height} held-out questions {verb} among the {among}{close}."
            f"{doubt}",
            rows=(*_told(equal, held, rows), *_told(near, held, rows)),
            hint=mend + see if self.mode == "error" else mend,
            review=review,
        )

    def _in_doubt(self, evidence: Evidence, pairs: pl.DataFrame) -> tuple[pl.DataFrame | None, str]:
        """Return the rows to be reviewed, and what there is to say of them, beside `pairs`."""
        if self.near is None or evidence.heldout is None or "answer" not in evidence.table.columns:
            return None, ""
        from distill.guards.meaning import near_in_meaning

        rows = evidence.table.filter(is_in())
        review = near_in_meaning(
            evidence.heldout, rows, pairs, least=self.near, reason=CONTAMINATION
        )
        if review.is_empty():
            return None, ""
        verb = "is" if review.height == 1 else "are"
        return review, f" {review.height} more {verb} near one in meaning: see review.jsonl."

    def _near(self, held: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
        """Return index pairs `held` and `row` of what shares too much, with the `share`."""
        if self.ngram is None:
            return pl.DataFrame(schema=HITS)
        texts = [rows[name] for name in ("question", "answer") if name in rows.columns]
        found = covered(held["words"], texts, n=self.ngram)
        return found.filter(pl.col("share") > self.max_share)


def _training_rows(table: pl.DataFrame) -> pl.DataFrame:
    """Return one row a seed, or one a row of the dataset, by words; `whose` is the real seed."""
    names = [name for name in ("question", "answer") if name in table.columns]
    rows = table.filter(is_in())
    if "answer" not in names:
        rows = rows.unique("seed_id", maintain_order=True)
    whose = pl.coalesce("parent_id", "seed_id")
    name = pl.col("id") if "answer" in names else pl.col("seed_id")
    whole = {f"whole_{n}": signed(n) for n in names}
    return rows.select(*(normalised(n).alias(n) for n in names), **whole, name=name, whose=whose)


def _equal(held: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Return index pairs of held-out questions that are a row's whole question or answer."""
    left, right = held.with_row_index("held"), rows.with_row_index("row")
    found = [
        left.join(right, left_on="whole", right_on=column).select("held", "row")
        for column in ("whole_question", "whole_answer")
        if column in rows.columns
    ]
    return pl.concat(found).unique().cast(pl.Int64).sort("held", "row")


def _told(pairs: pl.DataFrame, held: pl.DataFrame, rows: pl.DataFrame) -> list[str]:
    kind = "row" if "answer" in rows.columns else "seed"
    told = []
    for pair in pairs.iter_rows(named=True):
        name, whose = rows["name"][pair["row"]], rows["whose"][pair["row"]]
        made = "" if name == whose or name.startswith(f"{whose}#") else f" (made from seed {whose})"
        link = f"shares {pair['share']:.0%} of its words with" if "share" in pair else "is"
        told.append(f"held-out {held['id'][pair['held']]} {link} {kind} {name}{made}")
    return told
