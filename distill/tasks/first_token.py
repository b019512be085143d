"""Labels told apart by the first token of a reply: a distribution over them from one request.

A token speaks for a label when the label begins with it, blanks, punctuation and case aside, and no
other label does; a token that two labels begin with speaks for none. What the tokens of all labels
hold together is the covered mass: the share of the model's belief that is about the labels at all.
"""

from __future__ import annotations

import math
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Below this the rounding of single-precision log-probabilities leaves nothing to tell.
SMALLEST = 1e-7
LETTERS = string.ascii_uppercase
_ASIDE = string.whitespace + string.punctuation
SHOWN_TOKENS = 3


@dataclass(frozen=True)
class Spread:
    """What the first token says of the labels.

    Args:
        probs: (labels,) in their order, sums to 1.
        covered: Share of the first token's probability that lies on labels, in [0, 1].
    """

    probs: tuple[float, ...]
    covered: float


def spread(tokens: Mapping[str, float], names: Sequence[str]) -> Spread:
    """Return the distribution over labels that the likeliest first tokens give.

    A label that none of the tokens speaks for gets an equal part of all that the tokens leave,
    which is more than it can have, but never more than the least likely token that was told of.

    Args:
        tokens: Natural-log probability by token, of the likeliest ones.
        names: What the model was to write, one a label; `clashes` of them is empty.
    """
    plain = [_plain(name) for name in names]
    mass = [0.0] * len(names)
    probs = {token: math.exp(logprob) for token, logprob in tokens.items()}
    for token, prob in probs.items():
        spoken_for = _spoken_for(_plain(token), plain)
        if len(spoken_for) == 1:
            mass[spoken_for[0]] += prob
    covered = math.fsum(mass)
    unseen = mass.count(0.0)
    if unseen and probs:
        left = max(1.0 - math.fsum(probs.values()), 0.0)
        bound = min(left / unseen, min(probs.values()))
        mass = [prob or bound for prob in mass]
    mass = [max(prob, SMALLEST) for prob in mass]
    whole = math.fsum(mass)
    return Spread(tuple(prob / whole for prob in mass), min(covered, 1.0))


def clashes(names: Sequence[str]) -> list[str]:
    """Return those among `names` whose first word another one begins with, too."""
    words = [(_plain(name).split() or [""])[0] for name in names]
    return [
        name
        for i, name in enumerate(names)
        if not words[i]
        or any(
            other.startswith(words[i]) or words[i].startswith(other)
            for j, other in enumerate(words)
            if j != i
        )
    ]


def lettered(labels: Sequence[str]) -> str:
    """Return the labels as options, one a line, each with its letter."""
    return "\n".join(f"{letter}. {label}" for letter, label in zip(LETTERS, labels, strict=False))


def likeliest(tokens: Mapping[str, float]) -> str:
    """Return the likeliest tokens with their probabilities, as evidence."""
    ranked = sorted(tokens.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_TOKENS]
    return ", ".join(f"{token!r} {math.exp(logprob):.2f}" for token, logprob in ranked)


def _plain(text: str) -> str:
    return text.strip(_ASIDE).casefold()


def _spoken_for(token: str, names: Sequence[str]) -> list[int]:
    return [i for i, name in enumerate(names) if token and name.startswith(token)]
