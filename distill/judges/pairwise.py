"""Another model says which of two answers to one question is the better, asked in both orders.

Judges favour a place: asked again with the two answers exchanged, strong models come to the same
result in about two thirds of the cases. So only a preference that holds in both orders counts as a
win; everything else is a tie, and the share of pairs with the same result in both is reported.

A pair lives on the row that won it: the row's answer is the chosen one, and beside it stand the id
and the answer of the row that it beat. The loser falls out like any row below the threshold, so
that one row is still one example.

Source: Zheng et al. 2023, arXiv 2306.05685, section 3.4 (swapping positions) and table 2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Annotated, Any

import polars as pl
from pydantic import Field

from distill.component import Positive, Text, component
from distill.judges.asking import Heard, ask_for, fenced
from distill.judges.verdict import Verdict
from distill.models.client import ModelClient
from distill.models.protocol import Model, Request
from distill.models.settings import BaseUrl
from distill.tasks import Task

REASON, BETTER = "reason", "better"
FIRST, TIE, SECOND = "first", "tie", "second"
EXCHANGED = {FIRST: SECOND, TIE: TIE, SECOND: FIRST}
WinShare = Annotated[float, Field(gt=0, le=1, description="a share above 0, at most 1")]
Criteria = Annotated[
    dict[str, Text], Field(min_length=1, description="criteria with a question each")
]
# Of a row's comparisons, as they stand in `judge_scores`.
COUNTS = ("compared", "won", "lost", "tied", "consistent", "first_twice", "second_twice")


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two rows and what the judge said of them.

    Args:
        rows: Their places in the table.
        forth: Which it preferred, asked in this order, with its reason; `None` if unreadable.
        back: The same with the answers exchanged.
        key: Ledger key of the first of the two responses.
        why: Why something could not be read, "" otherwise.
    """

    rows: tuple[int, int]
    forth: tuple[str, str] | None
    back: tuple[str, str] | None
    key: str
    why: str

    @property
    def is_read(self) -> bool:
        """Whether both orders could be read."""
        return self.forth is not None and self.back is not None

    @property
    def is_consistent(self) -> bool:
        """Whether both orders come to the same."""
        return bool(self.forth and self.back and self.forth[0] == EXCHANGED[self.back[0]])

    @property
    def winner(self) -> int | None:
        """The row that is preferred in both orders."""
        if not self.is_consistent or self.forth is None or self.forth[0] == TIE:
            return None
        return self.rows[0] if self.forth[0] == FIRST else self.rows[1]

    def both_said(self, place: str) -> bool:
        """Say whether the answer at one place was preferred, whichever it was."""
        return bool(self.forth and self.back and self.forth[0] == self.back[0] == place)


@component
class Pairwise:
    """Score a row by the share of its comparisons that it won in both orders.

    Args:
        threshold: Rows that score below fall out, in (0, 1]: what won nothing is no choice.
        model: The judge's exact model id; handed to `via`.
        base_url: The judge's endpoint; handed to `via`.
        concurrency: Requests in flight at once; handed to `via`.
        via: The provider that is asked.
        max_pairs: Most pairs that are compared a seed, >= 1, in the order of the samples; `None`
            compares all. Equal answers are no pair.
        system: System prompt.
        prompt: User turn with `{criteria}` and `{material}`.
        criteria: What makes an answer the better one.
    """

    threshold: WinShare
    model: Text
    base_url: BaseUrl | None
    concurrency: Positive
    via: Model
    max_pairs: Positive | None
    system: Text
    prompt: Text
    criteria: Criteria

    def __post_init__(self) -> None:
        """Check what the fields alone cannot say.

        Raises:
            ValueError: a placeholder is missing, or more samples are wanted than are asked for.
        """
        for placeholder in ("{criteria}", "{material}"):
            if placeholder not in self.prompt:
                raise ValueError("prompt: want a text that contains {criteria} and {material}")
        if self.via.samples != 1:
            raise ValueError("via: want samples of 1, as both orders are asked once")

    @property
    def endpoint(self) -> Model | None:
        """The model that is asked."""
        return self.via

    def score(self, table: pl.DataFrame, task: Task, client: ModelClient) -> list[Verdict]:
        """Return one verdict a row, with the row that it beat.

        A row without another one to compare with scores 0: nobody could not score it.
        """
        del task
        rows = table.select("id", "seed_id", "question", "answer", "reference").to_dicts()
        pairs = self._pairs(rows)
        orders = [order for a, b in pairs for order in ((a, b), (b, a))]
        requests = [self.request(rows[a], rows[b]) for a, b in orders]
        heard = ask_for(requests, _read, model=self.via, client=client) if requests else []
        compared = [_compared(pair, *heard[2 * i : 2 * i + 2]) for i, pair in enumerate(pairs)]
        mine: dict[int, list[Compared]] = defaultdict(list)
        for one in compared:
            for row in one.rows:
                mine[row].append(one)
        scores = [_score(row, mine[row]) for row in range(len(rows))]
        return [_verdict(row, mine[row], scores, rows) for row in range(len(rows))]

    def request(self, first: Mapping[str, Any], second: Mapping[str, Any]) -> Request:
        """Return what the judge is asked about two rows with one question."""
        material = {"question": first["question"], FIRST: first["answer"], SECOND: second["answer"]}
        if first["reference"] is not None:
            material["reference"] = first["reference"]
        seed = "\0".join([first["question"], first["answer"], second["answer"]])
        asked = "\n".join(f"- {name}: {text}" for name, text in self.criteria.items())
        prompt = self.prompt.replace("{criteria}", asked).replace(
            "{material}", fenced(seed, material)
        )
        return Request(prompt=prompt, system=self.system, schema=SCHEMA)

    def _pairs(self, rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
        by_seed: dict[str, list[int]] = defaultdict(list)
        for place, row in enumerate(rows):
            by_seed[row["seed_id"]].append(place)
        return [
            pair
            for places in by_seed.values()
            for pair in islice(
                (
                    (a, b)
                    for a, b in combinations(places, 2)
                    if rows[a]["answer"].strip() != rows[b]["answer"].strip()
                ),
                self.max_pairs,
            )
        ]


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        REASON: {"type": "string"},
        BETTER: {"type": "string", "enum": [FIRST, TIE, SECOND]},
    },
    "required": [REASON, BETTER],
    "additionalProperties": False,
}


def position_counts(judge_scores: pl.Series) -> dict[str, Any]:
    """Return how often the judge kept to its preference with the answers exchanged.

    Args:
        judge_scores: The column of that name of a run that was judged in pairs.

    Returns:
        `compared` pairs that were read in both orders, how many of them were `consistent`, `ties`
        (inconsistent ones included), and in how many the answer shown `first_twice` or
        `second_twice` won; `position_consistency` is a share, absent where nothing was compared.
    """
    raw = judge_scores.drop_nulls().str.json_decode(pl.Struct(dict.fromkeys(COUNTS, pl.Int64)))
    # Every pair stands on two rows.
    total = {name: int(raw.struct.field(name).sum()) // 2 for name in COUNTS}
    compared = total["compared"]
    share = {"position_consistency": total["consistent"] / compared} if compared else {}
    return {
        "compared": compared,
        "consistent": total["consistent"],
        **share,
        "ties": total["tied"],
        "first_twice": total["first_twice"],
        "second_twice": total["second_twice"],
    }


def _read(reply: Mapping[str, Any]) -> tuple[str, str]:
    better = reply[BETTER]
    if better not in EXCHANGED:
        raise ValueError("no preference")
    return better, str(reply.get(REASON, ""))


def _compared(
    rows: tuple[int, int], forth: Heard[tuple[str, str]], back: Heard[tuple[str, str]]
) -> Compared:
    return Compared(
        rows=rows, forth=forth.value, back=back.value, key=forth.key, why=forth.why or back.why
    )


def _score(row: int, compared: Sequence[Compared]) -> float | None:
    read = [one for one in compared if one.is_read]
    if not read:
        return None if compared else 0.0
    return sum(one.winner == row for one in read) / len(read)


def _verdict(
    row: int,
    compared: Sequence[Compared],
    scores: Sequence[float | None],
    rows: Sequence[Mapping[str, Any]],
) -> Verdict:
    score = scores[row]
    if score is None:
        return Verdict(score=None, reason=compared[0].why, key=compared[0].key)
    if not compared:
        return Verdict(score=score, reason="there is no other answer that it was compared with")
    read = [one for one in compared if one.is_read]
    won = [one for one in read if one.winner == row]
    lost = [one for one in read if one.winner not in (row, None)]
    tied = len(read) - len(won) - len(lost)
    counts = (
        *(len(read), len(won), len(lost), tied),
        sum(one.is_consistent for one in read),
        sum(one.both_said(FIRST) for one in read),
        sum(one.both_said(SECOND) for one in read),
    )
    told = (won or lost or read)[0]
    beaten = [other for one in won for other in one.rows if other != row]
    worst = min(beaten, key=lambda other: scores[other] or 0.0, default=None)
    return Verdict(
        score=score,
        reason=told.forth[1] if told.forth else "",
        raw=dict(zip(COUNTS, counts, strict=True)),
        key=told.key,
        over=None if worst is None else str(rows[worst]["id"]),
    )
