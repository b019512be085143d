"""Static vectors put like beside like, the same way everywhere, and tell what is missing."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from distill import embeddings
from distill.embeddings import DIMENSIONS, embed, require_embeddings
from distill.errors import ExtraMissingError

DATA = Path(__file__).parents[2] / "shared" / "data"
NEEDS = ("tokenizers", "safetensors", "wordllama")
installed = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in NEEDS),
    reason="the extra embed is not installed",
)
real = pytest.mark.skipif(not DATA.is_dir(), reason="the real data is not here")


def mean_pairwise_cosine(texts: Sequence[str]) -> float:
    vectors = embed(texts)
    n = len(vectors)
    return float((np.square(vectors.sum(axis=0)).sum() - n) / (n * (n - 1)))


@installed
def test_rows_are_of_length_one_and_texts_without_tokens_are_zero() -> None:
    vectors = embed(["the cat sat", "", " \n\t", None, "日本語 🦊", "x" * 10_000])

    assert vectors.shape == (6, DIMENSIONS)
    assert vectors.dtype == np.float32
    lengths = np.linalg.norm(vectors, axis=1)
    assert lengths == pytest.approx([1, 0, 0, 0, 1, 1], abs=1e-6)


@installed
def test_no_text_is_no_row() -> None:
    assert embed([]).shape == (0, DIMENSIONS)


@installed
def test_white_space_around_a_text_does_not_count() -> None:
    first, second = embed(["the cat sat", "  the cat sat\n"])
    assert (first == second).all()


@installed
def test_a_text_has_the_same_bits_in_any_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = pl.Series([f"text number {i} " + "word " * (i % 7) for i in range(50)])
    whole = embed(texts)
    monkeypatch.setattr(embeddings, "BATCH_TEXTS", 3)
    assert (embed(texts) == whole).all()
    monkeypatch.setattr(embeddings, "BATCH_TEXTS", 4096)
    monkeypatch.setattr(embeddings, "BATCH_CHARS", 40)
    assert (embed(texts) == whole).all()


@installed
@pytest.mark.parametrize(
    ("text", "paraphrase", "stranger"),
    [
        pytest.param(
            "How do I cancel my card?",
            "What are the steps for cancelling my bank card?",
            "My transfer has not arrived yet.",
            id="bank",
        ),
        pytest.param(
            "A farmer buys twelve cows and sells five of them.",
            "Of the 12 cows that a farmer bought he sold 5.",
            "A train travels for three hours at sixty miles an hour.",
            id="sums",
        ),
    ],
)
def test_a_paraphrase_is_nearer_than_a_stranger(text: str, paraphrase: str, stranger: str) -> None:
    vector, near, far = embed([text, paraphrase, stranger])
    assert vector @ near > 0.4
    assert vector @ far < 0.2


@installed
@real
def test_questions_of_one_trade_are_nearer_to_each_other_than_those_of_two() -> None:
    texts = []
    for name in ("gsm8k", "banking77"):
        lines = (DATA / name / "train.jsonl").read_text(encoding="utf-8").split("\n")[:500]
        texts.append([json.loads(line)["question"] for line in lines])

    sums, bank = map(mean_pairwise_cosine, texts)
    across = embed(texts[0]).mean(axis=0) @ embed(texts[1]).mean(axis=0)
    # 0.087 is what was measured on the sums by another implementation.
    assert sums == pytest.approx(0.087, abs=0.01)
    assert min(sums, bank) > across + 0.05


@installed
def test_neither_the_packages_of_the_extra_nor_wordllama_are_imported_before_a_text_comes() -> None:
    code = (
        "import sys, distill.embeddings as e; e.require_embeddings();"
        "assert not {'tokenizers', 'safetensors'} & set(sys.modules);"
        "e.embed(['a']); assert 'wordllama' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("missing", NEEDS)
def test_a_missing_package_is_told_with_the_command_that_mends_it(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else find("json")
    )
    with pytest.raises(ExtraMissingError, match=rf"{missing} is not installed\.\n  hint: pip inst"):
        require_embeddings()


@installed
def test_other_vectors_under_the_same_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings._load.cache_clear()
    monkeypatch.setattr(embeddings, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(ExtraMissingError, match=r"got SHA-256 64b47a2d\w+, want 0000"):
        embed(["a"])
