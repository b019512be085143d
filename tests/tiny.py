"""A language model that fits into a test: two layers, bytes for tokens, weights at random."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from distill.students import Examples

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
END = "<|im_end|>"


def tiny_tokenizer() -> Any:
    """Return a tokenizer of bytes whose padding token is its end token, as SmolLM2's is."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    signs = sorted(pre_tokenizers.ByteLevel.alphabet())
    known = {sign: i for i, sign in enumerate(["<|im_start|>", END, *signs])}
    made = Tokenizer(models.BPE(vocab=known, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(["<|im_start|>", END])
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token="<|im_start|>",
        eos_token=END,
        pad_token=END,
        chat_template=CHAT_TEMPLATE,
    )


def write_tiny(folder: Path) -> Path:
    """Write the model and its tokenizer, the same weights each time, and return the folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = tiny_tokenizer()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return folder


def sums(n: int) -> Examples:
    """Return `n` questions with short answers."""
    return Examples(
        questions=tuple(f"What is {i} plus {i}?" for i in range(n)),
        answers=tuple(f"It is {2 * i}." for i in range(n)),
        real=np.zeros(n, dtype=bool),
    )
