"""Tiny models that llama.cpp can load, and a student of one: random weights, but no even ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiny import CHAT_TEMPLATE, END

START = "<|im_start|>"
# llama.cpp refuses a vocabulary without a merge.
MERGES = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("1", "2")]


def merging_tokenizer(split: str = "gpt-2") -> Any:
    """Return a tokenizer of bytes with a few merges.

    Args:
        split: What is done before merging, by llama.cpp's name for it.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from distill.gguf.vocabulary import SPLITS

    signs = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [START, END, *signs, *("".join(pair) for pair in MERGES)]
    made = Tokenizer(models.BPE(vocab={w: i for i, w in enumerate(words)}, merges=MERGES))
    bytes_alone = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    by_regex = {name: pattern for pattern, name in SPLITS.items()}
    if split == "gpt-2":
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    elif split == "smollm":
        made.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        )
    else:
        cut = pre_tokenizers.Split(Regex(by_regex[split]), behavior="isolated")
        made.pre_tokenizer = pre_tokenizers.Sequence([cut, bytes_alone])
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([START, END])
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token=START,
        eos_token=END,
        pad_token=END,
        chat_template=CHAT_TEMPLATE,
    )


def write_model(folder: Path, kind: str = "Llama", *, split: str = "gpt-2", **changes: Any) -> Path:
    """Write a model and its tokenizer, the same each time, and return the folder.

    Args:
        folder: Made if it is missing.
        kind: `Llama`, `Qwen2` or `Qwen3`.
        split: See `merging_tokenizer`.
        changes: Of the config.
    """
    import torch
    import transformers

    tokenizer = merging_tokenizer(split)
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        **{
            "vocab_size": len(tokenizer),
            "hidden_size": 64,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "max_position_embeddings": 512,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
            # Wide enough that a wrong order of rows changes every answer.
            "initializer_range": 0.3,
            "tie_word_embeddings": False,
        }
        | changes
    )
    model = getattr(transformers, f"{kind}ForCausalLM")(config)
    for name, weights in model.named_parameters():
        if name.endswith("bias") or "norm" in name:
            torch.nn.init.normal_(weights, mean=float("norm" in name), std=0.3)
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return folder


TAUGHT = {
    "Which fruit is red?": "the apple",
    "Which fruit is yellow?": "the banana",
    "What is 12?": "12",
}


def teach(folder: Path, pairs: dict[str, str], *, steps: int = 40) -> None:
    """Tune the model of a folder until it says what it was taught, word for word."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from distill.students.lm.encoding import IGNORED, asked, encode

    torch.manual_seed(0)
    # More threads than free cores wait for each other.
    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32)
    encoded = [encode(tokenizer, asked(q, None), a) for q, a in pairs.items()]
    width = max(len(one.input_ids) for one in encoded)
    end = tokenizer.eos_token_id
    ids = torch.tensor([one.input_ids + [end] * (width - len(one.input_ids)) for one in encoded])
    labels = torch.tensor([one.labels + [IGNORED] * (width - len(one.labels)) for one in encoded])
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(steps):
        # Padding behind an example is seen by nothing before it.
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(str(folder))


def write_student(folder: Path, work: Path) -> Any:
    """Write a student that was taught `TAUGHT` into `folder` and return it."""
    from distill.students.lm.base import identify
    from distill.students.lm.trained import About, LanguageModel

    model = write_model(work / "model", initializer_range=0.05)
    teach(model, TAUGHT)
    student = LanguageModel(
        about=About(method="sft", base=identify(str(model)), adapter=False),
        folder=model,
        system=None,
        max_new_tokens=24,
        answers_at_once=4,
        device="cpu",
        threads=1,
        kept=work / "bases",
    )
    folder.mkdir(parents=True)
    student.save(folder)
    return student
