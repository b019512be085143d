"""A conversation a line, with the two answers apart where there are two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from distill.handovers.dataset import Dataset, assistant


def messages_and_pair(dataset: Dataset) -> Iterator[Mapping[str, Any]]:
    """Yield `{"messages": …}`, or the prompt's messages with `chosen` and `rejected` turns."""
    for example in dataset.examples():
        if example.rejected is None:
            yield {"messages": example.messages}
        else:
            yield {
                "messages": list(example.prompt),
                "chosen": assistant(example.answer),
                "rejected": assistant(example.rejected),
            }


def messages_or_preference(dataset: Dataset) -> Iterator[Mapping[str, Any]]:
    """Yield `{"messages": …}`, or the pairs as OpenAI and Together write them."""
    for example in dataset.examples():
        if example.rejected is None:
            yield {"messages": example.messages}
        else:
            yield {
                "input": {"messages": list(example.prompt)},
                "preferred_output": [assistant(example.answer)],
                "non_preferred_output": [assistant(example.rejected)],
            }
