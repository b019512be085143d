"""How often a collapse is found, and how often one is found where there is none: docs/diversity.md.

    python benchmarks/diversity_power.py texts.jsonl --field question

A trigram model is trained on real documents (a JSON line each, the text under `--field`); it writes
as many documents, on which the next model is trained, and so on: the regime "replace", in which a
language loses its rare words first. Each chain starts from other documents and compares

    null        two draws of generation 1
    collapse    generation 2 with generation 1, and a later one

on a number of documents a side, unpaired: generated documents answer no prompt. A chain is flagged
where the guard `mode_collapse` would fire: upper end of the ratio's interval below 0.95 and p below
0.05; figures that a run does not test are flagged by their interval. `p < 0.05` alone is shown too.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from distill.diversity import (
    DistinctN,
    DiversityMetric,
    LengthStdDev,
    MeanVocabSize,
    TopBigramFrequency,
)
from distill.diversity.contrast import ContrastFigure, contrast
from distill.statistics import wilson

START, END = "\x02", "\x03"
MOST_WORDS = 200
MAX_RATIO, MAX_P = 0.95, 0.05
METRICS: tuple[DiversityMetric, ...] = (
    DistinctN(n=2, tokens=1),
    DistinctN(n=4, tokens=1),
    MeanVocabSize(),
    LengthStdDev(),
    TopBigramFrequency(),
)


class Trigrams:
    """A trigram model: the next word is drawn from those that followed the same two words.

    Args:
        texts: What it learns from.
        backoff: How often, at each word, only the last word counts, in [0, 1].
    """

    def __init__(self, texts: Sequence[str], backoff: float) -> None:
        self._backoff = backoff
        self._after_two: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._after_one: dict[str, list[str]] = defaultdict(list)
        for text in texts:
            before, last = START, START
            for word in (*text.split(), END):
                self._after_two[before, last].append(word)
                self._after_one[last].append(word)
                before, last = last, word

    def write(self, rng: random.Random) -> str:
        """Return a document; it ends by itself or after `MOST_WORDS`."""
        words: list[str] = []
        before, last = START, START
        while len(words) < MOST_WORDS:
            is_short = rng.random() < self._backoff
            known = self._after_one[last] if is_short else self._after_two.get((before, last))
            word = rng.choice(known or self._after_one[last])
            if word == END:
                break
            words.append(word)
            before, last = last, word
        return " ".join(words)


def generations(
    texts: Sequence[str], count: int, rng: random.Random, backoff: float
) -> list[list[str]]:
    """Return the documents of generations 1 to `count`, each trained on the one before alone."""
    found: list[list[str]] = []
    for _ in range(count):
        model = Trigrams(found[-1] if found else texts, backoff)
        found.append([model.write(rng) for _ in texts])
    return found


def frame(texts: Sequence[str], start: int) -> pl.DataFrame:
    """Return documents as rows of questions of their own: nothing pairs them."""
    return pl.DataFrame({"question": [f"{start + i}" for i in range(len(texts))], "text": texts})


def compare(own: Sequence[str], others: Sequence[str], seed: int) -> dict[str, ContrastFigure]:
    """Compare two sets of documents as a run does."""
    found = contrast(
        frame(own, 0),
        frame(others, len(own)),
        METRICS,
        column="document",
        against="baseline",
        source="the generation before",
        seed=seed,
    )
    return {figure.name: figure for figure in found.figures}


def is_significant(figure: ContrastFigure | None) -> bool:
    """Say whether p alone would flag it."""
    return figure is not None and figure.p_value is not None and figure.p_value < MAX_P


def is_flagged(figure: ContrastFigure | None) -> bool:
    """Say whether this figure alone flags it; one that is not tested, by its interval only."""
    if figure is None or figure.high is None or figure.high >= MAX_RATIO:
        return False
    return figure.p_value is None or is_significant(figure)


def main() -> None:
    """Print a table of how often each figure flags each comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("texts", type=Path, help="JSON lines")
    parser.add_argument("--field", default="question")
    parser.add_argument("--chains", type=int, default=100)
    parser.add_argument("--trained-on", type=int, default=1000, help="documents of a generation")
    parser.add_argument("--documents", type=int, nargs="+", default=[200], help="a side")
    parser.add_argument("--later", type=int, default=5, help="the later generation, >= 2")
    parser.add_argument("--backoff", type=float, default=0.0, help="words from one word alone")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with given.texts.open(encoding="utf-8") as lines:
        real = [str(json.loads(line)[given.field]) for line in lines]
    flags: dict[tuple[int, str, str], list[tuple[bool, bool]]] = defaultdict(list)
    start = time.perf_counter()
    for chain in range(given.chains):
        rng = random.Random(f"{given.seed} {chain}")
        drawn = rng.sample(real, given.trained_on)
        made = generations(drawn, given.later, rng, given.backoff)
        again = Trigrams(drawn, given.backoff)
        twice = [again.write(rng) for _ in range(max(given.documents))]
        for n in given.documents:
            cases = {
                "null: 1 against 1": twice[:n],
                "2 against 1": made[1][:n],
                f"{given.later} against 1": made[-1][:n],
            }
            for name, own in cases.items():
                found = compare(own, made[0][:n], chain)
                for metric in METRICS:
                    figure = found.get(metric.name)
                    told = (is_flagged(figure), is_significant(figure))
                    flags[n, name, metric.name].append(told)
    print(f"{given.chains} chains of {given.trained_on} documents, "
          f"{time.perf_counter() - start:.0f} s\n")  # fmt: skip
    print("| documents a side | generations | figure | flagged | 95% interval | p alone |")
    print("|---:|---|---|---:|---:|---:|")
    for (n, name, metric), told in flags.items():
        rate = wilson(sum(flagged for flagged, _ in told), len(told))
        alone = f"{sum(significant for _, significant in told) / len(told):.0%}"
        alone = alone if metric.startswith("distinct") else "–"
        limits = f"{rate.low:.1%} to {rate.high:.1%}"
        print(f"| {n} | {name} | {metric} | {rate.value:.0%} | {limits} | {alone} |")


if __name__ == "__main__":
    main()
