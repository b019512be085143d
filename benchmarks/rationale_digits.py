"""Do rationales help? A toy: two images of digits, and their sum.

    python benchmarks/rationale_digits.py --seeds 10

The student sees two images side by side and names the sum, one of 19; the rationale are the two
digits. Four ways to learn, with one hidden layer of the same width each:

    answer          the sum alone
    rationale       the digits, then the sum from the digits that it has written
    shuffled        the same, with the rationales of other examples: a control
    two tasks       sum and digits as two tasks of one body, alpha·sum + (1 - alpha)·digits

It is a best case for `rationale`: the sum depends on the images through the digits alone. And it is
a negative for `two tasks`, which here come to what the answer alone does (docs/step_by_step.md).
"""

from __future__ import annotations

import argparse
import statistics
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn

ANSWER, RATIONALE, SHUFFLED, TWO_TASKS = "answer", "rationale", "shuffled", "two tasks"
WAYS = (ANSWER, RATIONALE, SHUFFLED, TWO_TASKS)
SUMS, DIGITS = 19, 10
TEST_PAIRS = 2000
WIDTH, STEPS, RATE, WEIGHT_DECAY = 128, 200, 5e-3, 1e-4


def accuracy(way: str, *, examples: int, seed: int, answer_weight: float = 0.5) -> float:
    """Train one student and return the share of right sums of new images.

    Args:
        way: One of `WAYS`.
        examples: Pairs of images that it learns from.
        seed: Of the draw and the weights.
        answer_weight: alpha of two tasks.
    """
    train, test = _pairs(seed, examples)
    torch.manual_seed(seed)
    if way == ANSWER:
        net = _net(train[0].shape[1], SUMS)
        _fit(net, lambda: nn.functional.cross_entropy(net(train[0]), train[1].sum(dim=1)))
        said = net(test[0]).argmax(dim=1)
    elif way == TWO_TASKS:
        net = _net(train[0].shape[1], SUMS + 2 * DIGITS)
        _fit(net, lambda: _two_tasks(net(train[0]), train[1], answer_weight))
        said = net(test[0])[:, :SUMS].argmax(dim=1)
    else:
        digits = train[1]
        if way == SHUFFLED:
            digits = digits[torch.randperm(len(digits))]
        said = _in_steps(train[0], digits, train[1].sum(dim=1), test[0])
    return float((said == test[1].sum(dim=1)).float().mean())


def _in_steps(images: Any, digits: Any, sums: Any, asked: Any) -> Any:
    """Learn the digits, and the sum from given digits; answer from digits of one's own."""
    reads, adds = _net(images.shape[1], 2 * DIGITS), _net(2 * DIGITS, SUMS)
    given = nn.functional.one_hot(digits, DIGITS).flatten(1).float()
    _fit(reads, lambda: _digit_loss(reads(images), digits))
    _fit(adds, lambda: nn.functional.cross_entropy(adds(given), sums))
    own = reads(asked).view(-1, 2, DIGITS).argmax(dim=2)
    return adds(nn.functional.one_hot(own, DIGITS).flatten(1).float()).argmax(dim=1)


def _two_tasks(logits: Any, digits: Any, answer_weight: float) -> Any:
    answers = nn.functional.cross_entropy(logits[:, :SUMS], digits.sum(dim=1))
    return answer_weight * answers + (1 - answer_weight) * _digit_loss(logits[:, SUMS:], digits)


def _digit_loss(logits: Any, digits: Any) -> Any:
    return nn.functional.cross_entropy(logits.reshape(-1, DIGITS), digits.flatten())


def _net(inputs: int, outputs: int) -> Any:
    return nn.Sequential(nn.Linear(inputs, WIDTH), nn.ReLU(), nn.Linear(WIDTH, outputs))


def _fit(net: Any, loss_of: Any) -> None:
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss_of().backward()
        optimizer.step()


@cache
def _images() -> tuple[Any, Any]:
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    return torch.tensor(images / 16, dtype=torch.float32), torch.tensor(digits)


def _pairs(seed: int, examples: int) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """Return (images, digits) to learn from and to be asked about; no image is in both."""
    images, digits = _images()
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(digits))
    cut = round(0.6 * len(order))
    drawn = (rng.choice(order[:cut], (examples, 2)), rng.choice(order[cut:], (TEST_PAIRS, 2)))
    return tuple((images[at].flatten(1), digits[at]) for at in drawn)  # type: ignore[return-value]


def main() -> None:
    """Print mean and spread of each way against the answer alone."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--examples", type=int, nargs="+", default=[100, 300, 1000])
    args = parser.parse_args()
    torch.set_num_threads(1)
    for examples in args.examples:
        figures = {
            way: [100 * accuracy(way, examples=examples, seed=seed) for seed in range(args.seeds)]
            for way in WAYS
        }
        for way, own in figures.items():
            gains = [a - b for a, b in zip(own, figures[ANSWER], strict=True)]
            print(
                f"n={examples:5} {way:10} {statistics.fmean(own):5.1f} %   against answer "
                f"{statistics.fmean(gains):+6.1f} pp (least {min(gains):+.1f}, "
                f"most {max(gains):+.1f})"
            )


if __name__ == "__main__":
    main()
