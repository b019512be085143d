"""Repeated examples go, the first one stays, and each says which row it repeats."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from tables import answered_table

from distill.build import build
from distill.config import compose
from distill.errors import ConfigError, ExtraMissingError
from distill.filters import ExactDuplicates, NearDuplicates, SemanticDuplicates, word_sets
from distill.stages.filter import apply_filters

TEXT = "the kubelet restarts a crashed container and waits a little longer after each attempt"
embed = pytest.mark.skipif(
    any(importlib.util.find_spec(n) is None for n in ("tokenizers", "safetensors", "wordllama")),
    reason="the extra embed is not installed",
)


def near(threshold: float | None = 0.7, words: int = 3) -> NearDuplicates:
    return NearDuplicates(threshold=threshold, words=words)


def of(answers: Sequence[str], questions: Sequence[str] | None = None) -> pl.DataFrame:
    return answered_table(answers, question=questions or ["Why?"] * len(answers))


def gone(rule: NearDuplicates | SemanticDuplicates, table: pl.DataFrame) -> list[int]:
    return rule.rejects(table).arg_true().to_list()


def jaccard(first: set[str], second: set[str]) -> float:
    return len(first & second) / len(first | second)


def grams(text: str, n: int) -> set[str]:
    words = text.split()
    return {" ".join(words[i : i + n]) for i in range(len(words) - n + 1)} or {f"{text} (whole)"}


def edited(text: str, rng: np.random.Generator, changes: int) -> str:
    words = text.split()
    for at in rng.choice(len(words), changes, replace=False):
        words[at] = f"x{rng.integers(10**6)}"
    return " ".join(words)


def test_the_jaccard_index_is_that_of_the_n_grams_and_reaching_the_threshold_is_enough() -> None:
    # 14 words have 12 three-grams; one more word at the end makes 13 of which 12 are shared.
    table = of([TEXT, f"{TEXT} again"])
    assert len(TEXT.split()) == 14
    assert near(12 / 13).details(table).to_list() == [None, "repeats r0 (Jaccard index 0.92)"]
    assert gone(near(12 / 13 + 1e-6), table) == []


def test_case_punctuation_and_white_space_do_not_count() -> None:
    assert gone(near(1.0), of([TEXT, f"  {TEXT.upper()}!!  "])) == [1]


def test_letters_of_another_script_that_look_the_same_hide_no_duplicate() -> None:
    disguised = TEXT.translate(str.maketrans("aeo", "\u0430\u0435\u043e"))

    assert gone(near(1.0), of([TEXT, disguised])) == [1]
    assert ExactDuplicates().rejects(of([TEXT, disguised])).to_list() == [False, True]


def test_both_the_question_and_the_answer_have_to_be_near() -> None:
    other = "which treaty ended the thirty years war in europe and when was it signed"
    assert gone(near(), of([TEXT, TEXT], [TEXT, other])) == []
    assert gone(near(), of([TEXT, other], [TEXT, TEXT])) == []
    assert gone(near(), of([TEXT, TEXT], [other, f"{other} then"])) == [1]


def test_of_a_text_shorter_than_an_n_gram_every_sign_counts() -> None:
    assert gone(near(), of(["5", "-5", "5 "], [TEXT] * 3)) == [2]
    assert gone(near(), of(["", "", "a"], [TEXT] * 3)) == [1]


def test_a_row_that_is_near_only_one_that_goes_stays() -> None:
    words = TEXT.split()
    chain = [" ".join(words[k : k + 11]) for k in range(3)]
    assert gone(near(), of(chain[:2])) == [1]
    assert gone(near(), of(chain[1:])) == [1]
    assert gone(near(), of(chain)) == [1]


@pytest.mark.parametrize("at_once", [1, 60, 250_000])
def test_what_goes_is_what_comparing_every_pair_would_find(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(word_sets, "CANDIDATES_AT_ONCE", at_once)
    monkeypatch.setattr(word_sets, "PAIRS_AT_ONCE", 7)
    rng = np.random.default_rng(at_once)
    for threshold in (0.1, 0.3, 0.5, 0.7, 0.8, 1.0):
        n, letters = int(rng.integers(1, 4)), int(rng.integers(2, 7))
        lengths = rng.integers(1, 9, size=(2, 60))
        questions, answers = (
            [" ".join(f"v{v}" for v in rng.integers(letters, size=k)) for k in line]
            for line in lengths
        )
        kept: list[int] = []
        for i, (question, answer) in enumerate(zip(questions, answers, strict=True)):
            if not any(
                jaccard(grams(question, n), grams(questions[j], n)) >= threshold
                and jaccard(grams(answer, n), grams(answers[j], n)) >= threshold
                for j in kept
            ):
                kept.append(i)
        found = gone(near(threshold, n), of(answers, questions))
        assert sorted({*range(60)} - {*kept}) == found, (threshold, n)


def test_every_planted_pair_at_the_threshold_is_found_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    drawn = np.minimum(rng.zipf(1.3, (3000, 45)), 30_000)
    texts = [" ".join(f"w{word}" for word in line) for line in drawn]
    planted = [edited(text, rng, int(rng.integers(0, 7))) for text in texts[:600]]
    known = [
        3000 + k
        for k, (text, copy) in enumerate(zip(texts, planted, strict=False))
        if jaccard(grams(text, 3), grams(copy, 3)) >= 0.7
    ]
    assert 100 < len(known) < 500
    table = of(["yes"] * 3600, [*texts, *planted])
    assert gone(near(), table) == known
    assert near().details(table)[known[0]].startswith(f"repeats r{known[0] - 3000} (Jaccard")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda rng: "why is this so", id="copies"),
        pytest.param(lambda rng: edited(f"{TEXT} {TEXT.upper()} end", rng, 1), id="one cluster"),
        pytest.param(lambda rng: " ".join(rng.choice(["a", "b"], 20)), id="few words"),
    ],
)
def test_rows_that_repeat_by_the_thousand_are_told_in_seconds(make: object) -> None:
    rng = np.random.default_rng(0)
    texts = [make(rng) for _ in range(5000)]  # type: ignore[operator]
    table = of(["yes"] * 5000, texts)
    started = time.process_time()
    assert len(gone(near(), table)) > 4000
    assert time.process_time() - started < 20


def test_the_row_that_is_repeated_stands_in_the_table_beside_the_reason() -> None:
    table = apply_filters(of([TEXT, "no", f"{TEXT} again"]), {"near_duplicates": near()})
    assert table.filter(id="r2").select("stage", "reason", "detail").row(0) == (
        "filter",
        "near_duplicates",
        "repeats r0 (Jaccard index 0.92)",
    )
    assert table.filter(pl.col("id") != "r2")["detail"].null_count() == 2


@pytest.mark.parametrize("value", [0, 1.2, -1, "x", True])
def test_a_threshold_out_of_its_range_is_told_with_its_key(value: object) -> None:
    for name in ("near_duplicates", "semantic_duplicates"):
        words = ["seeds.path=-", f"filter={name}", f"filter.{name}.threshold={value}"]
        with pytest.raises(ConfigError, match=f"filter.{name}.threshold: got .* above 0 and up"):
            build(compose(words))


@embed
def test_an_example_in_other_words_goes_and_a_stranger_stays() -> None:
    questions = ["How do I cancel my card?", "How do I cancel my bank card?", "Where is my refund?"]
    table = of(["Tap Cancel in the app."] * 3, questions)
    rule = SemanticDuplicates(threshold=0.8)
    assert gone(rule, table) == [1]
    assert rule.details(table)[1].startswith("repeats r0 (cosine 0.")
    assert gone(SemanticDuplicates(threshold=0.8), of(["yes", "no", "no"], questions)) == []


@embed
def test_copies_have_a_cosine_of_one_and_texts_without_tokens_are_like_nothing() -> None:
    assert gone(SemanticDuplicates(threshold=1), of([TEXT, TEXT, "", ""])) == [1]


@embed
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 2), (512, 8192)])
def test_what_goes_by_meaning_is_what_comparing_every_pair_would_find(
    monkeypatch: pytest.MonkeyPatch, rows: int, columns: int
) -> None:
    from distill.embeddings import embed as vectors_of
    from distill.filters import semantic_duplicates

    monkeypatch.setattr(semantic_duplicates, "ROWS_AT_ONCE", rows)
    monkeypatch.setattr(semantic_duplicates, "COLUMNS_AT_ONCE", columns)
    rng = np.random.default_rng(0)
    words = ["card", "refund", "bank", "cancel", "transfer", "lost"]
    questions = [" ".join(rng.choice(words, 4)) for _ in range(80)]
    cosines = vectors_of(questions) @ vectors_of(questions).T
    kept: list[int] = []
    for i in range(80):
        if not any(cosines[i, j] >= 0.9 for j in kept):
            kept.append(i)
    found = gone(SemanticDuplicates(threshold=0.9), of(["yes"] * 80, questions))
    assert sorted({*range(80)} - {*kept}) == found
    assert 5 < len(kept) < 75


def test_without_the_extra_nothing_is_spent_before_it_is_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tokenizers" else find(name)
    )
    with pytest.raises(ExtraMissingError, match=r"hint: pip install 'distill\[embed\]'"):
        build(compose(["seeds.path=-", "filter=semantic_duplicates"]))


@pytest.mark.parametrize("words", [0, 101, 10_000_000])
def test_an_n_gram_of_absurd_length_is_refused(words: int) -> None:
    wanted = [
        "seeds.path=-", "filter=near_duplicates", f"filter.near_duplicates.words={words}"
    ]  # fmt: skip
    with pytest.raises(ConfigError, match=r"words: got \d+, want a whole number from 1 to 100"):
        build(compose(wanted))
