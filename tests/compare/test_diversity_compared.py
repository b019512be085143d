"""The diversity of two datasets at equal size, tested by relabelling."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from compared_runs import prose

from distill.compare.diversity import DiversityCompared, compare_diversity
from distill.compare.figures import Figures
from distill.compare.side import TABLE_COLUMNS, Side
from distill.diversity.relabel import holm
from distill.diversity.sample import IN_A, IN_B, IN_BOTH, MAX_ROWS, MAX_WORDS, SWAPPED, draw

QA = "distill.tasks.QA"
Pairs = list[tuple[str, str]]


def side(pairs: Pairs, *, task: str = QA, diversity: dict[str, float] | None = None) -> Side:
    cells = [{"id": f"r{i}", "question": q, "answer": a} for i, (q, a) in enumerate(pairs)]
    return Side(
        name="x",
        figures=Figures(
            run_id="x",
            dataset_sha256="d",
            config_sha256="c",
            rows=len(pairs),
            diversity=diversity or {},
        ),
        config={"task": {"_target_": task}},
        table=pl.DataFrame(cells, schema={**TABLE_COLUMNS}),
        heldout=None,
    )


def said(count: int, seed: int, *, of: int = 400, start: int = 0, words: int = 30) -> Pairs:
    rng = np.random.default_rng(seed)
    return [(f"q{start + i}", prose(rng, words, of=of)) for i in range(count)]


def by_name(found: DiversityCompared) -> dict[str, Any]:
    return {one.name: one for one in found.figures}


def test_equal_texts_are_not_tested() -> None:
    found = compare_diversity(side(said(30, 0)), side(said(30, 0)))
    assert found.why_not == "the samples hold the same texts"
    assert all(one.p_value is None for one in found.figures)
    assert by_name(found)["distinct_2"].ratio == 1.0


def test_another_answer_to_each_question_is_tested_by_swapping_within_questions() -> None:
    found = compare_diversity(side(said(60, 0)), side(said(60, 1)), permutations=99)
    assert (found.swapped, found.dealt, found.rows) == (60, 0, (60, 60))


def test_other_questions_are_tested_by_dealing_them_anew() -> None:
    found = compare_diversity(side(said(60, 0)), side(said(50, 1, start=100)), permutations=99)
    assert (found.swapped, found.dealt, found.rows) == (0, 100, (50, 50))


def test_a_selection_out_of_a_dataset_is_tested_against_other_selections() -> None:
    rows = said(60, 0)
    found = compare_diversity(side(rows), side(rows[:30]), permutations=99)
    assert found.swapped == 0
    assert found.dealt > 30
    assert found.why_not is None


@pytest.mark.parametrize("paired", [True, False])
def test_collapsed_answers_are_found_out(paired: bool) -> None:
    a, b = said(120, 0), said(120, 1, of=150, start=0 if paired else 500)
    found = by_name(compare_diversity(side(a), side(b)))
    figure = found["distinct_2"]
    assert figure.p_holm is not None
    assert figure.p_holm < 0.01
    assert figure.high < 1
    assert figure.low < figure.ratio < figure.high
    assert found["length_std_dev"].p_value is not None


def test_answers_of_one_source_are_seldom_told_apart() -> None:
    rejected = 0
    for seed in range(40):
        a, b = side(said(60, 2 * seed)), side(said(60, 2 * seed + 1))
        found = by_name(compare_diversity(a, b, permutations=99, subsamples=1, seed=seed))
        rejected += found["distinct_2"].p_value <= 0.05
    # At 5 % the chance of seven or more among forty is below 1 %.
    assert rejected < 7


def test_a_random_selection_is_seldom_told_apart() -> None:
    rejected = 0
    for seed in range(40):
        rows = said(60, seed)
        kept = np.random.default_rng(seed).permutation(60)[:30]
        found = compare_diversity(
            side(rows), side([rows[i] for i in kept]), permutations=99, subsamples=1, seed=seed
        )
        rejected += by_name(found)["distinct_2"].p_value <= 0.05
    assert rejected < 7


def test_the_interval_covers_no_difference_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(40):
        a, b = side(said(80, 2 * seed)), side(said(80, 2 * seed + 1))
        figure = by_name(compare_diversity(a, b, permutations=1, subsamples=199, seed=seed))[
            "distinct_2"
        ]
        covered += figure.low <= 1 <= figure.high
    # A true 95 % falls below 34 of 40 in one case of a hundred.
    assert covered >= 34


def test_exchanging_the_runs_turns_the_ratio_over() -> None:
    a, b = side(said(60, 0)), side(said(60, 1, of=100))
    one, other = by_name(compare_diversity(a, b)), by_name(compare_diversity(b, a))
    assert one["length_std_dev"].ratio is None  # all lengths are equal
    for name in ("mean_vocab_size", "top_bigram_frequency", "distinct_2"):
        assert one[name].ratio == pytest.approx(1 / other[name].ratio)
        assert one[name].p_value == pytest.approx(other[name].p_value, abs=0.03)


def test_the_same_seed_gives_the_same_figures() -> None:
    a, b = side(said(40, 0)), side(said(40, 1))
    assert compare_diversity(a, b) == compare_diversity(a, b)
    assert compare_diversity(a, b) != compare_diversity(a, b, seed=1)


def test_the_order_of_the_rows_does_not_matter() -> None:
    a, b = said(40, 0), said(40, 1)
    assert compare_diversity(side(a), side(b)) == compare_diversity(side(a[::-1]), side(b[::-1]))


def test_with_999_relabellings_no_p_value_is_below_a_thousandth() -> None:
    found = compare_diversity(side(said(60, 0)), side(said(60, 1, of=20)))
    assert found.permutations == 999
    assert min(one.p_value for one in found.figures if one.p_value is not None) == 0.001


def test_samples_of_one_question_stay_together() -> None:
    a = [(f"q{i // 3}", text) for i, (_, text) in enumerate(said(60, 0))]
    b = [(f"q{i // 3}", text) for i, (_, text) in enumerate(said(60, 1))]
    sample = draw(side(a).dataset, side(b).dataset, "answer", seed=0)
    assert sample.swapped == 20
    assert sample.rows == (60, 60)
    mine, theirs = (one[0] for one in sample.relabelled(np.random.default_rng(0), 1))
    assert not (mine & theirs).any()
    for unit in range(20):
        of_unit = sample.unit == unit
        assert sorted((mine[of_unit].sum(), theirs[of_unit].sum())) == [3, 3]
        # All three of a side move, or none does.
        assert len(set(sample.a_side[mine & of_unit].tolist())) == 1


def test_both_samples_hold_as_many_rows_and_the_same_questions_first() -> None:
    a, b = said(200, 0), said(50, 1)
    sample = draw(side(a).dataset, side(b).dataset, "answer", seed=0)
    assert sample.rows == (50, 50)
    mine, theirs = sample.sides()
    assert mine.sum() == theirs.sum() == 50


def test_the_place_of_a_question_does_not_hang_on_its_role() -> None:
    a = said(400, 0)
    sample = draw(side(a).dataset, side(a[:200]).dataset, "answer", seed=0)
    places = [np.flatnonzero(sample.role == role).mean() for role in (IN_A, IN_B)]
    # A budget of words that cut off one role before the other would make a difference of its own.
    assert abs(places[0] - places[1]) < len(sample.role) / 8


def test_large_datasets_are_sampled() -> None:
    a = said(3 * MAX_ROWS, 0, words=5)
    sample = draw(side(a).dataset, side(a).dataset, "answer", seed=0)
    assert sample.rows == (MAX_ROWS, MAX_ROWS)
    long = [(f"q{i}", "word " * (MAX_WORDS // 4)) for i in range(9)]
    assert draw(side(long).dataset, side(long).dataset, "answer", seed=0).rows == (4, 4)
    huge = [(f"q{i}", "word " * (2 * MAX_WORDS)) for i in range(3)]
    assert draw(side(huge).dataset, side(huge).dataset, "answer", seed=0).rows == (1, 1)


def test_roles_follow_what_both_sides_say() -> None:
    a = [("same", "x"), ("other", "x"), ("mine", "x")]
    b = [("same", "x"), ("other", "y"), ("yours", "x")]
    sample = draw(side(a).dataset, side(b).dataset, "answer", seed=0)
    assert sorted(sample.role.tolist()) == [IN_A, IN_B, IN_BOTH, SWAPPED]


def test_labels_are_varied_in_their_questions() -> None:
    task = "distill.tasks.Classify"
    a = [(prose(np.random.default_rng(i), 20), "sport") for i in range(40)]
    found = compare_diversity(side(a, task=task), side(a[:20], task=task), permutations=9)
    assert found.column == "question"
    assert by_name(found)["mean_vocab_size"].a > 10


def test_different_tasks_are_not_compared() -> None:
    found = compare_diversity(side(said(9, 0)), side(said(9, 1), task="distill.tasks.Math"))
    assert found.why_not == "the runs have different tasks"
    assert found.permutations == 0


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_are_not_tested(rows: int) -> None:
    found = compare_diversity(side(said(rows, 0)), side(said(30, 1)))
    assert found.why_not == "a dataset has too few rows"


def test_empty_answers_are_measured_where_they_can_be() -> None:
    empty = [(f"q{i}", "") for i in range(5)]
    found = by_name(compare_diversity(side(empty), side(said(5, 1)), permutations=9))
    assert found["distinct_2"].ratio is None
    assert found["distinct_2"].p_value is None
    assert found["mean_vocab_size"].a == 0


def test_what_the_runs_reported_stands_beside_it_and_unknown_figures_are_not_tested() -> None:
    a = side(said(30, 0), diversity={"distinct_2": 0.9, "distinct_3": 0.8, "own": 4.0})
    b = side(said(30, 1), diversity={"own": 5.0})
    found = by_name(compare_diversity(a, b, permutations=9))
    assert (found["distinct_2"].own_a, found["distinct_2"].own_b) == (0.9, None)
    assert found["distinct_3"].p_value is not None
    assert (found["own"].own_a, found["own"].own_b, found["own"].p_value) == (4.0, 5.0, None)


@pytest.mark.parametrize(
    ("given", "adjusted"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.01, None, 0.5], [0.02, None, 0.5]),
        ([0.9, 0.8], [1.0, 1.0]),
        ([], []),
    ],
)
def test_holm_steps_down_and_never_falls(given: list[Any], adjusted: list[Any]) -> None:
    assert holm(given) == pytest.approx(adjusted)
