from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from tables import answered_table, claude, reply

from distill.config import compose
from distill.models import LocalModel
from distill.table import drop
from distill.tasks import QA, Classify, Math

LABELS = ("business", "sport", "tech")


def classify(**changes: Any) -> Classify:
    node = compose(["seeds.path=-", "task=classify", "task.labels=[a,b]"])["task"]
    del node["_target_"]
    return Classify(**(node | {"labels": LABELS} | changes))


def local() -> LocalModel:
    node = compose(["seeds.path=-", "teacher=local"])["teacher"]
    del node["_target_"]
    return LocalModel(**node)


def qa(marker: str | None = None) -> QA:
    return QA(system="Be brief.", prompt="Q: {question}", answer_marker=marker)


def test_a_question_is_put_into_the_prompt_as_it_is() -> None:
    (request,) = qa().requests("Is {question} {x} \\1 a pod?", sample=3, model=claude())

    assert request.prompt == "Q: Is {question} {x} \\1 a pod?"
    assert (request.system, request.sample) == ("Be brief.", 3)


def test_the_whole_reply_is_the_answer_without_a_marker() -> None:
    assert qa().read([reply("  An answer.\n")]).answer == "An answer."


@pytest.mark.parametrize(
    ("text", "answer", "rationale", "reason"),
    [
        pytest.param("Because. ANSWER: yes", "yes", "Because.", None, id="split"),
        pytest.param("ANSWER: no ANSWER: yes", "yes", "ANSWER: no", None, id="the last marker"),
        pytest.param("ANSWER: yes", "yes", None, None, id="no rationale"),
        pytest.param("just yes", "just yes", None, "no_answer_marker", id="no marker"),
        pytest.param("well ANSWER: ", "well ANSWER:", None, "no_answer_marker", id="no answer"),
    ],
)
def test_rationale_and_answer_stand_around_the_marker(
    text: str, answer: str, rationale: str | None, reason: str | None
) -> None:
    read = qa("ANSWER:").read([reply(text)])

    assert (read.answer, read.rationale, read.reason) == (answer, rationale, reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stop_reason": "refusal"}, "refusal"),
        ({"stop_reason": "max_tokens"}, "max_tokens"),
        ({"stop_reason": "model_context_window_exceeded"}, "max_tokens"),
    ],
)
def test_a_reply_that_stopped_early_keeps_its_text_and_has_a_reason(
    changes: dict[str, str], reason: str
) -> None:
    for task in (qa(), Math(system=None, prompt="{question}")):
        read = task.read([reply("half a", **changes)])
        assert (read.answer, read.reason) == ("half a", reason)
        assert read.detail


def test_math_keeps_the_steps_and_the_number() -> None:
    task = Math(system=None, prompt="{question}")
    read = task.read([reply("2 + 2 is 4.\n#### 4\n")])

    assert read.answer == "2 + 2 is 4.\n#### 4"
    assert read.rationale == "2 + 2 is 4."
    assert task.read([reply("it is 4")]).rationale is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("#### 4", "the answer is 4.0", True),
        ("#### 1,000", "#### 1000", True),
        ("#### 4", "#### 5", False),
    ],
)
def test_two_math_answers_are_the_same_by_their_number(one: str, other: str, same: bool) -> None:
    task = Math(system=None, prompt="{question}")
    assert (task.final(one) == task.final(other)) == same
    assert task.final("no number") is None


def test_two_prose_answers_are_the_same_by_their_words() -> None:
    assert qa().final("A Pod, restarted!") == qa().final("a pod restarted")
    assert qa().final("!!!") is None


def test_labels_are_voted_where_an_endpoint_scores_none() -> None:
    shots = ({"question": "a goal", "label": "sport"},)
    requests = classify(shots=shots).requests("a match", sample=0, model=claude(samples=3))

    assert [request.sample for request in requests] == [0, 1, 2]
    assert requests[0].schema is not None
    assert requests[0].schema["properties"]["label"]["enum"] == list(LABELS)
    assert json.loads(requests[0].shots[0][1]) == {"label": "sport"}


def test_labels_are_scored_where_an_endpoint_can() -> None:
    task = classify(reply="Topic: {label}")
    (request,) = task.requests("a match", sample=0, model=local())

    assert request.labels == ("Topic: business", "Topic: sport", "Topic: tech")
    assert request.schema is None


def votes(*labels: str) -> list[Any]:
    return [reply(json.dumps({"label": label})) for label in labels]


def test_votes_become_a_distribution() -> None:
    read = classify().read(votes("sport", "tech", "sport", "sport"))

    assert read.answer == "sport"
    assert read.label_probs == (0.0, 0.75, 0.25)


def test_a_reply_that_names_no_label_is_no_vote() -> None:
    read = classify().read([*votes("tech", "weather"), reply("sport!"), reply("[]"), reply("{}")])
    assert read.label_probs == (0.0, 0.0, 1.0)

    assert classify().read(votes("weather")).reason == "no_label"
    assert classify().read([reply("", stop_reason="refusal")]).reason == "refusal"


def test_scores_become_a_distribution() -> None:
    scores = {label: float(np.log(p)) for label, p in zip(LABELS, (0.1, 0.1, 0.2), strict=True)}
    read = classify(reply="{label}").read([reply(label_logprobs=scores)])

    assert read.answer == "tech"
    assert read.label_probs == pytest.approx((0.25, 0.25, 0.5))


def test_scores_far_below_one_still_become_a_distribution() -> None:
    scores = dict(zip(LABELS, (-2000.0, -2001.0, -2002.0), strict=True))
    read = classify(reply="{label}").read([reply(label_logprobs=scores)])

    assert read.label_probs is not None
    assert sum(read.label_probs) == pytest.approx(1)
    assert read.answer == "business"


def test_batch_calibration_divides_out_the_pools_mean_log_probability() -> None:
    pool = np.array([[0.8, 0.1, 0.1], [0.2, 0.4, 0.4]])
    # By hand: geometric means are .4, .2 and .2, so (.5, .3, .2) becomes (1.25, 1.5, 1) / 3.75.
    made = classify().calibrated(np.array([[0.5, 0.3, 0.2]]), pool=pool)

    assert made[0] == pytest.approx([1.25 / 3.75, 1.5 / 3.75, 1 / 3.75])
    assert (classify(calibration="none").calibrated(pool, pool=pool) == pool).all()


def test_calibration_by_a_constant_pool_is_no_change_for_even_labels() -> None:
    even = np.full((4, 3), 1 / 3)
    probs = np.array([[0.7, 0.2, 0.1]])
    assert classify().calibrated(probs, pool=even) == pytest.approx(probs)


def test_a_label_that_the_pool_never_sees_breaks_nothing() -> None:
    pool = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    made = classify().calibrated(pool, pool=pool)

    assert np.isfinite(made).all()
    assert made.sum(axis=1) == pytest.approx([1, 1])


def test_finish_calibrates_over_the_rows_that_are_in_and_keeps_what_was_said() -> None:
    raw = [[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.9, 0.05, 0.05]]
    table = answered_table(["business"] * 3, label_probs=raw)
    table = drop(table, pl.col("id") == "r2", stage="generate", reason="error")
    done = classify().finish(table)

    assert done["raw_label_probs"].to_list() == [raw[0], raw[1], None]
    assert done["answer"].to_list() == ["business", "sport", "business"]
    # By hand: geometric means are .56 ** .5, .02 ** .5 and .1; the fallen row keeps what was said.
    weights = np.array([0.7 / 0.56**0.5, 0.2 / 0.02**0.5, 1.0])
    assert done["label_probs"][1].to_list() == pytest.approx(weights / weights.sum())
    assert done["label_probs"].list.sum().to_list()[:2] == pytest.approx([1, 1])


def test_only_the_first_words_are_read_where_that_is_wanted() -> None:
    def prompt(max_words: int | None) -> str:
        task = classify(prompt="{question}", max_words=max_words)
        return task.requests(" one two\nthree four ", sample=0, model=claude())[0].prompt

    assert prompt(2) == "one two"
    assert prompt(4) == prompt(None) == "one two\nthree four"


def test_a_shot_with_a_label_of_another_task_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shots.*weather"):
        classify(shots=({"question": "rain", "label": "weather"},))
