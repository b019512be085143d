"""Seconds and memory of the figures of diversity over many texts, on one core: docs/diversity.md.

    python benchmarks/diversity_scale.py 100000 1000000
    python benchmarks/diversity_scale.py 100000 --preset full

Texts are cut out of real ones where `--texts` names a file of JSON lines (the text under
`--field`), and drawn from a Zipf distribution over 200,000 words where not. The texts are made
before the clock starts, and their own memory is told beside the peak.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from distill.build import build
from distill.config import compose
from distill.stages.measure import measure

VOCABULARY = 200_000
EXPONENT = 1.1
CHUNK = 10_000
MIB = 1024


def zipf_texts(count: int, words: int, rng: np.random.Generator) -> list[str]:
    """Return texts of words whose frequencies fall as those of a language do."""
    names = np.array([f"w{i:x}" for i in range(VOCABULARY)], dtype=object)
    shares = 1 / np.arange(1, VOCABULARY + 1) ** EXPONENT
    ends = (shares / shares.sum()).cumsum()
    texts: list[str] = []
    while len(texts) < count:
        drawn = np.searchsorted(ends, rng.random((min(CHUNK, count - len(texts)), words)))
        texts += [" ".join(names[row]) for row in drawn.clip(max=VOCABULARY - 1)]
    return texts


def cut_texts(real: Sequence[str], count: int, words: int, rng: np.random.Generator) -> list[str]:
    """Return pieces of all real texts laid end to end, each from a place drawn at random."""
    stream = " ".join(real).split()
    starts = rng.integers(0, len(stream) - words, count)
    return [" ".join(stream[start : start + words]) for start in starts]


def peak_mib() -> float:
    """Return the most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB


def main() -> None:
    """Print a line for each size: all figures of the preset, as a run measures them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sizes", type=int, nargs="+", help="texts, ascending")
    parser.add_argument("--words", type=int, default=150, help="of each text")
    parser.add_argument("--preset", default="default", help="of diversity")
    parser.add_argument("--texts", type=Path, help="JSON lines")
    parser.add_argument("--field", default="question")
    given = parser.parse_args()
    metrics = build(compose(["seeds.path=-", f"diversity={given.preset}"])).diversity
    rng = np.random.default_rng(0)
    real = []
    if given.texts is not None:
        with given.texts.open(encoding="utf-8") as lines:
            real = [str(json.loads(line)[given.field]) for line in lines]
    for count in given.sizes:
        if real:
            texts = cut_texts(real, count, given.words, rng)
        else:
            texts = zipf_texts(count, given.words, rng)
        frame = pl.DataFrame({"answer": texts})
        megabytes = sum(map(len, texts)) / 2**20
        del texts
        before = peak_mib()
        cpu, wall = time.process_time(), time.perf_counter()
        found = measure(frame, metrics, column="answer", references=real[:CHUNK])
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(
            f"{count:,} texts of {given.words} words, {megabytes:,.0f} MiB: {cpu:.1f} s CPU, "
            f"{wall:.1f} s, peak {peak_mib():,.0f} MiB ({before:,.0f} before)",
            flush=True,
        )
        print("  " + ", ".join(f"{name} {value:.4g}" for name, value in found.figures.items()))
        for name, why in found.absent.items():
            print(f"  no {name}: {why}")


if __name__ == "__main__":
    main()
