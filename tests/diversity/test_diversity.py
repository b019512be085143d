import importlib
import statistics
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml
from hydra import compose, initialize_config_dir
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from distill.component import is_component
from distill.diversity import (
    DistinctN,
    DiversityMetric,
    LengthStdDev,
    MeanVocabSize,
    TopBigramFrequency,
)

CONF = Path(__file__).parents[2] / "conf"
EVERYTHING = 10**9
SIMPLE = [LengthStdDev(), MeanVocabSize(), TopBigramFrequency()]
METRICS = [*SIMPLE, DistinctN(n=2, tokens=EVERYTHING), DistinctN(n=2, tokens=7)]
TEXTS = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", "d", "A"]), max_size=9).map(" ".join), max_size=8
)
THREE = ["a b a b", "b a b", "c"]


def named(metrics):
    return [pytest.param(metric, id=str(metric)) for metric in metrics]


def ngrams(texts, n):
    """Count n-grams in the plainest way there is."""
    return Counter(
        tuple(words[i : i + n])
        for words in (text.split() for text in texts)
        for i in range(len(words) - n + 1)
    )


def presets():
    entries = yaml.safe_load((CONF / "diversity" / "default.yaml").read_text(encoding="utf-8"))
    return [pytest.param(key, entry, id=key) for key, entry in entries.items()]


@pytest.mark.parametrize(("key", "entry"), presets())
def test_every_preset_entry_builds_a_metric_of_its_name(key, entry):
    module, _, name = entry.pop("_target_").rpartition(".")
    target = getattr(importlib.import_module(module), name)
    assert is_component(target)
    metric = target(**entry)
    assert isinstance(metric, DiversityMetric)
    assert metric.name == key


def test_the_presets_compose_to_four_metrics_or_none():
    with initialize_config_dir(str(CONF), version_base="1.3"):
        default = compose(overrides=["+diversity=default"])
        none = compose(overrides=["+diversity=none"])
    assert set(default.diversity) == {
        "mean_vocab_size",
        "length_std_dev",
        "top_bigram_frequency",
        "distinct_2",
    }
    assert none.diversity == {}


def test_mean_vocab_size_is_the_mean_of_distinct_words_an_output():
    assert MeanVocabSize().measure(THREE) == pytest.approx((2 + 2 + 1) / 3)


def test_length_std_dev_divides_by_one_less_than_the_outputs():
    # Lengths 4, 3 and 1: mean 8/3, squared deviations 16/9, 1/9 and 25/9.
    assert LengthStdDev().measure(THREE) == pytest.approx((42 / 9 / 2) ** 0.5)


def test_top_bigram_frequency_is_the_share_of_the_commonest_pair():
    # Pairs: ab ba ab, then ba ab; the third output has none.
    assert TopBigramFrequency().measure(THREE) == 3 / 5


def test_distinct_2_is_the_share_of_different_pairs():
    assert DistinctN(n=2, tokens=EVERYTHING).measure(THREE) == 2 / 5


@pytest.mark.parametrize(("n", "share"), [(1, 3 / 8), (2, 2 / 5), (3, 2 / 3), (4, 1.0), (5, None)])
def test_distinct_n_takes_any_n_and_bears_it_in_its_name(n, share):
    metric = DistinctN(n=n, tokens=EVERYTHING)
    assert metric.measure(THREE) == share
    assert metric.name == f"distinct_{n}"


@pytest.mark.parametrize("length", [2, 3, 50])
@pytest.mark.parametrize("rows", [1, 4])
def test_one_repeated_word_gives_what_the_formulas_say(length, rows):
    texts = [" ".join(["word"] * length)] * rows
    assert MeanVocabSize().measure(texts) == 1
    assert LengthStdDev().measure(texts) == 0
    assert TopBigramFrequency().measure(texts) == 1
    distinct = DistinctN(n=2, tokens=EVERYTHING).measure(texts)
    assert distinct == 1 / (rows * (length - 1))


def test_no_pair_crosses_from_one_output_to_the_next():
    texts = ["a b", "a b"]
    assert TopBigramFrequency().measure(texts) == 1
    assert DistinctN(n=2, tokens=EVERYTHING).measure(texts) == 1 / 2


@pytest.mark.parametrize("metric", named(METRICS))
def test_no_outputs_have_no_diversity(metric):
    assert metric.measure([]) is None


@pytest.mark.parametrize("texts", [[""], ["", " \n\t"]])
def test_empty_outputs_count_as_outputs_without_words(texts):
    assert MeanVocabSize().measure(texts) == 0
    assert LengthStdDev().measure(texts) == 0
    assert TopBigramFrequency().measure(texts) == 0
    assert DistinctN(n=2, tokens=EVERYTHING).measure(texts) is None


def test_an_empty_output_lowers_the_mean_and_widens_the_spread():
    assert MeanVocabSize().measure(["a b", ""]) == 1
    assert LengthStdDev().measure(["a b", ""]) == pytest.approx(2**0.5)


def test_one_output_has_no_spread():
    assert LengthStdDev().measure(["a b c"]) == 0


@pytest.mark.parametrize("metric", named(METRICS))
@given(texts=TEXTS, random=st.randoms(use_true_random=False))
def test_the_order_of_the_outputs_does_not_matter(metric, texts, random):
    shuffled = list(texts)
    random.shuffle(shuffled)
    assert metric.measure(shuffled) == metric.measure(texts)


@given(texts=TEXTS.filter(bool))
def test_the_simple_metrics_equal_their_plain_definitions(texts):
    words = [text.split() for text in texts]
    pairs = ngrams(texts, 2)
    assert MeanVocabSize().measure(texts) == statistics.fmean(len(set(each)) for each in words)
    spread = statistics.stdev(map(len, words)) if len(words) > 1 else 0
    assert LengthStdDev().measure(texts) == pytest.approx(spread, rel=1e-12)
    share = pairs.most_common(1)[0][1] / pairs.total() if pairs else 0
    assert TopBigramFrequency().measure(texts) == share


@given(texts=TEXTS, n=st.integers(1, 5))
def test_distinct_n_of_all_words_equals_its_plain_definition(texts, n):
    found = DistinctN(n=n, tokens=EVERYTHING).measure(texts)
    counted = ngrams(texts, n)
    assert found == (len(counted) / counted.total() if counted else None)


def test_long_ngrams_over_a_large_vocabulary_do_not_collide():
    # With 2**16 words the first of five would be shifted out of a 64-bit number.
    words = [f"w{i}" for i in range(2**16)]
    texts = [" ".join(words), "w0 w9 w9 w9 w9", "w1 w9 w9 w9 w9"]
    assert DistinctN(n=5, tokens=EVERYTHING).measure(texts) == 1


@pytest.mark.parametrize("tokens", [1, 2, 7, 10, 40])
def test_the_sample_has_exactly_the_budget_of_words(tokens):
    # One word each of its own: n-grams are words, and every word is new.
    texts = [" ".join(f"{row}-{i}" for i in range(10)) for row in range(4)]
    pairs = DistinctN(n=1, tokens=tokens)
    assert pairs.measure(texts) == 1
    repeated = DistinctN(n=1, tokens=tokens).measure(["word " * 10] * 4)
    assert repeated == 1 / tokens


def test_the_last_output_of_the_sample_is_cut_to_fit():
    assert DistinctN(n=2, tokens=3).measure(["a a a a a"]) == 1 / 2


def test_fewer_words_than_the_budget_are_all_used():
    few, enough = DistinctN(n=2, tokens=8), DistinctN(n=2, tokens=EVERYTHING)
    assert few.measure(THREE) == enough.measure(THREE)


def test_a_fixed_budget_makes_sets_of_different_size_comparable():
    def rows(count):
        words = np.random.default_rng(count).zipf(1.5, size=(count, 20)).astype(str)
        return [" ".join(row) for row in words]

    capped, plain = DistinctN(n=2, tokens=1000), DistinctN(n=2, tokens=EVERYTHING)
    small, large = rows(50), rows(1000)
    assert plain.measure(large) < 0.7 * plain.measure(small)
    assert capped.measure(large) == pytest.approx(capped.measure(small), abs=0.05)


def test_a_word_is_what_stands_between_any_whitespace_with_its_case():
    assert MeanVocabSize().measure(["Pod pod\u00a0pod,\n\tpod"]) == 3
    assert TopBigramFrequency().measure(["a\u2003b\x1ca  b"]) == 2 / 3


@pytest.mark.parametrize("field", ["n", "tokens"])
def test_distinct_n_refuses_a_size_below_1(field):
    with pytest.raises(ValidationError, match=field):
        DistinctN(**{"n": 2, "tokens": 10, field: 0})
