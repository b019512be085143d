"""What llama.cpp makes of an exported model, beside what transformers makes of the same."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import secrets
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from served import merging_tokenizer, write_model
from tiny import write_tiny

from distill.errors import UserError
from distill.gguf import GgufError, VocabularyError, check_exportable, write_gguf
from distill.gguf.vocabulary import read_vocabulary
from distill.models.llama.backend import Connection, EngineSettings, start_server
from distill.students.lm.base import identify
from distill.students.lm.trained import About, LanguageModel
from distill.tracking.student import folder_sha256

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("xllamacpp", "torch", "gguf")),
    reason="the extras `local` and `train` are not installed",
)

TEXTS = ("the 12 thes 1212", "Ünïcode 雪 🙂  don't\n\n  stop", "x")
# llama.cpp keeps keys and values at 16 bits; rows in a wrong order are off by whole units.
TOLERANCE = 0.05


def asked(weights: Path, bodies: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return llama.cpp's answers to (path, body)."""
    key = secrets.token_hex(8)
    settings = EngineSettings(weights=weights, workers=1, slots=1, context_tokens=256)
    server = start_server(settings, key)

    async def all_of_them() -> list[dict[str, Any]]:
        async with Connection(key) as connection:
            return [
                await connection.post(server.listening_address + path, body)
                for path, body in bodies
            ]

    return asyncio.run(all_of_them())


def their_logprobs(folder: Path, texts: tuple[str, ...]) -> list[tuple[list[int], Any]]:
    """Return token ids and (vocabulary,) log-probabilities of the next token, of transformers."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32).eval()
    found = []
    for text in texts:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            logits = model(torch.tensor([ids])).logits[0, -1]
        found.append((list(ids), torch.log_softmax(logits, -1).numpy()))
    return found


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        pytest.param("Llama", {}, id="llama"),
        pytest.param("Llama", {"tie_word_embeddings": True}, id="llama_tied"),
        pytest.param("Llama", {"num_key_value_heads": 4, "rope_theta": 100000.0}, id="llama_mha"),
        pytest.param("Qwen2", {"split": "qwen2"}, id="qwen2"),
        pytest.param("Qwen3", {"split": "qwen2", "head_dim": 32}, id="qwen3_wide_heads"),
    ],
)
def test_llama_cpp_gives_every_token_the_probability_that_transformers_gives_it(
    kind: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    folder = write_model(tmp_path / "model", kind, **changes)
    write_gguf(folder, tmp_path / "model.gguf", name="tiny", precision="f32")
    theirs = their_logprobs(folder, TEXTS)
    size = len(theirs[0][1])
    body = {"n_predict": 1, "n_probs": size, "samplers": ["temperature"], "temperature": 1.0}
    # Half a sign would not be told of; the bias falls on what is drawn, not on what is told.
    (letter,) = merging_tokenizer().encode("x", add_special_tokens=False)
    body["logit_bias"] = [[letter, 100.0]]
    tokenised = [("/tokenize", {"content": text, "add_special": False}) for text in TEXTS]
    scored = [("/completion", {"prompt": ids, **body}) for ids, _ in theirs]
    answers = asked(tmp_path / "model.gguf", [*tokenised, *scored])

    for (ids, logprobs), tokens, answer in zip(theirs, answers[:3], answers[3:], strict=True):
        assert tokens["tokens"] == ids
        told = answer["completion_probabilities"][0]["top_logprobs"]
        assert len(told) == size
        ours = {one["id"]: one["logprob"] for one in told}
        worst = max(abs(ours[i] - logprobs[i]) for i in range(size))
        assert worst < TOLERANCE
        assert float(np.ptp(logprobs)) > 3  # no even distribution, which any weights would give


@pytest.mark.parametrize("split", ["gpt-2", "smollm", "llama-bpe", "qwen2"])
def test_texts_are_split_as_the_tokenizer_splits_them(split: str, tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", split=split)
    write_gguf(folder, tmp_path / "model.gguf", name="tiny")
    theirs = [ids for ids, _ in their_logprobs(folder, TEXTS)]
    bodies = [("/tokenize", {"content": text, "add_special": False}) for text in TEXTS]

    assert read_vocabulary(folder, size=512).split == split
    assert [answer["tokens"] for answer in asked(tmp_path / "model.gguf", bodies)] == theirs


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    for name in ("a.gguf", "b.gguf"):
        write_gguf(folder, tmp_path / name, name="tiny")
    assert (tmp_path / "a.gguf").read_bytes() == (tmp_path / "b.gguf").read_bytes()


def edited(folder: Path, file: str, **changes: Any) -> None:
    path = folder / file
    told = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(told | changes), encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architectures": ["MambaForCausalLM"]}, "got the architecture MambaForCausalLM"),
        ({"architectures": None}, "got the architecture nothing"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1.0}}, "scaled by 'yarn'"),
        ({"use_sliding_window": True}, "sliding-window"),
        ({"hidden_size": None, "vocab_size": "x"}, "does not say vocab_size, hidden_size"),
    ],
)
def test_what_llama_cpp_would_compute_otherwise_is_refused_and_leaves_no_file(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    folder = write_model(tmp_path / "model")
    edited(folder, "config.json", **changes)
    with pytest.raises(GgufError, match=said):
        write_gguf(folder, tmp_path / "out" / "model.gguf", name="tiny")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("file", "changes", "said"),
    [
        ("tokenizer.json", {"pre_tokenizer": {"type": "Whitespace"}}, "none that can be exported"),
        ("tokenizer.json", {"pre_tokenizer": None}, "none that can be exported"),
        ("tokenizer.json", {"normalizer": {"type": "Lowercase"}}, "none that can be exported"),
        ("tokenizer.json", {"model": []}, "damaged"),
        ("tokenizer_config.json", {"eos_token": "no such token"}, "no token that ends a reply"),
    ],
)
def test_a_tokenizer_that_llama_cpp_lacks_is_refused(
    file: str, changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    folder = write_model(tmp_path / "model")
    edited(folder, file, **changes)
    with pytest.raises(VocabularyError, match=said):
        read_vocabulary(folder, size=512)


def test_a_folder_without_weights_config_or_template_is_told_so(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match="no chat template"):
        write_gguf(folder, tmp_path / "x.gguf", name="tiny")
    folder = write_model(tmp_path / "model")
    (folder / "model.safetensors").unlink()
    with pytest.raises(GgufError, match="no weights"):
        write_gguf(folder, tmp_path / "x.gguf", name="tiny")
    (folder / "config.json").write_text("[]", encoding="utf-8")
    with pytest.raises(GgufError, match=r"config.json is missing or damaged"):
        write_gguf(folder, tmp_path / "x.gguf", name="tiny")
    assert not list(tmp_path.glob("*.gguf")) + list(tmp_path.glob(".*.part"))


def test_a_student_that_asks_for_it_is_saved_as_gguf_too_and_is_no_other_for_it(
    tmp_path: Path,
) -> None:
    model = write_model(tmp_path / "model")
    digests = []
    for name, gguf in (("plain", False), ("both", True)):
        student = LanguageModel(
            about=About(method="sft", base=identify(str(model)), adapter=False),
            folder=model,
            system=None,
            max_new_tokens=8,
            answers_at_once=1,
            device="cpu",
            threads=1,
            kept=tmp_path,
            gguf=gguf,
        )
        (tmp_path / name).mkdir()
        student.save(tmp_path / name)
        assert (tmp_path / name / "model.gguf").exists() == gguf
        digests.append(folder_sha256(tmp_path / name))
    assert digests[0] == digests[1]


def test_a_base_that_could_not_be_exported_is_told_before_it_is_trained(tmp_path: Path) -> None:
    check_exportable(write_model(tmp_path / "good"))
    bad = write_model(tmp_path / "bad")
    edited(bad, "tokenizer.json", pre_tokenizer=None)
    with pytest.raises(VocabularyError):
        check_exportable(bad)
    # Bytes alone, without a merge: llama.cpp has no such vocabulary.
    with pytest.raises(VocabularyError, match="merges"):
        check_exportable(write_tiny(tmp_path / "tiny"))
