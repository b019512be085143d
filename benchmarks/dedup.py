"""How fast near duplicates are found, and how many of those that are known to be there.

    python benchmarks/dedup.py                # 100,000 texts of 45 words, 8,000 of them planted
    python benchmarks/dedup.py --texts 20000 --planted 1600

Texts are drawn as words are in a language, few common and most rare. Each planted one is a copy of
another text with up to six words changed; of those whose Jaccard index over 3-grams of words
reaches the threshold the truth is known. The exact index of `near_duplicates` is set beside
MinHash with locality-sensitive hashing (128 permutations, 32 bands, every candidate verified by
its exact Jaccard index), by `rensa` and `datasketch` where they can be imported.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from distill.filters.word_sets import repeats_in, word_sets

WORDS = 45
VOCABULARY = 30_000
NGRAM = 3
PERMUTATIONS = 128
BANDS = 32

Finder = Callable[[list[str], float], set[int]]


def corpus(texts: int, planted: int, seed: int) -> tuple[list[str], list[int]]:
    """Return the texts, and for each of the last `planted` the index of its original."""
    rng = np.random.default_rng(seed)
    vocabulary = np.array([f"w{i}" for i in range(VOCABULARY)])
    drawn = np.minimum(rng.zipf(1.3, (texts - planted, WORDS)), VOCABULARY - 1)
    lines = [" ".join(vocabulary[row]) for row in drawn]
    originals = rng.choice(texts - planted, planted, replace=False).tolist()
    for original in originals:
        words = vocabulary[drawn[original]].astype("<U16")
        changed = rng.choice(WORDS, int(rng.integers(0, 7)), replace=False)
        words[changed] = [f"x{number}" for number in rng.integers(10**6, size=len(changed))]
        lines.append(" ".join(words))
    return lines, originals


def grams(text: str) -> set[str]:
    """Return the 3-grams of words."""
    words = text.split()
    return {" ".join(words[i : i + NGRAM]) for i in range(len(words) - NGRAM + 1)}


def jaccard(first: set[str], second: set[str]) -> float:
    """Return the Jaccard index."""
    return len(first & second) / len(first | second)


def by_index(texts: list[str], threshold: float) -> set[int]:
    """Find the texts that repeat an earlier one as `near_duplicates` does."""
    sets = word_sets(pl.DataFrame({"text": texts}), ["text"], NGRAM)
    return set(np.flatnonzero(repeats_in(sets, threshold).of >= 0).tolist())


def by_rensa(texts: list[str], threshold: float) -> set[int]:
    """Find them by MinHash and LSH of `rensa`."""
    from rensa import RMinHash, RMinHashLSH

    sets = [grams(text) for text in texts]
    hashes = RMinHash.from_token_sets(sets, num_perm=PERMUTATIONS, seed=0)
    index = RMinHashLSH(threshold=threshold, num_perm=PERMUTATIONS, num_bands=BANDS)
    index.insert_many(hashes)
    return verified(sets, index.query_all(hashes), threshold)


def by_datasketch(texts: list[str], threshold: float) -> set[int]:
    """Find them by MinHash and LSH of `datasketch`."""
    from datasketch import MinHash, MinHashLSH

    sets = [grams(text) for text in texts]
    index = MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, PERMUTATIONS // BANDS))
    tokens = ([gram.encode() for gram in one] for one in sets)
    hashes = MinHash.bulk(tokens, num_perm=PERMUTATIONS, seed=0)
    for row, one in enumerate(hashes):
        index.insert(row, one, check_duplication=False)
    return verified(sets, (index.query(one) for one in hashes), threshold)


def verified(
    sets: list[set[str]], candidates: Iterable[Iterable[int]], threshold: float
) -> set[int]:
    """Return the rows that are near an earlier one that stays."""
    gone: set[int] = set()
    for row, found in enumerate(candidates):
        earlier = (other for other in found if other < row and other not in gone)
        if any(jaccard(sets[row], sets[other]) >= threshold for other in earlier):
            gone.add(row)
    return gone


def measure(name: str, find: Finder, texts: list[str], known: set[int], threshold: float) -> float:
    """Print one line; return the seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        found = find(texts, threshold)
    except ImportError:
        print(f"{name:<12} not installed")
        return 0.0
    seconds, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    recall = len(found & known) / max(len(known), 1)
    print(
        f"{name:<12} {seconds:7.1f} s  {cpu_s:7.1f} s CPU  {len(found):>6} found, recall "
        f"{recall:.4f} of {len(known)} known"
    )
    return cpu_s


def main() -> None:
    """Measure each way on the same texts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--planted", type=int, default=8_000)
    parser.add_argument("--threshold", type=float, default=0.7)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    texts, originals = corpus(asked.texts, asked.planted, asked.seed)
    first = asked.texts - asked.planted
    known = {
        first + k
        for k, original in enumerate(originals)
        if jaccard(grams(texts[first + k]), grams(texts[original])) >= asked.threshold
    }
    own = measure("distill", by_index, texts, known, asked.threshold)
    for name, find in {"rensa": by_rensa, "datasketch": by_datasketch}.items():
        other = measure(name, find, texts, known, asked.threshold)
        if other:
            print(f"{'':<12} {other / own:.1f} times the CPU time of distill")


if __name__ == "__main__":
    main()
