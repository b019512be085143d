"""Conversations as tokens, and which of them are learnt: the answer and its end, nothing else.

Done here and not by the trainer, because what goes wrong in this place is never seen in the loss:
an end that is not learnt makes a student that never stops, a cut answer teaches the same, and a
prompt that is tokenised otherwise than it will be asked teaches another conversation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Message = Mapping[str, str]

# What does not count in the loss, as PyTorch's cross-entropy knows it.
IGNORED = -100
TOO_LONG = "too_long"
SPECIAL_TOKEN = "special_token"  # noqa: S105


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """An example as the trainer takes it.

    Args:
        input_ids: (tokens,) of the whole conversation.
        labels: (tokens,) the same where it is learnt, `IGNORED` elsewhere.
    """

    input_ids: list[int]
    labels: list[int]


def asked(question: str, system: str | None) -> list[dict[str, str]]:
    """Return the conversation that ends with a question."""
    opening = [] if system is None else [{"role": "system", "content": system}]
    return [*opening, {"role": "user", "content": question}]


def prompt_text(tokenizer: Any, prompt: Sequence[Message]) -> str:
    """Return a conversation as the model reads it, up to where its answer begins."""
    text: str = tokenizer.apply_chat_template(
        list(prompt), tokenize=False, add_generation_prompt=True
    )
    return text


def encode(tokenizer: Any, prompt: Sequence[Message], answer: str) -> Encoded:
    """Return a conversation with its answer as tokens.

    Prompt and answer are tokenised apart, so that the prompt is token by token what the model is
    asked later. The answer ends with the end-of-sequence token, where generation stops; what a
    chat template puts after it is left out.

    Args:
        tokenizer: With a chat template.
        prompt: Up to the question.
        answer: What is learnt.
    """
    opening = prompt_text(tokenizer, prompt)
    turn = {"role": "assistant", "content": answer}
    whole: str = tokenizer.apply_chat_template([*prompt, turn], tokenize=False)
    # Some templates write an answer otherwise than they ask for one.
    closing = whole[len(opening) :] if whole.startswith(opening) else answer
    prompt_ids = token_ids(tokenizer, opening)
    answer_ids = token_ids(tokenizer, closing)
    end = tokenizer.eos_token_id
    answer_ids = [*(answer_ids[: answer_ids.index(end)] if end in answer_ids else answer_ids), end]
    return Encoded(
        input_ids=prompt_ids + answer_ids, labels=[IGNORED] * len(prompt_ids) + answer_ids
    )


def token_ids(tokenizer: Any, text: str) -> list[int]:
    """Return the tokens of a text in which the chat template has put all special ones."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def left_out_for(
    tokenizer: Any, prompt: Sequence[Message], answer: str, encoded: Encoded, max_tokens: int
) -> str | None:
    """Return why an example cannot be learnt from, or `None`.

    A text that spells a special token would end the conversation in its middle; one that is too
    long would have to be cut.
    """
    texts = [answer, *(message["content"] for message in prompt)]
    if any(token in text for token in tokenizer.all_special_tokens for text in texts):
        return SPECIAL_TOKEN
    return TOO_LONG if len(encoded.input_ids) > max_tokens else None
