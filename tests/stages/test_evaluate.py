"""Arms, baselines and the verdict, on data whose answer is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console
from tables import answered_table, claude

from distill.config import compose
from distill.ledger import Ledger
from distill.metrics import Accuracy, MacroF1, TokenF1
from distill.models.budget import Budget
from distill.models.client import ModelClient
from distill.progress import Progress
from distill.stages.evaluate import Evaluation, compare, evaluate
from distill.stages.train import dataset_examples
from distill.students import Classifier
from distill.table import drop
from distill.tasks import QA, Classify

LABELS = ("sport", "tech")
WORDS = {
    "sport": [f"goal{i}" for i in range(40)],
    "tech": [f"chip{i}" for i in range(40)],
}
SOFT = {"sport": [0.9, 0.1], "tech": [0.1, 0.9]}


def task() -> Classify:
    node = compose(["seeds.path=-", "task=classify", "task.labels=[sport,tech]"])["task"]
    del node["_target_"]
    return Classify(**node)


def student() -> Classifier:
    overrides = ["seeds.path=-", "task=classify", "task.labels=[a,b]", "student=classifier"]
    node = compose(overrides)["student"]
    del node["_target_"]
    return Classifier(**node)


def texts(label: str, start: int, stop: int) -> list[tuple[str, str]]:
    """Return texts of one word each that no other text of the label has, and their label."""
    return [(word, label) for word in WORDS[label][start:stop]]


def held(*, of_each: int = 40) -> pl.DataFrame:
    items = texts("sport", 0, of_each) + texts("tech", 0, of_each)
    return pl.DataFrame(
        {
            "id": [f"h{i}" for i in range(len(items))],
            "question": [f"{word} today" for word, _ in items],
            "reference": [label for _, label in items],
            "slice": [None] * len(items),
            "origin": ["human"] * len(items),
        },
        schema=dict.fromkeys(("id", "question", "reference", "slice", "origin"), pl.String),
    )


@pytest.fixture
def client(tmp_path: Path) -> Iterator[ModelClient]:
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        yield ModelClient(ledger, Budget(None), Progress(Console(quiet=True)))


@dataclass
class Given:
    """Examples of a run: real ones, and distilled ones whose labels may be wrong."""

    real: list[tuple[str, str]]
    distilled: list[tuple[str, str]]

    def evaluation(
        self, client: ModelClient, *, teacher: Any = None, heldout: pl.DataFrame | None = None
    ) -> Evaluation:
        rows = self.real + self.distilled
        table = answered_table(
            [label for _, label in rows],
            question=[word for word, _ in rows],
            source=["real"] * len(self.real) + ["teacher"] * len(self.distilled),
            label_probs=[None] * len(self.real) + [SOFT[label] for _, label in self.distilled],
            raw_label_probs=[None] * len(self.real) + [SOFT[label] for _, label in self.distilled],
        )
        examples = dataset_examples(table, task())
        return evaluate(
            student().fit(examples, seed=0),
            examples,
            table,
            held() if heldout is None else heldout,
            task=task(),
            student=student(),
            teacher=teacher,
            client=client,
            metrics={"accuracy": Accuracy(), "macro_f1": MacroF1()},
            seed=0,
        )


FEW = texts("sport", 0, 2) + texts("tech", 0, 2)
RIGHT = texts("sport", 2, 40) + texts("tech", 2, 40)
WRONG = [(word, "tech" if label == "sport" else "sport") for word, label in RIGHT]


def test_examples_that_teach_help(client: ModelClient) -> None:
    found = Given(FEW, RIGHT).evaluation(client)

    assert found.verdict == "helps"
    assert (found.student, found.baseline) == ("real_and_distilled", "real_only")
    assert found.metric == "accuracy"
    assert found.arms["real_and_distilled"].headline.value == 1.0
    assert found.arms["real_only"].headline.value < 0.7
    assert found.arms["majority"].headline.value == 0.5
    assert found.test.difference > 0.3
    assert found.test.low > 0


def test_examples_that_mislead_hurt(client: ModelClient) -> None:
    # The real examples know most of the answers; the distilled ones are wrong about all others.
    real = texts("sport", 0, 30) + texts("tech", 0, 30)
    found = Given(real, [*WRONG, *WRONG, *WRONG]).evaluation(client)

    assert found.verdict == "hurts"
    assert found.test.high < 0


def test_examples_that_add_nothing_are_inconclusive(client: ModelClient) -> None:
    everything = texts("sport", 0, 40) + texts("tech", 0, 40)
    found = Given(everything, RIGHT[:3]).evaluation(client)

    assert found.verdict == "inconclusive"
    assert found.test.difference == 0


def test_a_dataset_of_real_examples_alone_proves_nothing_about_distillation(
    client: ModelClient,
) -> None:
    everything = texts("sport", 0, 40) + texts("tech", 0, 40)
    found = Given(everything, []).evaluation(client)

    assert found.arms["real_and_distilled"].headline.value == 1.0
    assert found.verdict == "inconclusive"


def test_without_real_examples_the_commonest_label_is_the_baseline(client: ModelClient) -> None:
    found = Given([], RIGHT).evaluation(client)

    assert found.baseline == "majority"
    assert "real_only" not in found.arms
    assert found.verdict == "helps"


def test_arms_count_their_examples_and_items(client: ModelClient) -> None:
    found = Given(FEW, RIGHT).evaluation(client)
    examples = {name: arm.examples for name, arm in found.arms.items()}

    assert examples["real_only"] == 4
    assert examples["distilled_only"] == 76
    assert examples["real_and_distilled"] == 80
    assert examples["majority"] is None
    for arm in found.arms.values():
        assert arm.headline.n == len(arm.answers) == len(arm.scores) == 80
        assert arm.headline.low <= arm.headline.value <= arm.headline.high
        assert arm.metrics["accuracy"] == pytest.approx(arm.headline.value)


def test_the_commonest_label_is_that_of_the_real_examples(client: ModelClient) -> None:
    real = texts("sport", 0, 1) + texts("tech", 0, 2)
    found = Given(real, texts("sport", 2, 40)).evaluation(client)

    assert set(found.arms["majority"].answers) == {"tech"}


def test_the_same_data_give_the_same_evaluation(client: ModelClient) -> None:
    one, two = (Given(FEW, RIGHT).evaluation(client) for _ in range(2))

    assert one.reason == two.reason
    assert one.test == two.test


def test_the_teacher_answers_as_an_arm_of_its_own(client: ModelClient, bench: Any) -> None:
    bench.api.teacher = lambda prompt, *_: (
        '{"label": "sport"}' if "goal" in prompt else '{"label": "tech"}'
    )
    teacher = claude(base_url=bench.api.url, max_retries=0)
    found = Given(FEW, RIGHT).evaluation(client, teacher=teacher)

    assert found.arms["teacher"].headline.value == 1.0
    assert found.arms["teacher"].examples is None
    assert bench.api.count("teacher") == 80


def test_a_teacher_is_never_said_to_score_nothing_for_want_of_a_pool(
    client: ModelClient, bench: Any
) -> None:
    bench.api.teacher = lambda prompt, *_: (
        '{"label": "sport"}' if "goal" in prompt else '{"label": "tech"}'
    )
    teacher = claude(base_url=bench.api.url, max_retries=0)
    everything = texts("sport", 0, 40) + texts("tech", 0, 40)
    found = Given(everything, []).evaluation(client, teacher=teacher)

    assert "teacher" not in found.arms or found.arms["teacher"].headline.value == 1.0


def test_an_answer_that_the_teacher_owes_counts_as_wrong(client: ModelClient, bench: Any) -> None:
    from fake_api import Status

    bench.api.teacher = lambda prompt, *_: (
        Status(500) if "goal1 " in prompt else '{"label": "sport"}'
    )
    teacher = claude(base_url=bench.api.url, max_retries=0)
    found = Given(FEW, RIGHT).evaluation(client, teacher=teacher)

    assert found.arms["teacher"].answers.count(None) == 1


def test_scores_that_are_right_or_wrong_are_compared_exactly_and_others_by_resampling() -> None:
    right, wrong = np.ones(20), np.zeros(20)
    assert compare(right, wrong, 0).p_value < 1e-4
    assert compare(right, right, 0).p_value == 1.0

    graded = compare(right * 0.9, wrong + 0.1, 0)
    assert graded.difference == pytest.approx(0.8)


class Parrot:
    """A trained student that says what it was told for each question."""

    def __init__(self, said: dict[str, str]) -> None:
        self.said = said

    def answer(self, questions: Any) -> list[str]:
        return [self.said.get(question, "") for question in questions]

    def targets(self, questions: Any) -> None:
        return None

    def save(self, folder: Path) -> None:
        raise AssertionError("nothing is saved here")


class Parrots:
    """A student that learns by heart."""

    tasks = frozenset({"qa"})

    def fit(self, examples: Any, *, seed: int) -> Parrot:
        del seed
        return Parrot(dict(zip(examples.questions, examples.answers, strict=True)))


def test_filters_that_keep_the_right_answers_beat_both_controls(client: ModelClient) -> None:
    rows = FEW + RIGHT + WRONG
    probs = [None] * len(FEW) + [SOFT[label] for _, label in RIGHT + WRONG]
    table = answered_table(
        [label for _, label in rows],
        question=[word for word, _ in rows],
        source=["real"] * len(FEW) + ["teacher"] * (len(RIGHT) + len(WRONG)),
        label_probs=probs,
        raw_label_probs=probs,
    )
    wrong = [f"r{i}" for i in range(len(FEW) + len(RIGHT), len(rows))]
    table = drop(table, pl.col("id").is_in(wrong), stage="judge", reason="below_threshold")
    examples = dataset_examples(table, task())
    found = evaluate(
        student().fit(examples, seed=0),
        examples,
        table,
        held(),
        task=task(),
        student=student(),
        teacher=None,
        client=client,
        metrics={"accuracy": Accuracy()},
        seed=0,
        controls=True,
    )

    assert found.arms["unfiltered"].examples == len(rows)
    assert found.arms["random_same_size"].examples == len(FEW) + len(RIGHT)
    for name in ("unfiltered", "random_same_size"):
        assert found.comparisons[name].low > 0
        assert found.comparisons[name].minimum_detectable is not None
    assert list(found.arms)[-1] == found.student


def test_items_of_few_sources_show_less_and_it_is_said(client: ModelClient) -> None:
    alone = Given(FEW, RIGHT).evaluation(client)
    sources = pl.format('{{"cluster": {}}}', pl.int_range(pl.len()) // 20)
    found = Given(FEW, RIGHT).evaluation(client, heldout=held().with_columns(extra=sources))

    assert "over 4 clusters of held-out items" in found.reason
    assert "clusters" not in alone.reason
    assert found.test.difference == alone.test.difference
    assert (alone.verdict, found.verdict) == ("helps", "inconclusive")


def test_prose_is_evaluated_by_its_own_metric(client: ModelClient) -> None:
    questions = [f"question {i}" for i in range(30)]
    answers = [f"answer number {i}" for i in range(30)]
    table = answered_table(answers, question=questions, source=["real"] * 5 + ["teacher"] * 25)
    heldout = pl.DataFrame({"id": questions, "question": questions, "reference": answers})
    prose = QA(system=None, prompt="{question}", answer_marker=None)
    examples = dataset_examples(table, prose)
    found = evaluate(
        Parrots().fit(examples, seed=0),
        examples,
        table,
        heldout,
        task=prose,
        student=Parrots(),
        teacher=None,
        client=client,
        metrics={"token_f1": TokenF1()},
        seed=0,
    )

    assert set(found.arms) == {"real_only", "distilled_only", "real_and_distilled"}
    assert found.arms["real_only"].headline.value == pytest.approx(5 / 30)
    assert found.verdict == "helps"
