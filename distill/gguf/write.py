"""The weights and what describes them, in one file, whole or not at all."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from distill.errors import ExtraMissingError, UserError
from distill.gguf.vocabulary import Vocabulary, read_vocabulary
from distill.paths import whole_file

Precision = Literal["f32", "f16"]
Weights = NDArray[np.float32]
# llama.cpp's name of an architecture, and whether it rotates pairs of neighbours in a head, where
# transformers rotates halves: the rows of queries and keys are then dealt out anew.
ARCHITECTURES: Mapping[str, tuple[str, bool]] = {
    "LlamaForCausalLM": ("LLAMA", True),
    "Qwen2ForCausalLM": ("QWEN2", False),
    "Qwen3ForCausalLM": ("QWEN3", False),
}
NEEDED = ("gguf", "safetensors", "torch")
CONFIG_FILE = "config.json"
SIZES = (
    "vocab_size",
    "max_position_embeddings",
    "hidden_size",
    "num_hidden_layers",
    "intermediate_size",
    "num_attention_heads",
    "rms_norm_eps",
)


class GgufError(UserError):
    """The model cannot be written as GGUF."""


def write_gguf(
    folder: Path,
    out: Path,
    *,
    name: str,
    precision: Precision = "f16",
    tensors: Iterable[tuple[str, Weights]] | None = None,
) -> None:
    """Write a model folder as one GGUF file.

    Args:
        folder: Holds `config.json`, the tokenizer, and the weights unless they are given.
        out: The file; it takes its place when it is whole.
        name: What the model is called in the file.
        precision: Of the matrices; vectors stay at 32 bits. `f16` answers as `f32` does at twice
            the speed; 8 bits are not offered, since they changed half of a small model's answers.
        tensors: Weights by transformers' names, in place of the folder's.

    Raises:
        GgufError: the architecture is unknown here, or a tensor has no name in it.
        VocabularyError: the tokenizer cannot be written.
        ExtraMissingError: a package is not installed.
    """
    missing = [package for package in NEEDED if importlib.util.find_spec(package) is None]
    if missing:
        raise ExtraMissingError(
            f"gguf: not installed: {', '.join(missing)}.", hint="pip install 'distill[train]'"
        )
    import gguf

    config = _config(folder)
    arch, deals = _architecture(config)
    vocabulary = read_vocabulary(folder, size=config["vocab_size"])
    kind = getattr(gguf.MODEL_ARCH, arch)
    names = gguf.get_tensor_name_map(kind, config["num_hidden_layers"])
    tied = bool(config.get("tie_word_embeddings"))
    given = folder_tensors(folder) if tensors is None else tensors
    with whole_file(out) as draft:
        # Tensors wait in a file of their own until the header is known.
        writer = gguf.GGUFWriter(draft, gguf.MODEL_ARCH_NAMES[kind], use_temp_file=True)
        try:
            writer.add_name(name)
            _describe(writer, config)
            _add_vocabulary(writer, vocabulary)
            writer.add_file_type(gguf.LlamaFileType[_FILE_TYPES[precision]])
            for source, weights in given:
                if tied and source == "lm_head.weight":
                    continue
                target = names.get_name(source, try_suffixes=(".weight", ".bias"))
                if target is None:
                    raise GgufError(f"gguf: the tensor {source} has no place in {arch}.")
                dealt = _dealt(source, weights, config) if deals else weights
                _add(writer, target, dealt, precision)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
        finally:
            writer.close()


def check_exportable(folder: Path) -> None:
    """See that a model folder can be written as GGUF, without reading its weights.

    Raises:
        GgufError: the architecture is unknown here.
        VocabularyError: the tokenizer cannot be written.
    """
    config = _config(folder)
    _architecture(config)
    read_vocabulary(folder, size=config["vocab_size"])


def folder_tensors(folder: Path) -> Iterator[tuple[str, Weights]]:
    """Yield the weights of a model folder, one at a time.

    Raises:
        GgufError: the folder holds none.
    """
    import torch
    from safetensors import safe_open

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise GgufError(f"{folder}: no weights (*.safetensors).")
    for file in files:
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 -- no mapping
                yield name, opened.get_tensor(name).to(torch.float32).numpy()


_FILE_TYPES = {"f32": "ALL_F32", "f16": "MOSTLY_F16"}


def _config(folder: Path) -> dict[str, Any]:
    try:
        told = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GgufError(f"{folder}: {CONFIG_FILE} is missing or damaged.") from error
    if not isinstance(told, dict):
        raise GgufError(f"{folder}: {CONFIG_FILE} is missing or damaged.")
    return told


def _architecture(config: Mapping[str, Any]) -> tuple[str, bool]:
    named = config.get("architectures") or ["nothing"]
    name = named[0] if isinstance(named, list) else named
    if name not in ARCHITECTURES:
        raise GgufError(
            f"gguf: got the architecture {name}, want one of {', '.join(ARCHITECTURES)}.",
            hint="llama.cpp's own convert_hf_to_gguf.py knows more of them",
        )
    absent = [key for key in SIZES if not isinstance(config.get(key), int | float)]
    if absent:
        raise GgufError(f"gguf: {CONFIG_FILE} does not say {', '.join(absent)}.")
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise GgufError(f"gguf: got rotary positions scaled by {kind!r}, want unscaled ones.")
    if config.get("use_sliding_window"):
        raise GgufError("gguf: got sliding-window attention, want full attention.")
    return ARCHITECTURES[name]


def _describe(writer: Any, config: Mapping[str, Any]) -> None:
    heads = config["num_attention_heads"]
    head_dim = config.get("head_dim") or config["hidden_size"] // heads
    rope = config.get("rope_parameters") or {}
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_rope_dimension_count(head_dim)
    writer.add_rope_freq_base(float(rope.get("rope_theta", config.get("rope_theta", 10_000.0))))
    writer.add_layer_norm_rms_eps(float(config["rms_norm_eps"]))


def _add_vocabulary(writer: Any, vocabulary: Vocabulary) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(vocabulary.split)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.kinds)
    writer.add_token_merges(vocabulary.merges)
    # The template writes it where it belongs.
    writer.add_add_bos_token(value=False)
    for name, number in vocabulary.specials.items():
        getattr(writer, f"add_{name}_token_id")(number)
    writer.add_chat_template(vocabulary.template)


def _dealt(source: str, weights: Weights, config: Mapping[str, Any]) -> Weights:
    """Return weights with the rows of queries and keys in llama.cpp's order.

    A head's rows are two halves that are rotated together, row i of the one with row i of the
    other; there, they are neighbours.
    """
    heads = config["num_attention_heads"]
    if ".k_proj." in source:
        heads = config.get("num_key_value_heads") or heads
    elif ".q_proj." not in source:
        return weights
    halves = weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:])
    return halves.swapaxes(1, 2).reshape(weights.shape)


def _add(writer: Any, name: str, weights: Weights, precision: Precision) -> None:
    if weights.ndim < 2 or precision == "f32":
        writer.add_tensor(name, np.ascontiguousarray(weights, dtype=np.float32))
        return
    writer.add_tensor(name, np.ascontiguousarray(weights, dtype=np.float16))
