"""Scoring labels by constrained decoding: a probability for every label, one query where possible.

Each label is a path of tokens closed by the end-of-turn token, so that a label which begins
another one is still a path of its own. At every fork the model's next-token probabilities are
renormalised over the branches, and a label's score is the sum of the logs along its path: the
probability that a model which may write nothing but the labels writes this one. The scores sum to
one over the labels by construction. A stretch without a fork is certain and asks nothing of the
model; labels that differ in their first token cost one query in all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

NextLogprobs = Callable[[Sequence[int], Sequence[int]], Awaitable[Mapping[int, float]]]


class SameTokensError(Exception):
    """Two labels are written with the same tokens, so no probability tells them apart."""

    def __init__(self, label: str, other: str) -> None:
        super().__init__(f"{label!r} and {other!r} are the same tokens")


@dataclass
class Fork:
    """A node of the trie of labels.

    Args:
        branches: The nodes that follow, by token.
        label: The label that ends here, or `None` inside a path.
    """

    branches: dict[int, Fork] = field(default_factory=dict)
    label: str | None = None


def grow(paths: Mapping[str, Sequence[int]], *, end: int) -> Fork:
    """Return the trie of the labels.

    Args:
        paths: Token ids by label.
        end: The token that closes every label; in none of the paths.

    Raises:
        SameTokensError: two labels are written with the same tokens.
    """
    root = Fork()
    for label, tokens in paths.items():
        node = root
        for token in (*tokens, end):
            node = node.branches.setdefault(token, Fork())
        if node.label is not None:
            raise SameTokensError(node.label, label)
        node.label = label
    return root


async def score(root: Fork, next_logprobs: NextLogprobs) -> dict[str, float]:
    """Return the natural-log probability of every label, normalised over the labels.

    Args:
        root: The trie.
        next_logprobs: Given the tokens written so far and the tokens allowed next (two or more),
            gives the log-probabilities of the latter, normalised over them.
    """
    scores: dict[str, float] = {}

    async def walk(node: Fork, path: tuple[int, ...], logprob: float) -> None:
        if node.label is not None:
            scores[node.label] = logprob
        if len(node.branches) > 1:
            steps = await next_logprobs(path, tuple(node.branches))
        else:
            steps = dict.fromkeys(node.branches, 0.0)
        for token, child in node.branches.items():
            await walk(child, (*path, token), logprob + steps[token])

    await walk(root, (), 0.0)
    return scores
