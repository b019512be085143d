"""What one training example gives away of a held-out text, and how often the guard errs."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tables import answered_table, claude, seeds_table

from distill import embeddings
from distill.errors import ExtraMissingError
from distill.guards import Contamination, Evidence, Finding
from distill.guards.ngrams import covered
from distill.table import drop

GSM8K = Path(__file__).parents[2] / "../shared/data/gsm8k"
TEXT = "a farmer has twelve cows and buys five more of them at the market on monday"

embed = pytest.mark.skipif(
    any(importlib.util.find_spec(n) is None for n in ("tokenizers", "safetensors", "wordllama")),
    reason="the extra embed is not installed",
)


def look(
    table: pl.DataFrame, *questions: str, ngram: int | None = 8, near: float | None = None
) -> Finding:
    heldout = pl.DataFrame(
        {"id": [f"h{i}" for i in range(len(questions))], "question": list(questions)}
    )
    guard = Contamination(mode="error", ngram=ngram, max_share=0.5, near=near)
    return guard.look(Evidence(teacher=claude(), judge=None, table=table, heldout=heldout))


def seeds(questions: Sequence[str]) -> pl.DataFrame:
    return seeds_table(*(f"s{i}" for i in range(len(questions))), question=questions)


def hit(found: Finding) -> set[str]:
    return {row.split()[1] for row in found.rows}


def made_texts(count: int, rng: np.random.Generator, words: int = 45) -> list[str]:
    # Few words are common and most are rare, as in a language.
    drawn = np.minimum(rng.zipf(1.3, (count, words)), 5000)
    return [" ".join(f"w{word}" for word in line) for line in drawn]


def edited(text: str, rng: np.random.Generator, share: float = 0.1) -> str:
    words = text.split()
    for at in rng.choice(len(words), round(share * len(words)), replace=False):
        words[at] = f"other{at}"
    return " ".join(words)


def words_of(text: str, rows: Sequence[str]) -> pl.DataFrame:
    return covered(pl.Series([text]), [pl.Series(rows, dtype=pl.String)], n=8)


def test_a_copy_in_letters_of_another_script_is_found() -> None:
    disguise = str.maketrans("aeop", "\u0430\u0435\u043e\u0440")
    longer = f"Now tell me: {TEXT.translate(disguise)}, and why?"

    assert hit(look(seeds([TEXT.translate(disguise)]), TEXT)) == {"h0"}
    assert hit(look(seeds([longer]), TEXT)) == {"h0"}
    assert hit(look(seeds([TEXT]), TEXT.translate(disguise))) == {"h0"}


def test_the_share_is_that_of_words_in_shared_n_grams() -> None:
    words = TEXT.split()
    cases = {
        TEXT: 1.0,
        " ".join(words[:8]): 8 / 16,
        " ".join(words[:9]): 9 / 16,
        " ".join([*words[:8], "no", *words[8:]]): 1.0,
        " ".join(["no", *words[4:13], "no"]): 9 / 16,
    }
    found = words_of(TEXT, list(cases))

    assert dict(found.sort("row").select("row", "share").iter_rows()) == pytest.approx(
        dict(enumerate(cases.values()))
    )
    assert words_of(TEXT, [" ".join(words[:7]), "", " ".join(reversed(words))]).is_empty()


def test_exactly_half_of_the_words_does_not_fire_and_one_more_does() -> None:
    words = TEXT.split()
    half, more = " ".join(words[:8]), " ".join(words[:9])

    assert not look(seeds([f"{half} and then nothing"]), TEXT).fires
    found = look(seeds([f"{more} and then nothing"]), TEXT)
    assert found.rows == ("held-out h0 shares 56% of its words with seed s0",)


def test_two_examples_that_share_half_each_are_not_one_that_shares_all() -> None:
    words = TEXT.split()
    assert not look(seeds([" ".join(words[:8]), " ".join(words[8:])]), TEXT).fires


def test_an_n_gram_never_spans_question_and_answer() -> None:
    words = TEXT.split()
    table = answered_table([" ".join(words[6:12])], question=[" ".join(words[:6])])
    assert not look(table, TEXT).fires


def test_a_question_shorter_than_an_n_gram_is_found_only_as_a_whole() -> None:
    short = "what is a pod for today"
    assert look(seeds(["What is a pod for, today?"]), short).fires
    assert not look(seeds([f"please tell me {short} and why"]), short).fires


def test_without_n_grams_only_equal_questions_are_found() -> None:
    assert not look(seeds([f"{TEXT} again"]), TEXT, ngram=None).fires
    assert look(seeds([TEXT.upper()]), TEXT, ngram=None).fires


def test_an_answer_that_recites_a_held_out_question_is_found_by_its_row() -> None:
    table = answered_table(["no", f"I remember: {TEXT}. Twelve plus five is 17."])
    found = look(table, "Something else that nobody has asked in these rows at all", TEXT)

    assert found.sentence.startswith("1 of 2 held-out questions")
    assert found.rows == ("held-out h1 shares 100% of its words with row r1",)


def test_a_row_that_fell_out_gives_nothing_away() -> None:
    table = answered_table([TEXT])
    fallen = drop(table, pl.lit(value=True), stage="filter", reason="min_words")
    assert look(table, TEXT).fires
    assert not look(fallen, TEXT).fires


def test_an_augmented_child_is_told_with_its_real_seed() -> None:
    table = seeds_table("s0", "s0/a", question=["one", f"Well, {TEXT}"], parent_id=[None, "s0"])
    assert look(table, TEXT).rows == (
        "held-out h0 shares 100% of its words with seed s0/a (made from seed s0)",
    )


def test_planted_texts_are_found_and_clean_ones_are_not_on_made_data() -> None:
    rng = np.random.default_rng(0)
    clean, held = made_texts(1000, rng), made_texts(50, rng)

    assert len(hit(look(seeds(clean), *held))) <= 1
    assert len(hit(look(seeds([*clean, *held]), *held))) == 50
    near = [edited(text, rng) for text in held]
    assert len(hit(look(seeds([*clean, *near]), *held))) >= 40


@pytest.mark.skipif(not GSM8K.is_dir(), reason="the GSM8K questions are not here")
def test_planted_texts_are_found_and_clean_ones_are_not_on_gsm8k() -> None:
    def read(name: str) -> list[str]:
        lines = (GSM8K / name).read_text(encoding="utf-8").strip().split("\n")
        return [json.loads(line)["question"] for line in lines]

    rng = np.random.default_rng(0)
    clean, heldout = read("train.jsonl")[:1000], read("heldout.jsonl")
    held = [heldout[i] for i in rng.choice(len(heldout), 50, replace=False)]

    # Each training question in turn stands for a clean one that is compared with the held-out set.
    false_alarms = {row.rpartition(" ")[2] for row in look(seeds(clean), *heldout).rows}
    assert len(false_alarms) <= 1
    assert len(hit(look(seeds([*clean, *held]), *held))) == 50
    near = [edited(text, rng) for text in held]
    assert len(hit(look(seeds([*clean, *near]), *held))) >= 40


CANCEL = "How do I cancel my card?"
BANK = (
    "Where is my refund?",
    "How do I cancel my bank card?",
    "How do I cancel my bank card?",
    "how do i cancel my card",
)


@embed
def test_a_question_that_is_near_in_meaning_is_reviewed_and_does_not_fire() -> None:
    table = answered_table(["a", "b", "c"], question=BANK[:3])
    found = look(table, "Who are you?", CANCEL, near=0.8)

    assert not found.fires
    assert found.sentence.endswith(" 1 more is near one in meaning: see review.jsonl.")
    assert found.review is not None
    cosine = float(np.dot(*embeddings.embed([CANCEL, BANK[1]])))
    assert found.review.rows() == [
        (
            "r1",
            BANK[1],
            "b",
            "guard",
            "contamination",
            f"cosine {cosine:.2f} with held-out h1: {CANCEL}",
        )
    ]
    assert look(table, CANCEL, near=1.0).review is None


@embed
def test_what_fires_by_its_words_is_not_reviewed_as_well() -> None:
    table = answered_table(["a", "b", "c", "d"], question=BANK)
    found = look(table, CANCEL, near=0.8)

    assert found.rows == ("held-out h0 is row r3",)
    assert found.review is not None
    assert found.review["id"].to_list() == ["r1"]


@embed
def test_rows_that_fell_out_and_seeds_that_are_not_yet_answered_are_not_reviewed() -> None:
    table = answered_table(["a", "b"], question=BANK[:2])
    fallen = drop(table, pl.lit(value=True), stage="filter", reason="min_words")

    assert look(table, CANCEL, near=0.8).review is not None
    assert look(fallen, CANCEL, near=0.8).review is None
    assert look(seeds(BANK[:2]), CANCEL, near=0.8).review is None


@embed
def test_questions_are_compared_piece_by_piece_to_the_same_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from distill.guards import meaning

    rng = np.random.default_rng(0)
    words = ["card", "refund", "bank", "cancel", "transfer", "lost", "", "pin"]
    texts = [" ".join(rng.choice(words, 5)) for _ in range(60)]
    table = answered_table(["a"] * 60, question=texts)
    held = [" ".join(rng.choice(words, 5)) for _ in range(7)]
    whole = look(table, *held, near=0.9).review
    monkeypatch.setattr(meaning, "COSINES_AT_ONCE", 20)
    pieces = look(table, *held, near=0.9).review

    assert whole is not None
    assert 3 < whole.height < 60
    assert pieces is not None
    assert pieces.equals(whole)


def test_embeddings_are_not_touched_where_there_is_nothing_to_compare(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(texts: object) -> None:
        raise AssertionError

    monkeypatch.setattr("distill.guards.meaning.embed", fail)
    table = answered_table(["a"], question=["one"])
    guard = Contamination(mode="error", ngram=8, max_share=0.5, near=0.9)

    guard.look(Evidence(teacher=claude(), judge=None, table=table, heldout=None))
    look(seeds(["one"]), "two", near=0.9)
    look(table, "two", near=None)


def test_a_missing_extra_is_refused_where_meanings_are_to_be_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "wordllama" else find(name)
    )
    with pytest.raises(ExtraMissingError, match="wordllama is not installed"):
        Contamination(mode="warn", ngram=8, max_share=0.5, near=0.9)
    assert Contamination(mode="off", ngram=8, max_share=0.5, near=0.9).mode == "off"
    assert look(seeds(["two"]), "TWO").fires


def test_a_template_that_all_texts_share_is_compared_in_seconds() -> None:
    rng = np.random.default_rng(0)
    template = " ".join(f"t{i}" for i in range(12))
    texts = [f"{template} {text}" for text in made_texts(10_500, rng)]
    started = time.process_time()

    assert not look(seeds(texts[:-200]), *texts[-200:]).fires
    assert time.process_time() - started < 30


@pytest.mark.parametrize(
    ("held", "trained", "is_same"),
    [
        ("What is 2+2?", "what is 2 + 2", True),
        ("What is 2+2?", "What is 2-2?", False),
        ("What is 2+2?", "What is 2*2?", False),
        ("What does C++ add?", "What does C# add?", False),
        ("Is -5 a number?", "Is 5 a number?", False),
        ("What is a pod?", "**What** is a pod", True),
        ("Is it well-known?", "is it well known", True),
        ("What hap\u00adpens?", "What happens?", True),
        ("What\u200b happens?", "what happens", True),
        ("東京はどこですか", "東京はどこですか?", True),
    ],
)
def test_signs_that_make_another_question_count_and_others_do_not(
    held: str, trained: str, is_same: bool
) -> None:
    assert look(seeds([trained]), held).fires is is_same


def test_an_answer_that_is_a_short_held_out_question_fires() -> None:
    table = answered_table(["Capital of France?", "Paris"], question=["Say it", "And where?"])

    found = look(table, "What is 2+2?", "capital of France")

    assert found.rows == ("held-out h1 is row r0",)
