"""The chat template of SmolLM2: ChatML, written out as tokens and texts.

llama.cpp can render the template that the weights carry, but only to a string, in which the
markers of a turn and the same characters quoted inside a text look alike. Kept apart, a seed that
contains `<|im_end|>` stays text and cannot open a turn of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

# Ids in the one file of weights that the digest admits.
IM_START = 1
IM_END = 2

DEFAULT_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"

Piece = int | str


def prompt_pieces(system: str | None, turns: Sequence[tuple[str, str]]) -> list[Piece]:
    """Return the prompt up to where the assistant's words begin: token ids, and texts between.

    Args:
        system: The system prompt; `None` is the one that the template puts in.
        turns: (role, text) in order. A last turn of the assistant's is left open, for the model to
            go on from.
    """
    pieces: list[Piece] = _turn("system", DEFAULT_SYSTEM if system is None else system)
    for role, text in turns:
        pieces += _turn(role, text)
    if turns[-1][0] == "assistant":
        return pieces[:-2]
    return [*pieces, IM_START, "assistant\n"]


def _turn(role: str, text: str) -> list[Piece]:
    return [IM_START, f"{role}\n{text}", IM_END, "\n"]
