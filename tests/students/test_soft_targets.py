from __future__ import annotations

import importlib.util
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import log_softmax, softmax
from sklearn.datasets import load_digits

from distill.config import compose
from distill.errors import ExtraMissingError, UserError
from distill.students import Classifier, Examples, SoftTargets, load
from distill.students.calibration import (
    best_temperature,
    calibrate,
    expected_calibration_error,
)
from distill.students.classifier import TrainingError
from distill.students.layers import logits_of, pipeline_of, softened
from distill.students.softmax import hinton_loss

has_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="pip install 'distill[train]'"
)
RNG = np.random.default_rng(0)
LABELS = ("sport", "tech", "art")
TEXTS = (
    "goal match striker",
    "match referee goal",
    "chip software laptop",
    "laptop chip network",
    "painting gallery sculpture",
    "gallery museum painting",
)
PROBS = np.array(
    [
        [0.8, 0.1, 0.1],
        [0.6, 0.3, 0.1],
        [0.1, 0.8, 0.1],
        [0.2, 0.7, 0.1],
        [0.1, 0.2, 0.7],
        [0.3, 0.1, 0.6],
    ]
)


def settings(choice: str, **changes: Any) -> dict[str, Any]:
    words = ["seeds.path=-", "task=classify", "task.labels=[a,b]", f"student={choice}"]
    node: dict[str, Any] = compose(words)["student"]
    del node["_target_"]
    return node | changes


def soft_targets(**changes: Any) -> SoftTargets:
    return SoftTargets(**settings("soft_targets", **changes))


def examples(
    texts: tuple[str, ...] = TEXTS, probs: Any = PROBS, labels: tuple[str, ...] = LABELS
) -> Examples:
    return Examples(
        questions=texts,
        answers=tuple(labels[i] for i in probs.argmax(axis=1)),
        real=np.zeros(len(texts), dtype=bool),
        labels=labels,
        label_probs=probs,
    )


def digits(count: int) -> Examples:
    """Return digits as questions that are numbers, the targets a little unsure."""
    inputs, labels = load_digits(return_X_y=True)
    probs = 0.9 * np.eye(10)[labels[:count]] + 0.01
    texts = tuple(json.dumps(row.tolist()) for row in inputs[:count])
    return examples(texts, probs, tuple("0123456789"))


@pytest.mark.parametrize(("alpha", "temperature"), [(0.0, 3.0), (0.4, 3.0), (1.0, 0.5)])
def test_the_loss_is_hintons_and_its_gradient_that_of_finite_differences(
    alpha: float, temperature: float
) -> None:
    logits, teacher = RNG.normal(size=(2, 4, 3))
    targets, labels = softmax(teacher / temperature, axis=1), np.array([0, 1, 2, 0])

    def of(flat: Any) -> float:
        return hinton_loss(
            flat.reshape(4, 3), targets, labels, alpha=alpha, temperature=temperature
        )[0]

    loss, gradient = hinton_loss(logits, targets, labels, alpha=alpha, temperature=temperature)
    soft = -(targets * log_softmax(logits / temperature, axis=1)).sum()
    hard = -log_softmax(logits, axis=1)[np.arange(4), labels].sum()
    assert loss == pytest.approx(alpha * temperature**2 * soft + (1 - alpha) * hard, abs=1e-9)
    assert np.allclose(gradient.ravel(), approx_fprime(logits.ravel(), of), atol=1e-5)


@has_torch
def test_the_loss_without_torch_is_the_loss_with_it() -> None:
    import torch

    from distill.students import losses

    logits, teacher = RNG.normal(size=(2, 4, 3))
    labels = np.array([0, 1, 2, 0])
    wanted = losses.hinton(
        torch.tensor(teacher), torch.tensor(logits), torch.tensor(labels), alpha=0.3, temperature=5
    )

    found, _ = hinton_loss(logits, softmax(teacher / 5, axis=1), labels, alpha=0.3, temperature=5)

    assert found / 4 == pytest.approx(float(wanted), abs=1e-9)


@pytest.mark.parametrize(("targets", "alpha"), [("soft", 1.0), ("hard", 0.0)])
def test_at_temperature_one_a_linear_student_is_logistic_regression(
    targets: str, alpha: float
) -> None:
    known = Classifier(
        **settings("classifier", algorithm="logistic_regression", targets=targets, min_target=0.0)
    ).fit(examples(), seed=0)
    student = soft_targets(temperature=1.0, alpha=alpha, calibration_share=0.0, regularisation=1.0)

    found = student.fit(examples(), seed=0)

    assert np.allclose(found.predict_proba(TEXTS), known.predict_proba(TEXTS), atol=1e-3)


def test_a_temperature_softens_as_the_softmax_of_divided_logits_does() -> None:
    assert np.allclose(softened(PROBS, 4.0), softmax(np.log(PROBS) / 4, axis=1))
    assert softened(np.array([[1.0, 0.0]]), 8.0).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("widths", [(5,), (5, 4)])
def test_scikit_learn_says_what_the_layers_say(classes: int, widths: tuple[int, ...]) -> None:
    from sklearn.preprocessing import StandardScaler

    sizes = [*widths, classes]
    layers = [(RNG.normal(size=(a, b)), RNG.normal(size=b)) for a, b in pairwise(sizes)]
    inputs = RNG.normal(size=(20, 5))
    scaler = StandardScaler().fit(inputs)

    said = pipeline_of(scaler, layers).predict_proba(inputs)

    assert np.allclose(said, softmax(logits_of(layers, scaler.transform(inputs)), axis=1))


@pytest.mark.parametrize("hidden", [None, pytest.param(32, marks=has_torch)])
def test_a_student_on_numbers_is_saved_and_loaded_and_answers_the_same(
    hidden: int | None, tmp_path: Path
) -> None:
    given = digits(400)
    student = soft_targets(features="numbers", hidden=hidden, steps=100)

    trained = student.fit(given, seed=0)
    trained.save(tmp_path)
    back = load(tmp_path)

    answers = trained.answer(given.questions)
    assert np.mean([a == b for a, b in zip(answers, given.answers, strict=True)]) > 0.95
    assert back.answer(given.questions) == answers
    assert back.calibration == trained.calibration
    assert trained.calibration is not None
    assert trained.calibration.examples == 80


@has_torch
def test_a_net_is_the_same_whenever_it_is_trained_with_the_same_seed() -> None:
    student = soft_targets(features="numbers", hidden=8, steps=20, calibration_share=0.0)
    one, two, other = (
        student.fit(digits(100), seed=seed).predict_proba(digits(100).questions)
        for seed in (1, 1, 2)
    )

    assert (one == two).all()
    assert not np.allclose(one, other)


def test_the_error_of_calibration_is_the_mean_gap_between_sure_and_right() -> None:
    probs = np.array([[0.95, 0.05]] * 10 + [[0.55, 0.45]] * 10)
    labels = np.array([0] * 5 + [1] * 5 + [0] * 10)

    assert expected_calibration_error(probs, labels) == pytest.approx((0.45 + 0.45) / 2)
    assert expected_calibration_error(np.eye(2), np.array([0, 1])) == 0


def test_the_temperature_that_made_logits_too_sure_is_found_again() -> None:
    logits = RNG.normal(0, 2, size=(4000, 3))
    labels = np.array([RNG.choice(3, p=row) for row in softmax(logits, axis=1)])

    assert best_temperature(3 * logits, labels) == pytest.approx(3, rel=0.1)
    assert best_temperature(logits / 2, labels) == pytest.approx(0.5, rel=0.1)


def test_a_student_that_is_right_on_all_of_a_few_examples_is_not_sure_without_end() -> None:
    logits = 3 * np.eye(3)[np.arange(30) % 3]

    sure = softmax(logits / best_temperature(logits, np.arange(30) % 3), axis=1).max(axis=1)

    assert sure == pytest.approx(31 / 33, abs=1e-3)


def test_calibration_looks_only_at_examples_that_the_student_did_not_see() -> None:
    labels, seen = np.arange(200) % 4, []
    sure = 5 * np.eye(4)[(labels + (RNG.random(200) < 0.4)) % 4]

    def fit(rows: Any) -> Any:
        seen.append(set(rows.tolist()))
        return lambda asked: sure[asked] if not seen[0] & set(asked.tolist()) else None

    found = calibrate(fit, labels, share=0.5, seed=0)

    assert found is not None
    assert len(seen[0]) == found.examples == 100
    assert found.temperature > 1
    assert found.ece_after < found.ece_before / 2


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_too_few_examples_set_aside_leave_the_student_as_it_is(share: float) -> None:
    assert (
        calibrate(lambda _: pytest.fail("it was trained"), np.arange(100) % 2, share=share, seed=0)
        is None
    )


def test_calibration_changes_how_sure_a_student_is_and_none_of_its_answers() -> None:
    given = digits(300)
    plain = soft_targets(features="numbers", calibration_share=0.0).fit(given, seed=0)

    trained = soft_targets(features="numbers", calibration_share=0.3).fit(given, seed=0)

    assert trained.answer(given.questions) == plain.answer(given.questions)
    assert not np.allclose(
        trained.predict_proba(given.questions), plain.predict_proba(given.questions)
    )


@pytest.mark.parametrize(
    "question",
    ["five", "", "[]", "[1, [2]]", "[true]", "[1, nan]", "1 2 x", "[1", "inf", "[" * 9999],
)
def test_a_question_that_holds_no_numbers_is_told(question: str) -> None:
    with pytest.raises(UserError, match=r"question 2: got .*, want numbers"):
        soft_targets(features="numbers").check_questions(["1, 2.5", question], where="seeds")


def test_a_question_with_another_number_of_numbers_is_told() -> None:
    student = soft_targets(features="numbers")
    assert student.check_questions(["[1, 2]", "1 2", "1,2"], where="seeds") == 2
    with pytest.raises(UserError, match="heldout: question 2: got 3 numbers, want 2"):
        student.check_questions(["1 2", "1 2 3"], where="heldout", width=2)

    trained = student.fit(examples(("1 0", "0 1", "5 5"), PROBS[[0, 2, 4]]), seed=0)
    with pytest.raises(UserError, match="question 1: got 1 numbers, want 2"):
        trained.answer(["7"])


def test_examples_of_one_label_are_refused() -> None:
    with pytest.raises(TrainingError, match="all 2 examples name one label"):
        soft_targets().fit(examples(TEXTS[:2], PROBS[:2]), seed=0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hidden": 8}, "hidden: want null with student.features=words"),
        ({"regularisation": 0.0}, "regularisation: want a number above 0"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(changes: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        soft_targets(**changes)


def test_without_torch_a_hidden_layer_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    student = soft_targets(features="numbers", hidden=8)
    with pytest.raises(
        ExtraMissingError, match=r"student.hidden: the package torch is not"
    ) as told:
        student.check_questions(["1 2"], where="seeds")
    assert told.value.hint == "pip install 'distill[train]'"
