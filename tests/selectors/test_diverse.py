"""The best rows come first, and none that is too near one already taken."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from tables import answered_table
from workbench import Workbench

from distill.embeddings import Vectors
from distill.selectors import Diverse, diverse
from distill.selectors.diverse import _walk

NEEDS = ("tokenizers", "safetensors", "wordllama")
installed = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in NEEDS),
    reason="the extra embed is not installed",
)


def unit_vectors(rows: int, seed: int, dimensions: int = 3) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(rows, dimensions))
    vectors: Vectors = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    return vectors


def one_by_one(vectors: Vectors, limit: float, most: int) -> list[int]:
    taken: list[int] = []
    for row in range(len(vectors)):
        near = max((float(vectors[row] @ vectors[other]) for other in taken), default=-1)
        if near <= limit and len(taken) < most:
            taken.append(row)
    return taken


@pytest.mark.parametrize(
    ("limit", "most"), [(0.9, 200), (0.5, 200), (0.99, 200), (0.9, 30), (0, 9)]
)
def test_blocks_take_the_same_rows_as_one_after_the_other(
    limit: float, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = unit_vectors(200, seed=1)
    expected = one_by_one(vectors, limit, most)
    for rows, columns in ((512, 8192), (7, 5), (1, 1)):
        monkeypatch.setattr(diverse, "ROWS_AT_ONCE", rows)
        monkeypatch.setattr(diverse, "COLUMNS_AT_ONCE", columns)
        taken, nearest, cosine = _walk(vectors, limit=limit, most=most)
        assert taken.tolist() == expected
        for row in np.flatnonzero(nearest >= 0):
            assert nearest[row] in expected
            assert cosine[row] == pytest.approx(vectors[row] @ vectors[nearest[row]], abs=1e-6)
            assert cosine[row] > limit


def test_a_text_without_words_is_like_nothing() -> None:
    taken, _, _ = _walk(np.zeros((3, 4), dtype=np.float32), limit=0.0, most=3)
    assert taken.tolist() == [0, 1, 2]


CARD = "How do I cancel my card?"
AGAIN = "How do I cancel my card"
COWS = "A farmer buys twelve cows and sells five of them."


def rows(questions: Sequence[str], scores: Sequence[float | None]) -> pl.DataFrame:
    answers = ["The sea is deep.", "Pods restart.", "Bread is baked."][: len(questions)]
    table = answered_table(answers, question=questions)
    return table.with_columns(score=pl.Series(scores, dtype=pl.Float64))


def select(**changes: Any) -> Diverse:
    usual: dict[str, Any] = {"over": "question", "max_similarity": 0.9, "max_rows": None}
    usual["min_real_share"] = None
    return Diverse(**(usual | changes))


@installed
@pytest.mark.parametrize(
    ("scores", "changes", "details"),
    [
        pytest.param([0.1, 0.9, 0.5], {}, ["to row r1", None, None], id="the better of two alike"),
        pytest.param([0.5, 0.5, 0.5], {}, [None, "to row r0", None], id="of equals the earlier"),
        pytest.param([None, 0.1, None], {}, ["to row r1", None, None], id="unscored rows last"),
        pytest.param(
            [0.9, 0.8, 0.1],
            {"max_rows": 1},
            [None, "to row r0", "over select.max_rows=1"],
            id="budget",
        ),
        pytest.param([1, 1, 1], {"max_rows": 0}, ["over select.max_rows=0"] * 3, id="nothing"),
        pytest.param([1, 1, 1], {"max_similarity": 1}, [None] * 3, id="off"),
        pytest.param(
            [1, 1, 1], {"over": "answer", "max_similarity": 0.999}, [None] * 3, id="answers"
        ),
    ],
)
def test_each_row_that_is_left_out_names_the_row_that_it_is_like(
    scores: list[float | None], changes: dict[str, Any], details: list[str | None]
) -> None:
    found = select(**changes).details(rows([CARD, AGAIN, COWS], scores)).to_list()

    assert [
        None if text is None else text[-len(want or "") :]
        for text, want in zip(found, details, strict=True)
    ] == details
    assert [text is None for text in found] == [want is None for want in details]


@installed
def test_both_compares_question_and_answer_as_one_text() -> None:
    table = rows([CARD, CARD], [1, 1]).with_columns(answer=pl.Series([COWS, "Call the bank."]))

    assert select(over="question").rejects(table).to_list() == [False, True]
    assert select(over="both").rejects(table).to_list() == [False, False]


def test_without_the_extra_it_is_told_how_to_install_it_before_anything_is_paid(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *a: None if name == "wordllama" else find(name, *a),
    )
    ended = bench.run("select=diverse")

    assert ended.status == 2
    assert "wordllama is not installed" in ended.err
    assert bench.api.count() == 0
    assert bench.run_unjudged("select=diverse", "select.max_similarity=1").status == 0


@installed
def test_a_run_leaves_out_what_is_said_already_and_says_so(bench: Workbench) -> None:
    seeds = [{"id": f"q{i}", "question": text} for i, text in enumerate([CARD, AGAIN, COWS])]
    bench.write("seeds.jsonl", seeds)
    ended = bench.run_unjudged("select=diverse", "select.over=question")

    assert ended.status == 0, ended.err
    assert bench.reasons == {"q1": "select/not_diverse"}
    assert bench.lines("rejected.jsonl")[0]["detail"].endswith("to row q0")
