"""Which rows are compared, in which order, and what follows from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
import pydantic
import pytest
from tables import answered_table, claude, reply

from distill.config import compose
from distill.exports import Preference
from distill.judges import Pairwise, Verdict
from distill.judges.pairwise import position_counts
from distill.stages.judge import judge
from distill.tasks import QA

PLAIN = QA(system=None, prompt="{question}", answer_marker=None)
Say = Callable[[str, str], str]


def pairwise(**changes: Any) -> Pairwise:
    node = compose(["seeds.path=-", "judge=pairwise"])["judge"]
    node = {name: value for name, value in node.items() if name != "_target_"}
    return Pairwise(**(node | {"via": claude(model="claude-sonnet-4-6")} | changes))


class Comparing:
    """A client whose model says what `say` tells it of the first and the second answer."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.asked: list[tuple[str, str]] = []

    def ask(self, role: str, model: Any, requests: Sequence[Any]) -> list[Any]:
        del model
        assert role == "judge"
        told = []
        for i, request in enumerate(requests):
            line = next(one for one in request.prompt.splitlines() if one.startswith('{"question"'))
            given = json.loads(line)
            self.asked.append((given["first"], given["second"]))
            better = self.say(given["first"], given["second"])
            text = json.dumps({"reason": "told", "better": better})
            told.append(reply(text, key=f"k{len(self.asked)}-{i}"))
        return told


def longest(first: str, second: str) -> str:
    return "tie" if len(first) == len(second) else "first" if len(first) > len(second) else "second"


def always_first(first: str, second: str) -> str:
    del first, second
    return "first"


def samples(*answers: str) -> pl.DataFrame:
    """Return one seed with these answers."""
    return answered_table(answers, seed_id=["s"] * len(answers), question=["Why?"] * len(answers))


def scored(table: pl.DataFrame, say: Say, **changes: Any) -> tuple[list[Verdict], Comparing]:
    client = Comparing(say)
    return pairwise(**changes).score(table, PLAIN, client), client  # type: ignore[arg-type]


def test_both_orders_are_asked_and_a_preference_in_both_is_a_win() -> None:
    verdicts, client = scored(samples("long one", "short"), longest)

    assert client.asked == [("long one", "short"), ("short", "long one")]
    assert [verdict.score for verdict in verdicts] == [1.0, 0.0]
    assert [verdict.over for verdict in verdicts] == ["r1", None]
    assert verdicts[0].reason == "told"


@pytest.mark.parametrize(
    "say", [always_first, lambda *_: "second", lambda *_: "tie"], ids=["first", "second", "tie"]
)
def test_whoever_is_preferred_for_its_place_has_not_won(say: Say) -> None:
    verdicts, _ = scored(samples("a", "b"), say)

    assert [verdict.score for verdict in verdicts] == [0.0, 0.0]
    assert [verdict.over for verdict in verdicts] == [None, None]


def test_the_share_of_consistent_pairs_is_told_with_the_place_that_is_favoured() -> None:
    tables = [("a", "bb"), ("first!", "b"), ("same", "size")]
    table = pl.concat(
        [
            samples(*pair).with_columns(
                seed_id=pl.lit(f"s{i}"), id=pl.format("s{}-{}", pl.lit(i), "id")
            )
            for i, pair in enumerate(tables)
        ]
    )

    def say(first: str, second: str) -> str:
        return "first" if "!" in first + second else longest(first, second)

    done, _ = judge(table, judge=pairwise(), task=PLAIN, client=Comparing(say), seed=0)  # type: ignore[arg-type]

    assert position_counts(done["judge_scores"]) == {
        "compared": 3,
        "consistent": 2,
        "position_consistency": pytest.approx(2 / 3),
        "ties": 2,
        "first_twice": 1,
        "second_twice": 0,
    }
    assert done.filter(pl.col("stage").is_null())["id"].to_list() == ["s0-r1"]


def test_nothing_compared_has_no_consistency() -> None:
    counts = position_counts(pl.Series([None, None], dtype=pl.String))

    assert counts["compared"] == 0
    assert "position_consistency" not in counts


@pytest.mark.parametrize(
    ("max_pairs", "compared"),
    [
        pytest.param(1, [("a", "bb")], id="one"),
        pytest.param(2, [("a", "bb"), ("a", "ccc")], id="two"),
        pytest.param(None, [("a", "bb"), ("a", "ccc"), ("bb", "ccc")], id="all"),
    ],
)
def test_so_many_pairs_of_a_seed_are_compared(
    max_pairs: int | None, compared: list[tuple[str, str]]
) -> None:
    _, client = scored(samples("a", "bb", "ccc"), longest, max_pairs=max_pairs)

    assert client.asked[::2] == compared


def test_a_row_that_beat_several_is_paired_with_the_weakest_of_them() -> None:
    verdicts, _ = scored(samples("bb", "a", "ccc"), longest, max_pairs=None)

    assert [verdict.score for verdict in verdicts] == [0.5, 0.0, 1.0]
    assert [verdict.over for verdict in verdicts] == ["r1", None, "r1"]


def test_equal_answers_and_single_ones_are_not_compared_and_not_unscored() -> None:
    table = pl.concat([samples("same", " same"), answered_table(["alone"], seed_id=["t"])])
    verdicts, client = scored(table, longest)

    assert client.asked == []
    assert [verdict.score for verdict in verdicts] == [0.0] * 3
    assert all("no other answer" in verdict.reason for verdict in verdicts)


def test_a_pair_that_cannot_be_read_in_one_order_leaves_both_rows_unscored() -> None:
    verdicts, client = scored(
        samples("good", "x"), lambda first, _: "neither" if first == "x" else "first"
    )

    assert [verdict.score for verdict in verdicts] == [None, None]
    assert "cannot be read" in verdicts[0].reason
    assert client.asked.count(("x", "good")) == 2


def test_the_winner_becomes_a_pair_that_a_preference_trainer_reads() -> None:
    client: Any = Comparing(longest)
    done, _ = judge(
        samples("short", "long one"), judge=pairwise(), task=PLAIN, client=client, seed=0
    )
    kept = done.filter(pl.col("stage").is_null())

    assert kept.select("id", "rejected_id", "rejected_answer").rows() == [("r1", "r0", "short")]
    assert list(Preference(system="Be brief.").lines(kept)) == [
        {
            "prompt": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Why?"},
            ],
            "chosen": [{"role": "assistant", "content": "long one"}],
            "rejected": [{"role": "assistant", "content": "short"}],
        }
    ]


def test_the_reference_is_part_of_the_material_where_there_is_one() -> None:
    row = {"question": "q", "answer": "a", "reference": "the right one"}

    assert '"reference": "the right one"' in pairwise().request(row, row).prompt
    assert '"reference"' not in pairwise().request(row | {"reference": None}, row).prompt


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"criteria": {}}, id="no criterion"),
        pytest.param({"threshold": 0.0}, id="a threshold that keeps losers"),
        pytest.param({"prompt": "{material} only"}, id="no place for the criteria"),
        pytest.param({"via": claude(samples=2)}, id="votes"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError):
        pairwise(**changes)
