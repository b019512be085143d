"""How often the intervals of `distill calibrate` hold the truth, by simulation; see the docs.

    python benchmarks/calibrate_coverage.py --trials 1000

Answers are right at random, a judge keeps right ones at its sensitivity and wrong ones at one less
its specificity, and a part of the answers is labelled. Counted is how often the 95 % interval of
the corrected accuracy holds the true share of right answers, beside that of the judge's word alone
and of the labels alone, and how wide they are.

The threshold: grades from 1 to 5 of which none has the wanted precision (every threshold that is
called shown is wrong), and grades of which the two highest have it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from distill.calibrate.corrected import accuracy
from distill.calibrate.thresholds import lines, recommend

SIZES = ((20, 500), (50, 1000), (100, 900), (100, 1900), (300, 400))
# Share of right answers, sensitivity, specificity.
JUDGES = (
    (0.7, 0.9, 0.7),
    (0.45, 0.9, 0.9),
    (0.9, 0.95, 0.9),
    (0.95, 1.0, 1.0),
    (0.5, 0.5, 0.5),
)
GRADES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
NONE_GOOD = (0.3, 0.5, 0.8, 0.89, 0.89)
TWO_GOOD = (0.05, 0.3, 0.7, 0.95, 0.98)
WANTED = 0.9
LABELS = (100, 200, 500, 1000)


def main() -> None:
    """Print both tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    trials = parser.parse_args().trials
    rng = np.random.default_rng(0)
    heads = ("labels + others", "right", "sensitivity, specificity", "held: judge alone")
    heads += ("labels alone", "corrected", "width: labels alone", "corrected")
    print(f"| {' | '.join(heads)} |\n|---|---:|---|---:|---:|---:|---:|---:|")
    for labels, others in SIZES:
        for right, sensitivity, specificity in JUDGES:
            held, widths = _accuracy(labels, others, (right, sensitivity, specificity), trials, rng)
            cells = [f"{labels} + {others}", f"{right}", f"{sensitivity}, {specificity}"]
            cells += [f"{share:.1%}" for share in held] + [f"{width:.3f}" for width in widths]
            print("|", " | ".join(cells), "|")
    print("\n| labels | falsely shown, none good | shown, two good | of those the right one |")
    print("|---:|---:|---:|---:|")
    for labels in LABELS:
        false = [_shown(labels, NONE_GOOD, rng) for _ in range(trials)]
        found = [_shown(labels, TWO_GOOD, rng) for _ in range(trials)]
        shown = [one for one in found if one is not None]
        good = sum(one == 0.75 for one in shown) / max(1, len(shown))
        wrong = sum(one is not None for one in false) / trials
        print(f"| {labels} | {wrong:.1%} | {len(shown) / trials:.1%} | {good:.1%} |")


def _accuracy(
    labels: int,
    others: int,
    judge: tuple[float, float, float],
    trials: int,
    rng: np.random.Generator,
) -> tuple[list[float], list[float]]:
    share, sensitivity, specificity = judge
    held, widths = np.zeros(3), np.zeros(2)
    for _ in range(trials):
        right = rng.random(labels + others) < share
        draw = rng.random(labels + others)
        kept = np.where(right, draw < sensitivity, draw >= specificity)
        found = accuracy(right[:labels], kept[:labels], kept[labels:])
        assert found.corrected is not None
        three = (found.naive, found.human_only, found.corrected)
        held += [one.low <= share <= one.high for one in three]
        widths += [one.high - one.low for one in three[1:]]
    return list(held / trials), list(widths / trials)


def _shown(labels: int, chances: Sequence[float], rng: np.random.Generator) -> float | None:
    at = rng.integers(0, len(GRADES), labels)
    right, scores = rng.random(labels) < np.array(chances)[at], GRADES[at]
    found = recommend(lines(right, scores, configured=WANTED), precision=WANTED, labels=labels)
    if found is None or found.by != "limit":
        return None
    return found.line.threshold


if __name__ == "__main__":
    main()
