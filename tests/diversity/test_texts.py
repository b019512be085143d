"""Words that are split once for all figures, and pairs that are counted in bounded memory."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.diversity import Texts, texts, top_pair
from distill.diversity.ngrams import ngram_hashes, run_lengths, word_hashes

WORDS = st.lists(st.lists(st.sampled_from("abcd"), max_size=9), max_size=9)


def pairs_of(rows):
    return Counter(pair for row in rows for pair in pairwise(row))


def zipf_rows(rows, seed=0):
    drawn = np.random.default_rng(seed).zipf(1.3, size=(rows, 30)).astype(str)
    return [" ".join(row) for row in drawn]


def test_the_texts_of_a_run_are_read_once(monkeypatch):
    passes = []
    own = Texts._blocks
    monkeypatch.setattr(Texts, "_blocks", lambda self: (passes.append(1), own(self))[1])
    shared = Texts(["a b a b", "b"])
    assert Texts.of(shared) is shared
    assert (shared.profile.lengths.tolist(), shared.profile.vocab_sizes.tolist()) == (
        [4, 1],
        [2, 1],
    )
    assert (shared.profile.top_pair, shared.profile.pairs) == (2, 3)
    assert len(passes) == 1


@given(rows=WORDS, n=st.integers(1, 5))
def test_equal_ngrams_have_equal_hashes_and_others_have_not(rows, n):
    found = ngram_hashes(*word_hashes(rows), n)
    plain = [tuple(row[i : i + n]) for row in rows for i in range(len(row) - n + 1)]
    assert len(found) == len(plain)
    assert len(set(zip(found.tolist(), plain, strict=True))) == len(set(plain))
    assert len(run_lengths(np.sort(found))) == len(set(plain))


@pytest.mark.parametrize("kept", [0, 10**9], ids=["split again", "kept"])
@pytest.mark.parametrize("sorted_at_once", [1, 50, 10**9])
@pytest.mark.parametrize("bits", [1, 4, 16])
def test_the_top_pair_is_exact_however_memory_is_bounded(monkeypatch, kept, sorted_at_once, bits):
    monkeypatch.setattr(texts, "BLOCK_CHARS", 200)
    monkeypatch.setattr(top_pair, "BUCKET_BITS", bits)
    monkeypatch.setattr(top_pair, "BUCKET_SHIFT", np.uint64(64 - bits))
    monkeypatch.setattr(top_pair, "SORTED_AT_ONCE", sorted_at_once)
    monkeypatch.setattr(top_pair, "KEPT", kept)
    # The pair that leads in the first block is not the one that leads in the end.
    rows = ["late early"] * 20 + zipf_rows(60) + ["in the"] * 300
    profile = Texts(rows).profile
    counted = pairs_of([row.split() for row in rows])
    assert (profile.top_pair, profile.pairs) == (counted.most_common(1)[0][1], counted.total())


def test_pairs_that_all_occur_once_are_counted_too():
    rows = [f"a{i} b{i} c{i}" for i in range(5000)]
    assert Texts(rows).profile.top_pair == 1


@pytest.mark.parametrize("tokens", [1, 5, 29, 31, 10**6])
def test_a_sample_has_its_words_and_is_drawn_once(tokens):
    all_texts = Texts(zipf_rows(20))
    sample = all_texts.sample(tokens)
    assert sum(len(words) for words in sample.words) == min(tokens, 600)
    assert sample.lengths.sum() == min(tokens, 600)
    assert all_texts.sample(tokens) is sample


def test_a_text_without_a_cut_keeps_its_white_space():
    assert list(Texts(["a  b\n"]).sample(9)) == ["a  b\n"]
