"""The student trained again: fewer examples, other seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from distill.eval_figures import eval_figures
from distill.metrics import Accuracy
from distill.stages.deepen import train_again
from distill.stages.evaluate import Arm, Evaluation
from distill.stages.refit import Refit, learning_curve, reseed
from distill.statistics import explain_verdict, mcnemar_mid_p, verdict, wilson
from distill.students import Examples
from distill.students.classifier import TrainingError

ITEMS = 100


class Knower:
    """A trained student that knows a number of items."""

    def __init__(self, known: int) -> None:
        self.known = known

    def answer(self, questions: Sequence[str]) -> list[str]:
        return ["yes" if i < self.known else "no" for i, _ in enumerate(questions)]

    def save(self, folder: Any) -> None:
        raise AssertionError("nothing is saved here")


class Learner:
    """A student that knows an item for each example, and more or fewer by its seed."""

    tasks = frozenset({"qa"})

    def __init__(self, *, luck: int = 0, least: int = 0) -> None:
        self.luck, self.least = luck, least
        self.seen: list[tuple[str, ...]] = []

    def fit(self, examples: Examples, *, seed: int) -> Knower:
        if len(examples) < self.least:
            raise TrainingError("too few")
        self.seen.append(examples.questions)
        return Knower(len(examples) - self.luck * (seed % 5))


def examples(real: int, distilled: int) -> Examples:
    n = real + distilled
    return Examples(
        questions=tuple(f"q{i}" for i in range(n)),
        answers=("yes",) * n,
        real=np.arange(n) < real,
    )


def refit(learner: Learner, data: Examples, seed: int = 0) -> Refit:
    return Refit(
        student=learner,
        examples=data,
        questions=[f"h{i}" for i in range(ITEMS)],
        references=["yes"] * ITEMS,
        metric=Accuracy(),
        seed=seed,
    )


def evaluation(given: Refit) -> Evaluation:
    """Return the run's own evaluation of the student and of the same on real examples alone."""
    data = given.examples
    parts = {"real_only": data.where(data.real), "real_and_distilled": data}
    scores = {name: given.scores(part, given.seed) for name, part in parts.items()}
    arms = {
        name: Arm(
            name=name,
            examples=len(parts[name]),
            answers=(None,) * ITEMS,
            scores=one,
            headline=wilson(int(one.sum()), ITEMS),
            metrics={},
        )
        for name, one in scores.items()
    }
    test = mcnemar_mid_p(scores["real_and_distilled"], scores["real_only"])
    return Evaluation(
        arms=arms,
        student="real_and_distilled",
        baseline="real_only",
        metric="accuracy",
        test=test,
        verdict=verdict(test),
        reason=explain_verdict(test, "Distillation", "real_only"),
    )


def test_a_curve_starts_at_real_only_and_ends_at_the_student() -> None:
    given = refit(Learner(), examples(10, 40))
    found = learning_curve(given, evaluation(given), [1, 0.25, 0.5])

    assert [(p.share, p.examples) for p in found] == [(0, 10), (0.25, 20), (0.5, 30), (1, 50)]
    assert [p.headline for p in found] == [wilson(n, ITEMS) for n in (10, 20, 30, 50)]


def test_each_share_lies_within_the_next_and_the_seed_draws_it() -> None:
    learner, data = Learner(), examples(2, 40)
    seen = []
    for seed in (0, 0, 1):
        given = refit(learner, data, seed)
        done = evaluation(given)
        learner.seen.clear()
        learning_curve(given, done, [0.25, 0.5])
        seen.append([set(one) for one in learner.seen])

    assert seen[0][0] < seen[0][1]
    assert {"q0", "q1"} <= seen[0][0]
    assert seen[0] == seen[1] != seen[2]


def test_the_whole_dataset_is_not_trained_on_again() -> None:
    learner = Learner()
    given = refit(learner, examples(10, 40))
    done = evaluation(given)
    learner.seen.clear()
    learning_curve(given, done, [1])

    assert learner.seen == []


def test_a_share_that_cannot_be_learnt_from_is_no_point() -> None:
    learner = Learner()
    given = refit(learner, examples(10, 40))
    done = evaluation(given)
    learner.least = 25

    assert [p.share for p in learning_curve(given, done, [0.25, 0.5, 1])] == [0, 0.5, 1]


def test_without_shares_or_without_distilled_examples_there_is_no_curve() -> None:
    given = refit(Learner(), examples(10, 40))
    assert learning_curve(given, evaluation(given), []) == ()

    only_real = refit(Learner(), examples(10, 0))
    assert learning_curve(only_real, evaluation(only_real), [0.5, 1]) == ()


def test_one_seed_says_nothing_of_the_spread() -> None:
    given = refit(Learner(), examples(10, 40))
    assert reseed(given, evaluation(given), 1) is None


def test_a_student_that_its_seed_does_not_move_says_so() -> None:
    given = refit(Learner(), examples(10, 40))
    found = reseed(given, evaluation(given), 3)

    assert found is not None
    assert found.unchanged
    assert found.spread == 0
    assert found.verdicts == ("helps",) * 3


def test_the_spread_over_seeds_is_their_standard_deviation() -> None:
    given = refit(Learner(luck=2), examples(20, 30))
    found = reseed(given, evaluation(given), 3)

    assert found is not None
    assert found.seeds == (0, 1, 2)
    assert found.means == pytest.approx((0.5, 0.48, 0.46))
    assert found.spread == pytest.approx(0.02)
    assert not found.unchanged


def test_a_verdict_that_turns_with_the_seed_is_told_for_each() -> None:
    class Fickle(Learner):
        def fit(self, examples: Examples, *, seed: int) -> Knower:
            lucky = seed % 2 == 0 and len(examples) > 20
            return Knower(60 if lucky else 20)

    given = refit(Fickle(), examples(20, 30))
    found = reseed(given, evaluation(given), 4)

    assert found is not None
    assert found.verdicts == ("helps", "inconclusive", "helps", "inconclusive")


def test_the_last_seed_is_followed_by_the_first() -> None:
    given = refit(Learner(), examples(10, 40), seed=2**32 - 1)
    found = reseed(given, evaluation(given), 2)

    assert found is not None
    assert found.seeds == (2**32 - 1, 0)


def test_the_manifest_tells_curve_and_seeds_only_where_they_are() -> None:
    given = refit(Learner(luck=1), examples(10, 40))
    plain = eval_figures(train_again(evaluation(given), given, curve=[], seeds=1))
    told = eval_figures(train_again(evaluation(given), given, curve=[0.5], seeds=2))

    assert not {"curve", "seeds"} & set(plain)
    assert [point["examples"] for point in told["curve"]] == [10, 30]
    assert told["seeds"]["accuracy"] == [0.5, 0.49]
