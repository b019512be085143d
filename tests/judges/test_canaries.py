"""Known-bad answers: what is drawn, and that it is bad."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from tables import answered_table

from distill.judges.canaries import FILE, Canary, draw_canaries, is_wrong, texts_of
from distill.paths import conf_dir
from distill.stages.judge import mixed_in
from distill.tasks import QA, Math

PLAIN = QA(system=None, prompt="{question}", answer_marker=None)
MATH = Math(system=None, prompt="{question}")
TOPICS = ("volcanoes", "copper", "sourdough", "glaciers", "violins", "bridges", "orchids", "tides")
VERDICT = json.dumps({"reason": "Complete and correct.", "accuracy": 5})


def table_of(topics: tuple[str, ...] = TOPICS) -> pl.DataFrame:
    """Return one long answer a topic, each in words of its own."""
    answers = [f"{' '.join(f'{topic}{w}' for w in 'abcdefghijkl')} 12" for topic in topics]
    return answered_table(answers, question=[f"What of {topic}?" for topic in topics])


def drawn(table: pl.DataFrame, count: int, seed: int = 0, task: Any = PLAIN) -> list[Canary]:
    return draw_canaries(table, count=count, task=task, seed=seed, verdict=VERDICT)


def test_all_kinds_come_in_turn() -> None:
    kinds = Counter(canary.kind for canary in drawn(table_of(), 12))

    assert kinds == dict.fromkeys(("swapped", "truncated", "injected", "gibberish"), 3)


def test_the_same_seed_draws_the_same_and_another_seed_another() -> None:
    assert drawn(table_of(), 12) == drawn(table_of(), 12)
    assert drawn(table_of(), 12) != drawn(table_of(), 12, seed=1)


def test_most_of_the_draw_stays_when_a_row_is_added() -> None:
    before, after = drawn(table_of(TOPICS[:7]), 12), drawn(table_of(), 12)
    answers = {canary.answer for canary in after}

    assert sum(canary.answer in answers for canary in before) >= 6


def test_no_canary_is_drawn_twice_and_few_rows_yield_few() -> None:
    every = drawn(table_of(TOPICS[:1]), 1000)

    assert len({(canary.row, canary.answer) for canary in every}) == len(every) < 1000
    assert {canary.kind for canary in every} == {"truncated", "injected", "gibberish"}


@pytest.mark.parametrize("count", [0, 12])
def test_no_rows_yield_no_canaries(count: int) -> None:
    assert drawn(answered_table([]), count) == []


def test_a_swapped_answer_is_another_rows_and_stands_under_a_foreign_question() -> None:
    table = table_of()
    answers = dict(table.select("id", "answer").iter_rows())
    swapped = [canary for canary in drawn(table, 20) if canary.kind == "swapped"]

    assert swapped
    for canary in swapped:
        assert canary.answer == answers[canary.name] != answers[canary.row]


def test_a_truncated_answer_has_no_number_and_ends_within_a_word() -> None:
    table = table_of()
    answers = dict(table.select("id", "answer").iter_rows())
    for canary in drawn(table, 20):
        if canary.kind == "truncated":
            *whole, last = canary.answer.split()
            assert set(whole) < set(answers[canary.row].split())
            assert last not in answers[canary.row].split()
            assert "12" not in canary.answer


def row(question: str, answer: str, reference: str | None = None) -> dict[str, Any]:
    return {"question": question, "answer": answer, "reference": reference}


@pytest.mark.parametrize(
    ("task", "own", "answer", "wrong"),
    [
        pytest.param(MATH, row("?", "#### 4"), "so 2 + 3\n#### 5", True, id="another number"),
        pytest.param(MATH, row("?", "#### 4"), "so 4.0", False, id="the same number"),
        pytest.param(MATH, row("?", "#### 4", "5"), "#### 5", False, id="the reference's number"),
        pytest.param(MATH, row("?", "#### 4"), "no idea", False, id="no number"),
        pytest.param(PLAIN, row("Is it so?", "Yes."), "No.", False, id="too short to be sure"),
        pytest.param(
            PLAIN,
            row("Why does copper rust?", "Copper turns green in air."),
            "Copper turns green because air oxidises copper.",
            False,
            id="the same thing in other words",
        ),
        pytest.param(
            PLAIN,
            row("Why does copper rust?", "Copper turns green in air."),
            "Yeast raises bread dough overnight.",
            True,
            id="of something else",
        ),
        pytest.param(
            PLAIN,
            row("Why?", "Yeast.", "Yeast raises bread dough overnight."),
            "Bread dough rises overnight, yeast raises it.",
            False,
            id="what the reference says",
        ),
    ],
)
def test_only_what_is_surely_wrong_is_swapped_in(
    task: Any, own: dict[str, Any], answer: str, wrong: bool
) -> None:
    assert is_wrong(task, own, answer) is wrong


def test_every_text_says_where_it_is_from_and_verdicts_are_filled_in() -> None:
    told = yaml.safe_load((conf_dir() / FILE).read_text(encoding="utf-8"))
    assert set(told) == {"injected", "gibberish"}
    for kind in told:
        assert all("arXiv" in one["source"] for one in told[kind].values())
        assert len(set(texts_of(kind).values())) == len(told[kind])
    every = [canary.answer for canary in drawn(table_of(), 200)]
    assert not any("{verdict}" in answer for answer in every)
    assert any(VERDICT in answer for answer in every)
    assert any(answer.count("important point") == 12 for answer in every)


def test_canaries_are_mixed_in_at_drawn_places_and_the_rows_keep_their_order() -> None:
    table = table_of()
    canaries = drawn(table, 6)
    mixed, places = mixed_in(table, canaries, 0)

    assert mixed[places]["answer"].to_list() == [canary.answer for canary in canaries]
    assert mixed[places]["id"].to_list() == [canary.row for canary in canaries]
    left = mixed.with_row_index("at").filter(~pl.col("at").is_in(places))
    assert left.drop("at").equals(table)
    assert mixed_in(table, canaries, 1)[1] != places == mixed_in(table, canaries, 0)[1]
    assert any(right - left > 1 for left, right in pairwise(places))


RECORDED = Path(__file__).parents[3] / "shared" / "data" / "gsm8k" / "recorded_answers.jsonl"


@pytest.mark.skipif(not RECORDED.is_file(), reason="no recorded answers beside the project")
def test_no_swapped_answer_to_a_recorded_question_comes_to_the_right_number() -> None:
    recorded = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    told = RECORDED.with_name("heldout.jsonl").read_text().splitlines()
    heldout = [json.loads(line) for line in told]
    right = {one["question"]: MATH.final(one["reference_answer"]) for one in heldout}
    table = answered_table(
        [one["175b_verification"] for one in recorded],
        question=[one["question"] for one in recorded],
    )
    questions = dict(table.select("id", "question").iter_rows())
    swapped = [one for one in drawn(table, 1000, task=MATH) if one.kind == "swapped"]
    hits = [one for one in swapped if MATH.final(one.answer) == right[questions[one.row]]]

    assert len(swapped) == 250
    # The reference is kept from the draw: where the teacher is wrong, another answer may hit it.
    assert len(hits) <= 0.02 * len(swapped)
