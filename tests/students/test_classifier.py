from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from distill.config import compose
from distill.errors import DistillError, UserError
from distill.students import Classifier, Examples, load
from distill.students.classifier import MODEL_FILE, TrainingError

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


def classifier(**changes: Any) -> Classifier:
    node = compose(["seeds.path=-", "task=classify", "task.labels=[a,b]", "student=classifier"])[
        "student"
    ]
    del node["_target_"]
    return Classifier(**(node | {"algorithm": "logistic_regression"} | changes))


def examples(probs: Any = PROBS, real: Any = None, texts: tuple[str, ...] = TEXTS) -> Examples:
    return Examples(
        questions=texts,
        answers=tuple(LABELS[i] for i in probs.argmax(axis=1)),
        real=np.zeros(len(texts), dtype=bool) if real is None else np.array(real),
        labels=LABELS,
        label_probs=probs,
    )


def features(trained: Any) -> Any:
    return trained.pipeline[0].transform(TEXTS).toarray()


def soft_loss(weights: Any, matrix: Any, targets: Any, rows: Any, penalty: float) -> float:
    """Return the soft cross-entropy plus the L2 penalty, written down from the definition."""
    classes, size = targets.shape[1], matrix.shape[1]
    slopes = weights[: classes * size].reshape(classes, size)
    logits = matrix @ slopes.T + weights[classes * size :]
    logs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    entropy = -(rows[:, None] * targets * logs).sum()
    return float(entropy + penalty / 2 * (slopes**2).sum())


@pytest.mark.parametrize(
    ("changes", "targets"),
    [
        pytest.param({}, PROBS, id="soft"),
        pytest.param({"targets": "hard"}, np.eye(3)[PROBS.argmax(axis=1)], id="hard"),
        pytest.param(
            {"temperature": 2.0},
            np.sqrt(PROBS) / np.sqrt(PROBS).sum(axis=1, keepdims=True),
            id="softened",
        ),
        pytest.param(
            {"temperature": 0.5},
            PROBS**2 / (PROBS**2).sum(axis=1, keepdims=True),
            id="sharpened",
        ),
    ],
)
def test_the_fit_is_the_optimum_of_the_soft_cross_entropy(
    changes: dict[str, Any], targets: Any
) -> None:
    penalty = 0.5
    settings = {"regularisation": penalty, "min_target": 0.0} | changes
    trained: Any = classifier(**settings).fit(examples(), seed=0)
    matrix, rows = features(trained), np.ones(len(TEXTS))
    model = trained.pipeline[-1]
    found = np.concatenate([model.coef_.ravel(), model.intercept_])

    best = minimize(soft_loss, np.zeros_like(found), (matrix, targets, rows, penalty), tol=1e-10)

    assert trained.labels == LABELS
    assert soft_loss(found, matrix, targets, rows, penalty) == pytest.approx(best.fun, abs=1e-6)
    slopes = best.x[: model.coef_.size].reshape(model.coef_.shape)
    logits = matrix @ slopes.T + best.x[model.coef_.size :]
    wanted = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    assert trained.predict_proba(TEXTS) == pytest.approx(wanted, abs=2e-3)


def test_a_real_example_weighs_as_much_as_it_is_told_to() -> None:
    real = [True, False, True, False, True, False]
    settings: dict[str, Any] = {"regularisation": 0.5, "min_target": 0.0, "real_weight": 3.0}
    trained: Any = classifier(**settings).fit(examples(real=real), seed=0)
    matrix, rows = features(trained), np.where(real, 3.0, 1.0)
    model = trained.pipeline[-1]
    found = np.concatenate([model.coef_.ravel(), model.intercept_])
    best = minimize(soft_loss, np.zeros_like(found), (matrix, PROBS, rows, 0.5), tol=1e-10)

    assert soft_loss(found, matrix, PROBS, rows, 0.5) == pytest.approx(best.fun, abs=1e-6)


@pytest.mark.parametrize("algorithm", ["complement_nb", "logistic_regression"])
def test_either_algorithm_learns_what_can_be_learnt(algorithm: str) -> None:
    trained = classifier(algorithm=algorithm).fit(examples(), seed=0)

    assert trained.answer(["a goal by the striker", "a new chip", "the gallery"]) == list(LABELS)
    assert trained.answer([]) == []
    targets = trained.predict_proba(["a goal"])
    assert targets is not None
    assert targets.shape == (1, 3)
    assert targets.sum() == pytest.approx(1)


@pytest.mark.parametrize("algorithm", ["complement_nb", "logistic_regression"])
def test_the_same_examples_give_the_same_student(algorithm: str) -> None:
    one, two = (classifier(algorithm=algorithm).fit(examples(), seed=0) for _ in range(2))

    assert (one.predict_proba(TEXTS) == two.predict_proba(TEXTS)).all()


def test_sharpening_without_bounds_comes_to_hard_targets() -> None:
    hard: Any = classifier(targets="hard").fit(examples(), seed=0)
    sharp: Any = classifier(temperature=1e-3).fit(examples(), seed=0)

    assert sharp.predict_proba(TEXTS) == pytest.approx(hard.predict_proba(TEXTS), abs=1e-6)


def test_a_label_that_no_example_has_is_no_class() -> None:
    probs = np.array([[0.9, 0.0, 0.1]] * 3 + [[0.1, 0.0, 0.9]] * 3)
    trained: Any = classifier(min_target=0.0).fit(examples(probs), seed=0)

    assert trained.labels == ("sport", "art")
    assert trained.predict_proba(TEXTS).shape == (6, 2)


@pytest.mark.parametrize("algorithm", ["complement_nb", "logistic_regression"])
def test_a_student_that_was_saved_and_loaded_says_the_same(tmp_path: Path, algorithm: str) -> None:
    trained: Any = classifier(algorithm=algorithm, max_ngram=2).fit(examples(), seed=0)
    trained.save(tmp_path)
    loaded: Any = load(tmp_path)

    unseen = [*TEXTS, "a museum of software", ""]
    assert loaded.labels == trained.labels
    assert (loaded.predict_proba(unseen) == trained.predict_proba(unseen)).all()
    assert loaded.answer(unseen) == trained.answer(unseen)
    assert sorted(path.name for path in tmp_path.iterdir()) == [MODEL_FILE, "student.json"]


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    contents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        classifier().fit(examples(), seed=0).save(tmp_path / name)
        contents.append((tmp_path / name / MODEL_FILE).read_bytes())

    with zipfile.ZipFile(tmp_path / "one" / MODEL_FILE) as one:
        assert "schema.json" in one.namelist()


def test_a_file_with_types_of_others_is_refused(tmp_path: Path) -> None:
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    trained: Any = classifier().fit(examples(), seed=0)
    trained.save(tmp_path)
    skops.io.dump(FunctionTransformer(minimize), tmp_path / MODEL_FILE)

    with pytest.raises(TrainingError, match="not trusted"):
        load(tmp_path)


def test_a_tampered_schema_is_refused(tmp_path: Path) -> None:
    classifier().fit(examples(), seed=0).save(tmp_path)
    path = tmp_path / MODEL_FILE
    with zipfile.ZipFile(path) as file:
        content = {name: file.read(name) for name in file.namelist()}
    schema = json.loads(content["schema.json"])
    schema["__module__"], schema["__class__"] = "os", "system"
    content["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, data in content.items():
            file.writestr(name, data)

    with pytest.raises(DistillError):
        load(tmp_path)


def test_a_cut_file_ends_in_a_sentence(tmp_path: Path) -> None:
    classifier().fit(examples(), seed=0).save(tmp_path)
    path = tmp_path / MODEL_FILE
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(DistillError):
        load(tmp_path)


@pytest.mark.parametrize(
    "about",
    [
        pytest.param(None, id="missing"),
        pytest.param("not json", id="no JSON"),
        pytest.param("{}", id="no kind"),
        pytest.param("[]", id="a list"),
        pytest.param('{"kind": "oracle"}', id="an unknown kind"),
        pytest.param('{"kind": "classifier"}', id="no labels"),
    ],
)
def test_a_folder_without_a_student_is_told(tmp_path: Path, about: str | None) -> None:
    classifier().fit(examples(), seed=0).save(tmp_path)
    (tmp_path / "student.json").unlink()
    if about is not None:
        (tmp_path / "student.json").write_text(about)

    with pytest.raises(UserError, match="student"):
        load(tmp_path)


def test_a_single_label_cannot_be_learnt() -> None:
    probs = np.array([[1.0, 0.0, 0.0]] * 6)
    with pytest.raises(TrainingError, match="one label"):
        classifier().fit(examples(probs), seed=0)


def test_no_examples_cannot_be_learnt_from() -> None:
    with pytest.raises(TrainingError):
        classifier().fit(examples(np.zeros((0, 3)), texts=()), seed=0)


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        pytest.param({"min_texts": 50}, TEXTS, id="no feature in so many texts"),
        pytest.param({}, ("the of", "and", "is", "it", "a", "!"), id="stop words only"),
    ],
)
def test_texts_without_a_feature_end_in_a_sentence(
    changes: dict[str, Any], texts: tuple[str, ...]
) -> None:
    with pytest.raises(TrainingError):
        classifier(**changes).fit(examples(texts=texts), seed=0)


def test_a_share_that_leaves_nothing_is_refused_before_training() -> None:
    with pytest.raises(ValueError, match="min_target"):
        classifier(min_target=1.0)


def test_only_labels_can_be_learnt() -> None:
    prose = Examples(questions=("q",), answers=("a",), real=np.array([False]))
    with pytest.raises(TrainingError, match="task=classify"):
        classifier().fit(prose, seed=0)


def test_examples_are_cut_by_a_mask() -> None:
    part = examples(real=[True, False] * 3).where(np.array([True, False] * 3))

    assert part.questions == TEXTS[::2]
    assert part.real.all()
    assert part.label_probs is not None
    assert (part.label_probs == PROBS[::2]).all()
    assert len(part) == 3
