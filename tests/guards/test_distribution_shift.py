"""A classifier tells apart what comes from two sources, and only that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tables import claude, seeds_table
from workbench import Workbench

from distill.config import compose
from distill.errors import DataError
from distill.guards import DistributionShift, Evidence, Finding
from distill.guards.two_sample import (
    FOLDS,
    PENALTY,
    _auc,
    _features,
    _folds,
    one_of_each,
    stripped,
    tell_apart,
)

DATA = Path(__file__).parents[2] / "../shared/data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the real questions are not here")


def guard(path: Path | None, **changes: Any) -> DistributionShift:
    node = compose(["seeds.path=-"])["guard"]["distribution_shift"]
    del node["_target_"]
    return DistributionShift(**(node | {"path": None if path is None else str(path)} | changes))


def look(tmp_path: Path, seeds: Sequence[str], inputs: Sequence[str], **changes: Any) -> Finding:
    path = tmp_path / "inputs.jsonl"
    path.write_text("".join(f"{json.dumps({'question': text})}\n" for text in inputs))
    table = seeds_table(*(f"s{i}" for i in range(len(seeds))), question=seeds)
    seen = Evidence(teacher=claude(), judge=None, table=table, heldout=None)
    return guard(path, **changes).look(seen)


def made_texts(count: int, rng: np.random.Generator, *, topic: str = "") -> list[str]:
    # Few words are common and most are rare, as in a language.
    drawn = np.minimum(rng.zipf(1.3, (count, 12)), 5000)
    return [" ".join(f"w{_letters(word)}" for word in line) + topic for line in drawn]


def _letters(number: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in str(number))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("  What IS\na pod?!  ", "what is a pod", id="case, signs and white space"),
        pytest.param("12 of 1,234.50 at 10:30", "0 of 0 at 0", id="every number is one word"),
        pytest.param("don't don’t dont", "dont dont dont", id="apostrophes"),
        pytest.param("今天 good", "今 天 good", id="signs without spaces are words"),
        pytest.param("?! 🙂", "", id="nothing but signs"),
        pytest.param("CAFE\u0301 ﬁne", "café fine", id="composed"),
    ],
)
def test_form_is_stripped(text: str, words: str) -> None:
    assert stripped(pl.Series([text])).to_list() == [words]


def test_the_closed_form_is_training_without_the_fold() -> None:
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    first, second = made_texts(40, rng, topic=" common"), made_texts(55, rng)
    found = tell_apart(first, second, permutations=1, seed=5)

    side = np.repeat([1.0, 0.0], [40, 55])
    matrix = _features([*first, *second])[1]
    folds = _folds(side, np.random.default_rng(5))
    aucs = []
    for fold in range(FOLDS):
        out = folds == fold
        ridge = Ridge(alpha=PENALTY, fit_intercept=False, solver="cholesky")
        ridge.fit(matrix[~out].toarray(), (side - side.mean())[~out])
        aucs.append(_auc(side[out][:, None], ridge.predict(matrix[out])[:, None])[0])
    assert found.auc == pytest.approx(np.mean(aucs))


def test_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    sides = np.array([[1.0, 0, 1, 0]]).T
    assert _auc(sides, np.array([[3.0, 1, 2, 2]]).T)[0] == (3 + 0.5) / 4


def test_no_word_in_common_is_no_difference() -> None:
    found = tell_apart([f"a{i}" for i in range(20)], [f"b{i}" for i in range(20)], **TEST)
    assert (found.auc, found.p_value, found.words) == (0.5, 1, ())


TEST: dict[str, int] = {"permutations": 199, "seed": 0}


def test_one_source_is_told_apart_in_few_of_many_draws() -> None:
    alarms = 0
    for trial in range(60):
        rng = np.random.default_rng(trial)
        found = tell_apart(made_texts(40, rng), made_texts(60, rng), permutations=199, seed=trial)
        alarms += found.p_value < 0.05
    assert 0 < alarms <= 6


def test_another_topic_fires_and_its_words_are_shown_on_both_sides(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    found = look(tmp_path, made_texts(60, rng, topic=" pod"), made_texts(80, rng, topic=" bread"))

    assert found.fires
    assert "p = 0.005; 60 distinct seeds and 80 distinct real inputs" in found.sentence
    assert found.rows[0].startswith("speaks for the seeds: 'pod', weight +")
    assert found.rows[0].endswith("in 100% of the seeds and 0% of the inputs")
    assert found.rows[1].startswith("speaks for real inputs: 'bread', weight -")


def test_the_same_texts_in_another_form_are_not_told_apart(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    seeds = [f"{text.upper()} {i}?!" for i, text in enumerate(made_texts(100, rng))]
    inputs = [f"{text}  {i}.{i}" for i, text in enumerate(made_texts(100, rng))]
    assert not look(tmp_path, seeds, inputs).fires


def test_what_stands_on_both_sides_or_often_does_not_tell(tmp_path: Path) -> None:
    texts = made_texts(200, np.random.default_rng(2))

    assert not look(tmp_path, texts, texts).fires
    assert not look(tmp_path, texts[:100], texts).fires
    assert not look(tmp_path, texts[:100] * 5, [*texts[100:], *texts[:20]]).fires


def test_each_distinct_text_counts_once_on_the_side_of_a_copy() -> None:
    first = pl.Series(["a", "b", "b", "", "c"])
    second = pl.Series(["c", "d", None, "d"])
    sides = [one_of_each(first, second, seed=seed) for seed in range(20)]

    for left, right in sides:
        assert sorted([*left, *right]) == ["a", "b", "c", "d"]
        assert {"a", "b"} <= set(left)
        assert "d" in right
    assert {"c" in left for left, _ in sides} == {True, False}


def test_without_a_file_it_says_so_and_passes() -> None:
    seen = Evidence(teacher=claude(), judge=None, table=seeds_table("a"), heldout=None)
    found = guard(None).look(seen)

    assert not found.fires
    assert found.untold == "idle"
    assert "guard.distribution_shift.path" in found.sentence


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (19, "19 distinct seeds and 19 distinct real inputs are not enough to see a shift"),
        (30, "Below 50 a side there is not enough data to see a partial shift."),
        (100, "There is not enough data to see a shift of less than 30% of the seeds to another"),
        (
            500,
            "It may miss a shift of less than 20% of the seeds to another task (measured with 200",
        ),
    ],
)
def test_what_so_few_rows_cannot_show_is_said(tmp_path: Path, rows: int, words: str) -> None:
    texts = made_texts(2 * rows, np.random.default_rng(5))
    found = look(tmp_path, texts[:rows], texts[rows:])

    assert not found.fires
    assert words in found.sentence
    assert found.untold == ("unsure" if rows < 500 else None)


def test_a_shift_that_is_too_small_to_matter_passes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    seeds = [*made_texts(30, rng, topic=" pod"), *made_texts(30, rng)]
    inputs = made_texts(80, rng)

    assert look(tmp_path, seeds, inputs).fires
    assert not look(tmp_path, seeds, inputs, min_auc=0.99).fires


def test_more_rows_than_the_cap_are_drawn_from(tmp_path: Path) -> None:
    texts = made_texts(300, np.random.default_rng(4))
    found = look(tmp_path, texts[:200], texts[200:], max_rows=50)
    again = look(tmp_path, texts[:200], texts[200:], max_rows=50)

    assert "50 distinct seeds and 50 distinct real inputs" in found.sentence
    assert "(drawn from 200 and 100)" in found.sentence
    assert found == again != look(tmp_path, texts[:200], texts[200:], max_rows=50, seed=1)


def test_inputs_may_repeat_and_hold_other_keys_but_each_needs_a_question(tmp_path: Path) -> None:
    path = tmp_path / "inputs.jsonl"
    path.write_text('{"question": "a", "id": 3}\n{"question": "a", "id": 3}\n{"text": "b"}\n')
    seen = Evidence(teacher=claude(), judge=None, table=seeds_table("a"), heldout=None)
    with pytest.raises(DataError) as caught:
        guard(path).look(seen)

    assert [fault.where for fault in caught.value.faults] == [f"{path}:3"]


def test_a_level_that_so_few_deals_cannot_reach_is_refused_with_its_key(bench: Workbench) -> None:
    ended = bench.run("guard.distribution_shift.alpha=0.005")

    assert ended.status == 2
    assert "guard.distribution_shift.alpha: got 0.005, want a level above 0.005" in ended.err


def test_a_run_warns_and_goes_on_and_an_absent_file_stops_it_before_anything_is_paid(
    bench: Workbench,
) -> None:
    ended = bench.run("guard.distribution_shift.path=inputs.jsonl")
    assert ended.status == 2
    assert "inputs.jsonl" in ended.err
    assert bench.api.count() == 0

    rng = np.random.default_rng(0)
    texts = made_texts(30, rng, topic=" pod")
    bench.write("seeds.jsonl", [{"question": text} for text in texts])
    bench.write("inputs.jsonl", [{"question": text} for text in made_texts(30, rng)])
    ended = bench.run_unjudged("guard.distribution_shift.path=inputs.jsonl")

    assert ended.status == 0, ended.err
    assert bench.manifest["guards"]["distribution_shift"] == "warn"
    card = (bench.out / "README.md").read_text(encoding="utf-8")
    assert "speaks for the seeds: 'pod'" in card


def read(name: str) -> pl.DataFrame:
    lines = (DATA / name).read_text(encoding="utf-8").strip().split("\n")
    rows = [json.loads(line) for line in lines]
    return pl.DataFrame({key: [row.get(key) for row in rows] for key in ("question", "label")})


@needs_data
@pytest.mark.parametrize("name", ["banking77/train.jsonl", "gsm8k/train.jsonl"])
def test_halves_of_real_questions_raise_few_false_alarms(name: str) -> None:
    texts = stripped(read(name)["question"]).unique(maintain_order=True)
    alarms = 0
    for trial in range(40):
        drawn = texts.sample(200, shuffle=True, seed=trial).to_list()
        found = tell_apart(drawn[:100], drawn[100:], permutations=199, seed=trial)
        alarms += found.auc >= 0.55 and found.p_value < 0.05
    assert alarms <= 5


@needs_data
def test_real_questions_of_another_task_or_of_few_labels_fire(tmp_path: Path) -> None:
    banking = read("banking77/train.jsonl").sample(fraction=1, shuffle=True, seed=0)
    problems = read("gsm8k/train.jsonl")["question"].to_list()[:200]
    inputs = banking["question"].to_list()[:300]

    assert look(tmp_path, problems, inputs).fires
    few = sorted(set(banking["label"].to_list()))[:10]
    of_few = banking[300:].filter(pl.col("label").is_in(few))["question"].to_list()[:300]
    assert look(tmp_path, of_few, inputs).fires
    assert not look(tmp_path, banking["question"].to_list()[300:600], inputs).fires
