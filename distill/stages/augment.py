"""Make new questions out of the real ones: seeds of origin `synthetic`, each with its real parent.

Whatever was asked for becomes a row. One that came out badly falls out in this stage and is
rewritten no further; its line goes on from the text before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from distill.augmenters import Augmenter, Chain
from distill.models.client import ModelClient
from distill.models.protocol import Model
from distill.stages.rewrites import (
    COPY,
    DUPLICATE,
    EMPTY,
    UNREAD,
    Rewrite,
    read,
    without_copies,
    without_duplicates,
    without_neighbours,
    words,
)
from distill.stages.screen import NEIGHBOUR, Screen
from distill.table import SEED_COLUMNS, SYNTHETIC, TEACHER, is_in

STAGE = "augment"
# What a stage that dropped nothing says 0 of.
REASONS = (UNREAD, EMPTY, COPY, NEIGHBOUR, DUPLICATE)


# How the `extra` of a made row begins; what a seeds file brings along is written without spaces.
MARK = f'{{"{STAGE}": {{"by": '


@dataclass(kw_only=True)
class Line:
    """A chain of rewritings on its way.

    Args:
        parent: The real question's row.
        chain: What is asked for.
        first: Number of the first step among those of the same parent, from 1.
        text: What the next step rewrites.
        source: Id of the row that it is from.
        rows: What came out so far.
    """

    parent: Mapping[str, Any]
    chain: Chain
    first: int
    text: str
    source: str
    rows: list[dict[str, Any]] = field(default_factory=list)


def augment(
    table: pl.DataFrame,
    *,
    augmenter: Augmenter,
    model: Model,
    client: ModelClient,
    screen: Screen,
    seed: int,
) -> pl.DataFrame:
    """Return the table with the new questions after the seeds, in the order of their parents.

    Args:
        table: Columns `SEED_COLUMNS`; questions whose origin is `synthetic` have no children.
        augmenter: Says what is asked for.
        model: Who is asked.
        client: Answers out of the ledger where it can.
        screen: Finds new questions that give a held-out one away.
        seed: Of every draw.

    Returns:
        Rows of origin `synthetic` whose `parent_id` is the real question that they go back to;
        `extra` says by which step, from which row, and the response's key in the ledger. A row
        falls out with `error`, `refusal`, `max_tokens`, `unread` (no JSON object with a question),
        `empty`, `copy` (the words of what it was made from), `heldout_neighbour`, `duplicate` (the
        words of another question) or a reason of the augmenter's own.
    """
    real = table.filter(is_in() & (pl.col("origin") != SYNTHETIC)).rows(named=True)
    lines = list(_lines(augmenter, real, seed))
    taken, seen = set(table["id"]), set(words(table["question"].to_list()))
    for turn in range(max((len(line.chain) for line in lines), default=0)):
        asked = [line for line in lines if turn < len(line.chain)]
        requests = [augmenter.request(line.text, line.chain[turn]) for line in asked]
        outcomes = list(client.ask(STAGE, model, requests))
        found = [read(out, line.text) for line, out in zip(asked, outcomes, strict=True)]
        texts, roots = zip(*((line.text, line.parent["question"]) for line in asked), strict=True)
        found = list(without_copies(found, texts, roots))
        found = list(_without_faults(found, asked, augmenter))
        found = list(without_neighbours(found, screen))
        found = list(without_duplicates(found, seen))
        for line, out, made in zip(asked, outcomes, found, strict=True):
            _take(line, turn, made, out.key, augmenter, taken)
    rows = [row for line in lines for row in line.rows]
    return pl.concat([table, pl.DataFrame(rows, schema=SEED_COLUMNS)])


def is_made() -> pl.Expr:
    """Select the rows that this stage has made."""
    return pl.col("extra").str.starts_with(MARK).fill_null(value=False)


def key_of(row: Mapping[str, Any]) -> str | None:
    """Return the ledger key of the response that a row's question is from, `None` if it is real."""
    extra = row.get("extra") or ""
    if not extra.startswith(MARK):
        return None
    try:
        key = json.loads(extra)[STAGE]["key"]
    # The table may be of a damaged run.
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return key if isinstance(key, str) else None


def _lines(augmenter: Augmenter, parents: Sequence[Mapping[str, Any]], seed: int) -> Iterator[Line]:
    for parent, chains in zip(parents, augmenter.chains(len(parents), seed=seed), strict=True):
        first = 1
        for chain in chains:
            yield Line(
                parent=parent,
                chain=chain,
                first=first,
                text=parent["question"],
                source=parent["id"],
            )
            first += len(chain)


def _without_faults(
    found: Sequence[Rewrite], lines: Sequence[Line], augmenter: Augmenter
) -> Iterator[Rewrite]:
    for one, line in zip(found, lines, strict=True):
        fault = None if one.reason else augmenter.fault(one.question, line.text)
        yield one if fault is None else one.but(fault.reason, fault.detail)


def _take(
    line: Line, turn: int, made: Rewrite, key: str, augmenter: Augmenter, taken: set[str]
) -> None:
    """Make a row of what came out, and let the line go on from it where it is good."""
    parent, kind = line.parent, type(augmenter).__name__.lower()
    row = f"{parent['id']}~{kind}-{line.first + turn}"
    while row in taken:
        row += "~"
    taken.add(row)
    about = {"by": kind, "step": line.chain[turn].name, "from": line.source, "key": key}
    line.rows.append(
        {
            "id": row,
            "seed_id": row,
            "sample": 0,
            "question": made.question,
            "origin": SYNTHETIC,
            "source": TEACHER,
            "parent_id": parent["id"],
            "reference": augmenter.reference(parent["reference"]),
            "slice": parent["slice"],
            "extra": json.dumps({STAGE: about}, ensure_ascii=False),
            "stage": STAGE if made.reason else None,
            "reason": made.reason,
            "detail": made.detail,
        }
    )
    if made.reason is None:
        line.text, line.source = made.question, row
