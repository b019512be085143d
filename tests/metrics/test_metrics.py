import importlib
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from distill.component import is_component
from distill.metrics import (
    Accuracy,
    Containment,
    ExactNumber,
    ItemMetric,
    MacroF1,
    Metric,
    TokenF1,
)

CONF = Path(__file__).parents[2] / "conf" / "metric"
HEADLINES = {"classify": "accuracy", "math": "exact_number", "qa": "token_f1"}
METRICS = [Accuracy(), Containment(), ExactNumber(), MacroF1(), TokenF1()]
ITEM_METRICS = [metric for metric in METRICS if isinstance(metric, ItemMetric)]
TEXTS = st.text(alphabet="ab the.,1 ", max_size=12)


def named(metrics):
    return [pytest.param(metric, id=metric.name) for metric in metrics]


def presets():
    return [
        pytest.param(path.stem, key, entry, id=f"{path.stem}.{key}")
        for path in sorted(CONF.glob("*.yaml"))
        for key, entry in yaml.safe_load(path.read_text(encoding="utf-8")).items()
        # It asks a model, which the contract tests build out of the composed config.
        if path.stem != "judged"
    ]


@pytest.mark.parametrize(("task", "key", "entry"), presets())
def test_every_preset_entry_builds_a_metric_of_its_name(task, key, entry):
    module, _, name = entry.pop("_target_").rpartition(".")
    target = getattr(importlib.import_module(module), name)
    assert is_component(target)
    metric = target(**entry)
    assert isinstance(metric, Metric)
    assert metric.name == key


@pytest.mark.parametrize(("task", "headline"), HEADLINES.items())
def test_the_first_metric_of_a_task_is_its_headline(task, headline):
    entries = yaml.safe_load((CONF / f"{task}.yaml").read_text(encoding="utf-8"))
    assert next(iter(entries)) == headline


def test_all_but_macro_f1_score_single_items():
    assert {metric.name for metric in METRICS} - {metric.name for metric in ITEM_METRICS} == {
        "macro_f1"
    }


@pytest.mark.parametrize("metric", named(METRICS))
def test_unequal_lengths_are_refused(metric):
    with pytest.raises(ValueError, match=r"shorter|longer"):
        metric.summary(["1"], ["1", "2"])


@pytest.mark.parametrize("metric", named(METRICS))
def test_there_is_no_figure_for_no_items(metric):
    with pytest.raises(ValueError, match="got no items, want 1 or more"):
        metric.summary([], [])


@pytest.mark.parametrize("metric", named(METRICS))
def test_right_answers_give_1_and_missing_ones_0(metric):
    references = ["12 eggs", "7 hens", "9 cows"]
    assert metric.summary(references, references) == 1
    assert metric.summary([None, None, None], references) == 0


@pytest.mark.parametrize("metric", named(ITEM_METRICS))
def test_a_missing_answer_scores_0_and_stays_in_the_count(metric):
    scores = metric.score(["5", None], ["5", "6"])
    assert scores.tolist() == [1, 0]
    assert scores.dtype == np.float64
    assert metric.summary(["5", None], ["5", "6"]) == 0.5


@pytest.mark.parametrize("metric", named(ITEM_METRICS))
def test_no_items_give_no_scores(metric):
    assert metric.score([], []).shape == (0,)


@pytest.mark.parametrize("metric", named(METRICS))
@given(
    pairs=st.lists(st.tuples(st.none() | TEXTS, TEXTS.filter(str.strip)), min_size=1, max_size=8)
)
def test_every_figure_is_a_share_for_any_texts(metric, pairs):
    answers, references = zip(*pairs, strict=True)
    assert 0 <= metric.summary(answers, references) <= 1
    if isinstance(metric, ItemMetric):
        scores = metric.score(answers, references)
        assert scores.shape == (len(pairs),)
        assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize(
    ("answer", "score"),
    [(" Business\n", 1), ("BUSINESS", 1), ("business.", 0), ("the business", 0), ("", 0)],
)
def test_accuracy_forgives_case_and_outer_whitespace_only(answer, score):
    assert Accuracy().score([answer], ["business"]).tolist() == [score]


def test_accuracy_folds_case_beyond_ascii():
    assert Accuracy().summary(["STRASSE"], ["straße"]) == 1


def test_macro_f1_matches_a_hand_computation():
    # a: precision 2/3, recall 2/2, F1 4/5; b: precision 1/1, recall 1/2, F1 2/3.
    answers, references = ["a", "a", "a", "b"], ["a", "a", "b", "b"]
    assert MacroF1().summary(answers, references) == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_macro_f1_weighs_a_rare_label_like_a_common_one():
    assert MacroF1().summary(["a"] * 10, ["a"] * 9 + ["b"]) == pytest.approx((18 / 19 + 0) / 2)


def test_macro_f1_does_not_count_wrong_words_as_labels():
    references = ["a", "a", "b", "b"]
    one_word = MacroF1().summary(["a", "x", "b", "x"], references)
    two_words = MacroF1().summary(["a", "x", "b", "y"], references)
    missing = MacroF1().summary(["a", None, "b", None], references)
    assert one_word == two_words == missing == pytest.approx(2 / 3)


def test_macro_f1_forgives_case_and_outer_whitespace():
    assert MacroF1().summary([" A", "b\n"], ["a", "B"]) == 1


@pytest.mark.parametrize(
    ("answer", "reference", "score"),
    [
        pytest.param("The cat sat.", "a cat, sat!", 1, id="articles, case and punctuation"),
        pytest.param("the big cat sat", "cat ran", 2 / 5, id="one word of three and two"),
        pytest.param("cat cat cat", "cat", 2 / 4, id="repetition counts once"),
        pytest.param("sat cat", "cat sat", 1, id="order is free"),
        pytest.param("dog", "cat", 0, id="nothing shared"),
        pytest.param("", "cat", 0, id="an empty answer"),
        pytest.param("the", "a", 1, id="nothing left of both"),
        pytest.param("theatre", "atre", 0, id="articles are whole words"),
    ],
)
def test_token_f1_follows_its_definition(answer, reference, score):
    assert TokenF1().score([answer], [reference]).tolist() == pytest.approx([score])


@pytest.mark.parametrize(
    ("answer", "reference", "score"),
    [
        pytest.param("It is the kubelet, I think.", "The kubelet", 1, id="within a sentence"),
        pytest.param("a party", "art", 0, id="not within a word"),
        pytest.param("rolling an update", "rolling update", 1, id="articles between"),
        pytest.param("rolling the next update", "rolling update", 0, id="words between"),
        pytest.param("update rolling", "rolling update", 0, id="order counts"),
        pytest.param("", "pod", 0, id="an empty answer"),
        pytest.param("pod", "the", 0, id="nothing left of the reference"),
        pytest.param("a", "the", 1, id="nothing left of both"),
    ],
)
def test_containment_follows_its_definition(answer, reference, score):
    assert Containment().score([answer], [reference]).tolist() == [score]


def test_exact_number_compares_final_numbers():
    answers = ["16 - 3 = 13\n#### 26.0", "The answer is 25.", "many", None]
    assert ExactNumber().score(answers, ["26", "26", "26", "26"]).tolist() == [1, 0, 0, 0]
