"""How often guard `distribution_shift` is wrong, and what it finds; see docs/guards.md.

    python benchmarks/two_sample.py banking77/train.jsonl gsm8k/train.jsonl

Both files are JSON lines with `question`, the first with `label` too: customers' questions of
Banking77 (PolyAI, CC-BY-4.0) and word problems of GSM8K (MIT). Seeds and real inputs are drawn
without overlap from one of them, anew for every trial; then a share of the seeds is replaced

    other task     by word problems
    few labels     by questions with one of `FEW` of the 77 labels, drawn anew for every trial

A trial is the guard's own test with its default settings: it finds what passes both its limits.
The last table compares its AUC with that of scikit-learn's logistic regression on the same draws.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from distill.config import compose
from distill.guards.two_sample import FOLDS, stripped, tell_apart
from distill.statistics import wilson

SIZES = (50, 100, 200, 500, 1000)
SHARES = (0.1, 0.2, 0.3, 0.5, 1.0)
FEW = 10
COMPARED_SIZE = 200
COMPARED = (0.0, 0.2, 0.5, 1.0)

Draw = Callable[[int, float, np.random.Generator], tuple[list[str], list[str]]]


def read(path: Path) -> pl.DataFrame:
    """Return the distinct questions as the guard compares them, with their labels."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").strip().split("\n")]
    frame = pl.DataFrame(
        {"text": [row["question"] for row in rows], "label": [row.get("label") for row in rows]}
    )
    return frame.with_columns(stripped(frame["text"])).unique("text", maintain_order=True)


def halves(texts: pl.DataFrame) -> Draw:
    """Draw both sides from one source."""

    def draw(size: int, share: float, rng: np.random.Generator) -> tuple[list[str], list[str]]:
        at = rng.permutation(texts.height)[: 2 * size]
        mixed = texts["text"].gather(at).to_list()
        return mixed[:size], mixed[size:]

    return draw


def replaced(texts: pl.DataFrame, others: pl.DataFrame | None) -> Draw:
    """Draw both sides from `texts`, and a share of the seeds from others or from few labels."""
    labels = texts["label"].unique().sort()

    def draw(size: int, share: float, rng: np.random.Generator) -> tuple[list[str], list[str]]:
        mixed = texts[rng.permutation(texts.height)]
        real, rest = mixed[:size], mixed[size:]
        few = labels.gather(rng.choice(len(labels), FEW, replace=False))
        source = rest.filter(pl.col("label").is_in(few.implode())) if others is None else others
        count = round(share * size)
        new = source[rng.permutation(source.height)[:count]]
        kept = rest.join(new, on="text", how="anti", maintain_order="left")[: size - new.height]
        return [*new["text"], *kept["text"]], real["text"].to_list()

    return draw


def rate(draw: Draw, size: int, share: float, trials: int) -> float:
    """Return how often the guard fires."""
    node = compose(["seeds.path=-"])["guard"]["distribution_shift"]
    fired = 0
    for trial in range(trials):
        rng = np.random.default_rng([trial, size, round(100 * share)])
        seeds, real = draw(size, share, rng)
        found = tell_apart(seeds, real, permutations=node["permutations"], seed=trial)
        fired += found.auc >= node["min_auc"] and found.p_value < node["alpha"]
    return fired / trials


def table(name: str, draw: Draw, sizes: Sequence[int], shares: Sequence[float], n: int) -> None:
    """Print how often the guard fires, by rows a side and by share."""
    print(f"\n{name}\n\n| rows a side | {' | '.join(f'{share:.0%}' for share in shares)} |")
    print("|---:|" + "---:|" * len(shares), flush=True)
    for size in sizes:
        cells = []
        for share in shares:
            fired = rate(draw, size, share, n)
            interval = wilson(round(fired * n), n)
            cells.append(
                f"{fired:.0%}"
                if share
                else f"{fired:.1%} ({interval.low:.1%} to {interval.high:.1%})"
            )
        print(f"| {size:,} | {' | '.join(cells)} |", flush=True)


def logistic_auc(seeds: list[str], real: list[str], seed: int) -> float:
    """Return the cross-validated AUC of logistic regression on the same features."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline

    features = TfidfVectorizer(
        ngram_range=(1, 2), token_pattern=r"\S+", min_df=2, sublinear_tf=True
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    model = make_pipeline(features, LogisticRegression(max_iter=1000))
    side = [1] * len(seeds) + [0] * len(real)
    scores = cross_val_score(model, [*seeds, *real], side, cv=folds, scoring="roc_auc")
    return float(scores.mean())


def compared(kinds: dict[str, Draw], trials: int) -> None:
    """Print the mean AUC of both classifiers."""
    print(f"\nMean AUC, {COMPARED_SIZE} rows a side\n")
    print("| replaced by | share | closed form | logistic regression |\n|---|---:|---:|---:|")
    for name, draw in kinds.items():
        for share in COMPARED:
            aucs = []
            for trial in range(trials):
                rng = np.random.default_rng([trial, round(100 * share)])
                sides = draw(COMPARED_SIZE, share, rng)
                own = tell_apart(*sides, permutations=1, seed=trial).auc
                aucs.append((own, logistic_auc(*sides, trial)))
            own, logistic = np.mean(aucs, axis=0)
            print(f"| {name} | {share:.0%} | {own:.3f} | {logistic:.3f} |", flush=True)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("banking77", type=Path)
    parser.add_argument("gsm8k", type=Path)
    parser.add_argument("--trials", type=int, default=100, help="tests a share")
    parser.add_argument("--null", type=int, default=200, help="tests without a shift")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="rows a side")
    given = parser.parse_args()
    start = time.perf_counter()
    banking, problems = read(given.banking77), read(given.gsm8k)
    table("False alarms, Banking77", halves(banking), given.sizes, (0.0,), given.null)
    table("False alarms, GSM8K", halves(problems), given.sizes, (0.0,), given.null)
    far, near = replaced(banking, problems), replaced(banking, None)
    table("Found: other task", far, given.sizes, SHARES, given.trials)
    table("Found: few labels", near, given.sizes, SHARES, given.trials)
    compared({"other task": far, "few labels": near}, given.trials)
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
