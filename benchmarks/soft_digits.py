"""What soft targets are worth on scikit-learn's digits; see docs/soft_targets.md.

    python benchmarks/soft_digits.py few      # 30 labels
    python benchmarks/soft_digits.py full     # all 1,078 labels: nothing is gained

Each seed has a split, a teacher (64-256-10, dropout, noise) and one student for every target; all
seeds are trained in one tensor. The bars of `few` are held by tests/students/test_soft_digits.py.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from digits import Digits, accuracy, one_hot, read_digits, shuffled, teacher_logits

from distill.students.nets import Nets, fit

SMOOTHED = 0.1


def student(data: Digits, targets: Any, labels: Any, *, hidden: int, **how: Any) -> Any:
    """Train one student a seed and return its accuracies, (seeds,)."""
    seeds = [1000 + seed for seed in data.seeds]
    nets = Nets(features=64, hidden=hidden, classes=10, seeds=seeds)
    inputs = data.inputs[:, : targets.shape[1]]
    return accuracy(fit(nets, inputs, targets, labels, seeds=seeds, **how), data)


def compared(data: Digits, count: int, *, hidden: int, **how: Any) -> None:
    """Print what a student gains by each target over hard labels."""
    soft, labels = teacher_logits(data)[:, :count], data.labels[:, :count]
    smooth = (one_hot(labels).exp() * (1 - SMOOTHED) + SMOOTHED / 10).log()
    tried = {
        "hard": (soft, 0.0, 1.0),
        "hard at T=8": (one_hot(labels), 1.0, 8.0),
        "label smoothing": (smooth, 1.0, 1.0),
        "soft T=2": (soft, 1.0, 2.0),
        "soft T=8": (soft, 1.0, 8.0),
        "soft T=8 shuffled": (shuffled(soft, seed=0), 1.0, 8.0),
        "half soft T=2": (soft, 0.5, 2.0),
    }
    hard: Any = None
    for name, (targets, alpha, heat) in tried.items():
        found = student(data, targets, labels, hidden=hidden, alpha=alpha, temperature=heat, **how)
        hard = found if hard is None else hard
        gain = 100 * (found - hard)
        print(
            f"| {hidden} | {name} | {100 * found.mean():.2f} | {gain.mean():+.2f} | "
            f"{gain.std(ddof=1):.2f} | {gain.min():+.2f} | {(gain > 0).mean():.0%} |",
            flush=True,
        )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["few", "full"])
    parser.add_argument("--seeds", type=int, default=10)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    data = read_digits(range(chosen.seeds))
    print("| hidden | target | accuracy % | gain pp | SD | worst seed | seeds that gain |")
    if chosen.what == "few":
        compared(data, 30, hidden=256, steps=150, learning_rate=5e-3)
        return
    for hidden in (16, 64):
        compared(data, 1078, hidden=hidden, steps=500, learning_rate=5e-3, batch=128)


if __name__ == "__main__":
    main()
