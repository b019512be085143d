"""Best of n, balance, and the random control."""

from __future__ import annotations

import polars as pl
import pytest
from tables import answered_table

from distill.selectors import Balanced, BestOfN, RandomRows, Selector


def kept(selector: Selector, table: pl.DataFrame) -> str:
    """Return the places of the rows that stay, in the order of the table."""
    return "".join(str(i) for i, out in enumerate(selector.rejects(table)) if not out)


def samples() -> pl.DataFrame:
    """Return six rows: three answers to question a, two to b, one to c."""
    return answered_table(["x"] * 6).with_columns(
        seed_id=pl.Series(list("aaabbc")),
        score=pl.Series([0.7, 0.9, 0.9, 0.2, 0.4, None]),
    )


@pytest.mark.parametrize(
    ("per_question", "max_rows", "stay"),
    [
        pytest.param(1, None, "145", id="the best answer to each, of equals the first"),
        pytest.param(2, None, "12345", id="two to a question"),
        pytest.param(9, None, "012345", id="more than there are"),
        pytest.param(1, 2, "14", id="the best of the best"),
        pytest.param(3, 4, "1245", id="every question once before any twice"),
        pytest.param(1, 0, "", id="nothing"),
    ],
)
def test_the_best_answers_to_each_question_stay(
    per_question: int, max_rows: int | None, stay: str
) -> None:
    assert (
        kept(BestOfN(per_question=per_question, max_rows=max_rows, min_real_share=None), samples())
        == stay
    )


def labelled() -> pl.DataFrame:
    """Return nine rows: six of label a, two of b, one without."""
    answers = ["a", "a", "b", "a", "a", "b", "a", "a", None]
    return answered_table(["x"] * 9).with_columns(
        answer=pl.Series(answers),
        score=pl.Series([0.1, 0.2, 0.5, 0.9, 0.8, 0.6, 0.7, 0.3, 0.4]),
    )


@pytest.mark.parametrize(
    ("max_rows", "max_per_group", "stay"),
    [
        pytest.param(None, None, "012345678", id="no limit"),
        pytest.param(None, 2, "23458", id="a limit a group"),
        pytest.param(3, None, "358", id="one of each"),
        pytest.param(5, None, "23458", id="the rare group is used up"),
        pytest.param(7, None, "2345678", id="what it leaves goes to the others"),
        pytest.param(7, 2, "23458", id="both limits"),
        pytest.param(0, None, "", id="nothing"),
        pytest.param(None, 0, "", id="nothing of any group"),
    ],
)
def test_groups_take_turns_with_their_best_rows(
    max_rows: int | None, max_per_group: int | None, stay: str
) -> None:
    selector = Balanced(
        by="answer", max_rows=max_rows, max_per_group=max_per_group, min_real_share=None
    )

    assert kept(selector, labelled()) == stay


def test_slices_are_balanced_too() -> None:
    table = answered_table(["x"] * 4).with_columns(
        slice=pl.Series(["s", "s", "s", "t"]), score=pl.Series([0.9, 0.8, 0.7, 0.1])
    )

    assert (
        kept(Balanced(by="slice", max_rows=2, max_per_group=None, min_real_share=None), table)
        == "03"
    )


def test_a_random_choice_has_the_size_asked_for_and_does_not_look_at_scores() -> None:
    table = answered_table(["x"] * 400).with_columns(
        score=pl.Series([number / 400 for number in range(400)])
    )
    out = RandomRows(max_rows=100, seed=3, min_real_share=None).rejects(table)
    again = RandomRows(max_rows=100, seed=3, min_real_share=None).rejects(table)
    other = RandomRows(max_rows=100, seed=4, min_real_share=None).rejects(table)

    assert out.to_list() == again.to_list() != other.to_list()
    assert (~out).sum() == 100
    # The mean rank of 100 of 400 rows drawn blindly has a standard deviation of 0.025.
    assert 0.4 < table.filter(~out)["score"].mean() < 0.6  # type: ignore[operator]


@pytest.mark.parametrize(("max_rows", "stay"), [(None, 5), (0, 0), (9, 5)])
def test_a_random_choice_knows_its_edges(max_rows: int | None, stay: int) -> None:
    out = RandomRows(max_rows=max_rows, seed=0, min_real_share=None).rejects(
        answered_table(["x"] * 5)
    )

    assert (~out).sum() == stay
