"""How often `distill drift` is wrong, and what it finds, by simulation; see docs/drift.md.

    python benchmarks/drift_power.py recorded_answers.jsonl

Texts: answers of four real models to the same word problems, one each, recorded with GSM8K
(github.com/openai/grade-school-math, MIT): a JSON line has `question` and a text under each name
of `MODELS`. The old teacher gives the answer of one of three of them, drawn anew for every
reply; the new one gives, for a share of its replies, that of the fourth. The fourth, the questions
and all replies are drawn anew for every trial. Distances are taken once, with the weights of all
questions together, and not anew for the questions of a trial.

Labels: simulated votes. Each question has a label that the old teacher names in `STEADY` of its
replies, the others sharing the rest; the new one names, in a share of its replies, a label that
was rare before.

Every trial is a whole check: all measures that the task has, adjusted together, verdict at 5 %.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distill.drift.answers import text_distances
from distill.drift.shift import Measure, mean_moved, one_hot, shares_moved, shifts, texts_moved
from distill.metrics.numbers import extract_number
from distill.statistics import POWER, wilson

MODELS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
SIZES = ((10, 5), (20, 5), (50, 5), (100, 5), (20, 10), (50, 10))
SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
SHOWN = (0.1, 0.2, 0.3, 0.4, 0.5)
LABELS = 5
STEADY = 0.9
PERMUTATIONS = 999

Check = Callable[[int, int, float, np.random.Generator], bool]


@dataclass(frozen=True)
class Recorded:
    """One question: the distance, final number and length of the models' answers."""

    distance: NDArray[np.float64]
    final: tuple[str, ...]
    log_chars: NDArray[np.float64]


def recorded(path: Path) -> list[Recorded]:
    """Read the recorded answers."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    texts = [[row[model] for model in MODELS] for row in rows]
    return [
        Recorded(
            distance=distance,
            final=tuple(str(extract_number(text)) for text in own),
            log_chars=np.log1p([len(text) for text in own]),
        )
        for own, distance in zip(texts, text_distances(texts), strict=True)
    ]


def texts_check(questions: Sequence[Recorded]) -> Check:
    """Return a check of a `math` teacher whose replies are recorded answers."""

    def check(count: int, samples: int, share: float, rng: np.random.Generator) -> bool:
        models = rng.permutation(len(MODELS))
        found = {"answers": [], "numbers": [], "length": []}
        for at in rng.choice(len(questions), count, replace=False):
            own = questions[at]
            drawn = models[rng.integers(0, len(MODELS) - 1, 2 * samples)]
            other = np.arange(2 * samples) >= samples
            other &= rng.random(2 * samples) < share
            drawn[other] = models[-1]
            finals = [own.final[i] for i in drawn]
            found["answers"].append(texts_moved(own.distance[np.ix_(drawn, drawn)]))
            found["numbers"].append(shares_moved(one_hot(finals, sorted(set(finals)))))
            found["length"].append(mean_moved(own.log_chars[drawn]))
        measures = [
            Measure(name=name, moved=moved, signed=name == "length")
            for name, moved in found.items()
        ]
        return drifted(measures, count, samples, rng)

    return check


def labels_check(count: int, samples: int, share: float, rng: np.random.Generator) -> bool:
    """Check a `classify` teacher that votes."""
    moved = []
    for _ in range(count):
        usual = np.full(LABELS, (1 - STEADY) / (LABELS - 1))
        usual[0] = STEADY
        drawn = rng.choice(LABELS, 2 * samples, p=usual)
        other = np.arange(2 * samples) >= samples
        drawn[other & (rng.random(2 * samples) < share)] = 1
        moved.append(shares_moved(one_hot(drawn.tolist(), range(LABELS))))
    return drifted([Measure(name="answers", moved=moved)], count, samples, rng)


def drifted(
    measures: Sequence[Measure], count: int, samples: int, rng: np.random.Generator
) -> bool:
    """Return the verdict of a check."""
    seed = int(rng.integers(2**32))
    sizes = [(samples, samples)] * count
    return any(one.found for one in shifts(measures, sizes, permutations=PERMUTATIONS, seed=seed))


def rate(check: Check, size: tuple[int, int], share: float, trials: int, seed: int) -> float:
    """Return how often drift is found."""
    rng = np.random.default_rng([seed, *size, round(1000 * share)])
    return sum(check(*size, share, rng) for _ in range(trials)) / trials


def table(name: str, check: Check, *, trials: int, null: int, seed: int) -> None:
    """Print one table: false alarms, power by share, and the share found in 4 of 5 checks."""
    heads = ["questions × samples", "false alarms", *(f"{share:.0%}" for share in SHOWN)]
    print(f"\n{name}\n\n| {' | '.join(heads)} | found in {POWER:.0%} |")
    print("|---|---|" + "---:|" * (len(SHOWN) + 1), flush=True)
    for size in SIZES:
        alarms = wilson(round(rate(check, size, 0.0, null, seed) * null), null)
        powers: dict[float, float] = {}
        for share in SHARES:
            # Beyond the shares that are shown, only the first that suffices is wanted.
            if share in SHOWN or max(powers.values(), default=0) < POWER:
                powers[share] = rate(check, size, share, trials, seed)
        enough = next((f"{share:.0%}" for share in SHARES if powers.get(share, 0) >= POWER), "–")
        false = f"{alarms.value:.1%} ({alarms.low:.1%} to {alarms.high:.1%})"
        cells = [f"{size[0]} × {size[1]}", false, *(f"{powers[share]:.0%}" for share in SHOWN)]
        print(f"| {' | '.join(cells)} | {enough} |", flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("answers", type=Path, help="recorded_answers.jsonl")
    parser.add_argument("--trials", type=int, default=300, help="checks a share")
    parser.add_argument("--null", type=int, default=2000, help="checks of an unchanged teacher")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    counts = {"trials": given.trials, "null": given.null, "seed": given.seed}
    start = time.perf_counter()
    table("Recorded answers, task math", texts_check(recorded(given.answers)), **counts)
    table("Simulated votes, task classify", labels_check, **counts)
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
