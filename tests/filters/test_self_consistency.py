"""What the samples of one seed agree on, with ties, lone samples and answers without a number."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tables import answered_table

from distill.build import build
from distill.config import compose
from distill.errors import ConfigError
from distill.filters import NumberPresent, SelfConsistency
from distill.stages.filter import apply_filters
from distill.tasks import QA, Math
from distill.tasks.agreement import votes

MATH = Math(system=None, prompt="{question}")


def samples(*answers: str, seeds: str | None = None) -> pl.DataFrame:
    """Return samples of the seeds that the letters name, all of one where none are named."""
    return answered_table(answers, seed_id=list(seeds or "a" * len(answers)))


def kept(*answers: str, seeds: str | None = None, **changes: Any) -> str:
    """Return a + for each row that stays and a - for each that falls."""
    settings: dict[str, Any] = {"majority": True, "min_agreement": 0.5, "task": MATH} | changes
    one = SelfConsistency(**settings)
    return "".join("+-"[out] for out in one.rejects(samples(*answers, seeds=seeds)))


@pytest.mark.parametrize(
    ("answers", "fate"),
    [
        pytest.param(["#### 18", "It is 18.0", "#### 17"], "++-", id="majority"),
        pytest.param(["#### 18", "#### 18", "#### 18"], "+++", id="all agree"),
        pytest.param(["#### 18", "#### 17"], "--", id="a tie of two"),
        pytest.param(["1", "1", "2", "2", "3"], "-----", id="a tie and a third"),
        pytest.param(["1", "1", "2", "3", "4"], "-----", id="commonest, and too few"),
        pytest.param(["1", "1", "2", "no idea"], "++--", id="half of all, an unread one counted"),
        pytest.param(["1", "no", "no", "no"], "----", id="one number among unread ones"),
        pytest.param(["no", "none"], "--", id="nothing read"),
        pytest.param(["#### 18"], "+", id="one sample"),
        pytest.param(["no idea"], "+", id="one sample, unread"),
        pytest.param([], "", id="no rows"),
    ],
)
def test_what_the_samples_do_not_agree_on_is_dropped(answers: list[str], fate: str) -> None:
    assert kept(*answers) == fate


def test_every_seed_is_counted_by_itself() -> None:
    assert kept("1", "2", "1", "2", "2", "9", seeds="ababbc") == "++++++"


@pytest.mark.parametrize(
    ("changes", "fate"),
    [
        pytest.param({"min_agreement": 0.3}, "++---", id="a commonest answer is enough"),
        pytest.param({"majority": False, "min_agreement": 0.2}, "+++++", id="a share is enough"),
        pytest.param({"majority": False, "min_agreement": 0.4}, "++---", id="a share is inclusive"),
        pytest.param({"min_agreement": 0}, "++---", id="no share is asked for"),
        pytest.param({"majority": False, "min_agreement": 0}, "+++++", id="neither"),
        pytest.param({"min_agreement": 1}, "-----", id="all must agree"),
    ],
)
def test_either_rule_can_be_loosened(changes: dict[str, Any], fate: str) -> None:
    assert kept("1", "1", "2", "3", "4", **changes) == fate


def test_the_task_says_what_is_the_same() -> None:
    prose = QA(system=None, prompt="{question}", answer_marker=None)
    assert kept("It is 5!", "it is 5", "It is a 5.") == "+++"
    assert kept("It is 5!", "it is 5", "It is a 5.", task=prose) == "++-"


def test_the_evidence_counts_the_samples() -> None:
    one = SelfConsistency(majority=True, min_agreement=0.7, task=MATH)
    found = one.details(samples("1", "1", "2", "no", "5", "6", "7", seeds="aaaabbc"))
    assert found.to_list() == [
        "2 of 4 samples come to 1",
        "2 of 4 samples come to 1",
        "1 of 4 samples come to 2, 2 to another answer",
        "comes to no final answer",
        "1 of 2 samples come to 5, as many to another answer",
        "1 of 2 samples come to 6, as many to another answer",
        None,
    ]


def test_samples_that_fell_out_before_have_no_vote() -> None:
    table = samples("1", "1", "no", "no", "no")
    filters = {
        "number": NumberPresent(),
        "agree": SelfConsistency(majority=True, min_agreement=1, task=MATH),
    }
    assert apply_filters(table, filters)["reason"].to_list() == [None, None, *["number"] * 3]


def test_votes_count_all_samples_and_no_answer_twice() -> None:
    first, *_, unread = votes(samples("1", "1", "2", "no"), MATH)
    assert (first.same, first.samples, first.most, first.tied) == (2, 4, 2, False)
    assert first.share == 0.5
    assert (unread.final, unread.same, unread.samples) == (None, 0, 4)


def test_the_run_hands_over_its_own_task() -> None:
    wanted = ["seeds.path=-", "task=math", "filter=self_consistency", "teacher.samples=3"]
    plan = build(compose(wanted))
    made: Any = plan.filters["self_consistency"]
    assert made.task == plan.task


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        pytest.param(
            ["task=math"],
            r"teacher\.samples: got 1, want 2 or more for filter\.self_consistency",
            id="one sample",
        ),
        pytest.param(
            ["task=classify", "task.labels=[a,b]", "teacher.samples=3"],
            r"filter\.self_consistency: got task=classify, want a task whose samples are rows",
            id="votes",
        ),
    ],
)
def test_a_run_without_samples_cannot_have_it(overrides: list[str], fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        build(compose(["seeds.path=-", *overrides, "filter=self_consistency"]))
