"""A tokenizer as GGUF holds it: out of `tokenizer.json`, byte-level BPE alone.

llama.cpp does not read how a tokenizer splits a text before it merges; it knows ways to split by
name. So only those splits are taken that have a name there, told apart by what `tokenizer.json`
says, and every other one is refused: it would serve another tokenization than was trained on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.errors import UserError

# Token types of GGUF.
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
# How texts are split before merging: llama.cpp's name by the regular expression.
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
SPLITS = {LLAMA3: "llama-bpe", QWEN2: "qwen2"}
SUPPORTED = "byte-level BPE split as by GPT-2, SmolLM, Llama 3 or Qwen 2"


class VocabularyError(UserError):
    """The tokenizer cannot be written as GGUF."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """A tokenizer.

    Args:
        split: llama.cpp's name of how texts are split before merging.
        tokens: (vocabulary,) by id.
        kinds: (vocabulary,) GGUF's token types.
        merges: Pairs in their order of rank, as `left right`.
        specials: Ids of `bos`, `eos`, `unk` and `pad`, those that there are.
        template: The chat template.
    """

    split: str
    tokens: list[str]
    kinds: list[int]
    merges: list[str]
    specials: Mapping[str, int]
    template: str


def read_vocabulary(folder: Path, *, size: int) -> Vocabulary:
    """Read the tokenizer of a model folder.

    Args:
        folder: Holds `tokenizer.json`, `tokenizer_config.json` and a chat template.
        size: Rows of the embedding, >= the tokens; what is missing is filled with unused ones.

    Raises:
        VocabularyError: a file is missing or damaged, or llama.cpp has no such tokenizer.
    """
    told = _read(folder / "tokenizer.json")
    config = _read(folder / "tokenizer_config.json")
    try:
        model, added = told["model"], told["added_tokens"]
        split = _split(told)
        by_id: dict[int, str] = {at: token for token, at in model["vocab"].items()}
        kinds = dict.fromkeys(by_id, NORMAL)
        for one in added:
            by_id[one["id"]] = one["content"]
            kinds[one["id"]] = CONTROL if one["special"] else USER_DEFINED
        merges = [one if isinstance(one, str) else " ".join(one) for one in model["merges"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise VocabularyError(f"gguf: tokenizer.json is damaged ({error!r}).") from error
    if not merges:
        raise VocabularyError("gguf: the tokenizer has no merges, which llama.cpp asks for.")
    if max(by_id) >= size:
        raise VocabularyError(f"gguf: got {max(by_id) + 1} tokens, want {size} as the model has.")
    at = {token: number for number, token in by_id.items()}
    specials = {
        name: at[token]
        for name in ("bos", "eos", "unk", "pad")
        if (token := _text(config.get(f"{name}_token"))) in at
    }
    if "eos" not in specials:
        raise VocabularyError("gguf: the tokenizer names no token that ends a reply.")
    return Vocabulary(
        split=split,
        tokens=[by_id.get(number, f"[PAD{number}]") for number in range(size)],
        kinds=[kinds.get(number, UNUSED) for number in range(size)],
        merges=merges,
        specials=specials,
        template=_template(folder, config),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise VocabularyError(f"{path}: missing or damaged.") from error
    if not isinstance(told, dict):
        raise VocabularyError(f"{path}: missing or damaged.")
    return told


def _split(told: Mapping[str, Any]) -> str:
    model, before = told["model"], told["pre_tokenizer"] or {}
    steps = before["pretokenizers"] if before.get("type") == "Sequence" else [before]
    kinds = [step.get("type") for step in steps]
    plain = not told.get("normalizer") or told["normalizer"]["type"] == "NFC"
    if model.get("type") == "BPE" and plain and not model.get("byte_fallback"):
        if kinds == ["ByteLevel"] and _alone(steps[0]):
            return "gpt-2"
        digits = kinds == ["Digits", "ByteLevel"] and steps[0]["individual_digits"]
        if digits and _alone(steps[1]):
            return "smollm"
        if kinds == ["Split", "ByteLevel"] and not steps[1].get("use_regex", True):
            name = SPLITS.get(steps[0]["pattern"].get("Regex", ""))
            if name is not None and not steps[1].get("add_prefix_space"):
                return name
    raise VocabularyError(
        f"gguf: the tokenizer is none that can be exported: want {SUPPORTED}.",
        hint="llama.cpp's own convert_hf_to_gguf.py knows more of them",
    )


def _alone(step: Mapping[str, Any]) -> bool:
    """Say whether a byte-level step splits by itself, as GPT-2 does."""
    return bool(step.get("use_regex", True)) and not step.get("add_prefix_space")


def _template(folder: Path, config: Mapping[str, Any]) -> str:
    file = folder / "chat_template.jinja"
    template = file.read_text(encoding="utf-8") if file.is_file() else config.get("chat_template")
    if not isinstance(template, str):
        raise VocabularyError(
            "gguf: the tokenizer has no chat template.",
            hint="train an instruction-tuned base, or save its tokenizer beside it",
        )
    return template


def _text(token: Any) -> Any:
    """Return a token's text; some files write it as a mapping."""
    return token.get("content") if isinstance(token, dict) else token
