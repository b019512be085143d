"""Texts as vectors, without network: the mean of a table's rows, one row a token of the text.

Static vectors know words and not their order: 10,000 passages of 150 words take seconds on one
core, paraphrases come out near each other, and so do a claim and its denial. The table and its
tokenizer travel in the wheel `wordllama`, whose Python module is of no use here (it asks for more
packages and looks for its tokenizer on the network), so the files are read and the module is left
alone. Their digests are compared: other vectors would choose other rows.

Source: WordLlama's `l2_supercat_256`: 32,000 token vectors of Llama 2's tokenizer, 256 dimensions,
trained for sentence similarity. Unlike there, a blank text has no tokens.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distill.errors import ExtraMissingError

Vectors = NDArray[np.float32]

DIMENSIONS = 256
PACKAGE = "wordllama"
WEIGHTS = "weights/l2_supercat_256.safetensors"
WEIGHTS_SHA256 = "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5"
TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
TOKENIZER_SHA256 = "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68"
INSTALL_HINT = "pip install 'distill[embed]', then pip install --no-deps wordllama==0.4.0.post1"
# What is tokenized at once: texts and their tokens stay below some tens of megabytes.
BATCH_TEXTS = 4096
BATCH_CHARS = 2_000_000


@dataclass(frozen=True, kw_only=True)
class _Table:
    """The tokenizer and its vectors.

    Args:
        tokenizer: A `tokenizers.Tokenizer`.
        vectors: `(tokens, dimensions)`.
    """

    tokenizer: Any
    vectors: Vectors


def embed(texts: Iterable[str | None]) -> Vectors:
    """Return one vector a text; the dot product of two is their cosine.

    Args:
        texts: Any texts, a Polars series too; null counts as empty.

    Returns:
        `(texts, 256)`, each row of length 1; a text without tokens (empty, blank) has a row of 0
        and so is like nothing. The same text gives the same row in any batch.

    Raises:
        ExtraMissingError: the extra `embed` or its weights are not installed, or are others.
    """
    table = _load()
    parts = [_pooled(batch, table) for batch in _batches(texts)]
    return np.concatenate(parts) if parts else np.zeros((0, DIMENSIONS), dtype=np.float32)


def require_embeddings() -> None:
    """See that `embed` can work, without loading anything: a matter of milliseconds.

    Raises:
        ExtraMissingError: the extra `embed` or its weights are not installed.
    """
    for package in ("tokenizers", "safetensors", PACKAGE):
        if importlib.util.find_spec(package) is None:
            raise ExtraMissingError(
                f"embeddings: the package {package} is not installed.", hint=INSTALL_HINT
            )


def _batches(texts: Iterable[str | None]) -> Iterator[list[str]]:
    batch: list[str] = []
    chars = 0
    for text in texts:
        batch.append((text or "").strip())
        chars += len(batch[-1])
        if len(batch) == BATCH_TEXTS or chars >= BATCH_CHARS:
            yield batch
            batch, chars = [], 0
    if batch:
        yield batch


def _pooled(texts: list[str], table: _Table) -> Vectors:
    """Return the normalised means of the texts' token vectors."""
    from scipy.sparse import csr_array

    encoded = table.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    ids = [one.ids for one in encoded]
    ends = np.cumsum([0, *map(len, ids)])
    tokens = np.fromiter((token for some in ids for token in some), dtype=np.int32, count=ends[-1])
    # A row sums its own tokens one after another, whatever else is in the batch.
    counts = csr_array(
        (np.ones(len(tokens), dtype=np.float32), tokens, ends),
        shape=(len(texts), len(table.vectors)),
    )
    sums: Vectors = counts @ table.vectors
    # The length of a mean is not needed: both are normalised.
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    means: Vectors = np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 0)
    return means


@cache
def _load() -> _Table:
    """Read tokenizer and vectors once a process."""
    require_embeddings()
    from safetensors.numpy import load
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_buffer(_read(TOKENIZER, TOKENIZER_SHA256))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    (vectors,) = load(_read(WEIGHTS, WEIGHTS_SHA256)).values()
    return _Table(tokenizer=tokenizer, vectors=vectors.astype(np.float32))


def _read(name: str, sha256: str) -> bytes:
    spec = importlib.util.find_spec(PACKAGE)
    folders = (spec.submodule_search_locations if spec is not None else None) or []
    path = Path(next(iter(folders), "")) / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExtraMissingError(
            f"embeddings: cannot read {path}: {error.strerror}.", hint=INSTALL_HINT
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ExtraMissingError(
            f"embeddings: {path} has other vectors: got SHA-256 {found}, want {sha256}.",
            hint=INSTALL_HINT,
        )
    return content
