"""The model that a student is tuned from: found, identified, and made ready once.

`embedded` is the model that travels in an installed package, as the embedded teacher does. It is
stored quantised, in a format that cannot be trained; it is turned into plain 32-bit weights once,
which takes most of a minute, and kept.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distill.errors import ExtraMissingError, UserError
from distill.models.llama.weights import MODEL_ID, SHA256, find_weights

EMBEDDED = "embedded"
NEEDED = ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "gguf")
BASE_HINT = "student.base=embedded needs no download"
INSTALL_HINT = "pip install 'distill[train]'"
# What shapes a model's answers; other files of its folder do not.
WEIGHED = ("*.safetensors", "*.bin", "*.json", "*.jinja", "*.model", "*.txt")
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")


@dataclass(frozen=True, kw_only=True)
class Base:
    """A model to tune.

    Args:
        name: As configured: `embedded`, a folder or a hub name.
        sha256: Of its weights, tokenizer and settings, 64 hex digits; of the packaged file where
            it is embedded.
        source: The folder, or the packaged file.
    """

    name: str
    sha256: str
    source: Path


def model_id(name: str) -> str:
    """Return the id of a base as lineage knows it."""
    return MODEL_ID if name == EMBEDDED else name


def bases_folder(work: Path) -> Path:
    """Return where converted bases are kept below the folder of trainings."""
    return work / "bases"


def require_training() -> None:
    """See that the extra `train` is installed, without importing it.

    Raises:
        ExtraMissingError: a package is missing.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ExtraMissingError(
            f"student: not installed: {', '.join(missing)}; a language model needs them to be "
            "trained and to answer.",
            hint=INSTALL_HINT,
        )


def identify(name: str) -> Base:
    """Find a base and take its digest; nothing is loaded or converted.

    Args:
        name: `embedded`; a folder (anything with a separator, or that exists); else a hub name,
            `owner/name` or `owner/name@revision`, which may be downloaded.

    Raises:
        ModelError: the embedded weights are missing or others.
        UserError: there is no such model, or its folder holds none.
    """
    if name == EMBEDDED:
        return Base(name=name, sha256=SHA256, source=find_weights())
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if name.startswith((".", "~", "/")):
            raise UserError(
                f"student.base: got {name!r}, want a folder that exists.", hint=BASE_HINT
            )
        folder = _from_hub(name)
    if not (folder / "config.json").is_file() or not list(folder.glob("*.safetensors")):
        raise UserError(
            f"student.base: got {name!r}, want a folder with config.json and *.safetensors.",
            hint=BASE_HINT,
        )
    return Base(name=name, sha256=_digest(folder), source=folder)


def resolve(base: Base, kept: Path) -> Path:
    """Return a folder with the base's weights, tokenizer and chat template.

    Args:
        base: As `identify` returns it.
        kept: Where the embedded model is kept once it is converted; made if it is missing.

    Raises:
        UserError: the folder for it cannot be written.
    """
    if base.name != EMBEDDED:
        return base.source
    folder = kept / f"{MODEL_ID}-{base.sha256[:12]}"
    if (folder / "config.json").is_file():
        return folder
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        draft.mkdir(parents=True, exist_ok=True)
        _convert(base.source, draft)
        try:
            draft.rename(folder)
        except OSError:
            if not folder.is_dir():  # another process was faster: its copy is the same
                raise
    except OSError as error:
        raise UserError(
            f"student.work: got {str(kept)!r}, want a folder that can be written "
            f"({error.strerror})."
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of a model's folder.

    Raises:
        UserError: it cannot be read, or has no chat template.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder))
    except (OSError, ValueError) as error:
        raise UserError(f"student.base: no tokenizer in {folder} ({error}).") from error
    if not tokenizer.chat_template:
        raise UserError(
            f"student.base: the tokenizer in {folder} has no chat template.",
            hint="choose an instruct model, whose tokenizer says how a conversation is written",
        )
    return tokenizer


def load_weights(folder: Path) -> Any:
    """Return the model of a folder, in 32-bit floats, on the CPU.

    Raises:
        UserError: it cannot be read.
    """
    import torch
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise UserError(f"student.base: no language model in {folder} ({error}).") from error


def choose_device(name: str) -> str:
    """Return the device that a setting means: `auto` is a GPU where there is one."""
    import torch

    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _convert(weights: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    stored = {"gguf_file": weights.name}
    model: Any = AutoModelForCausalLM.from_pretrained(
        str(weights.parent), dtype=torch.float32, **stored
    )
    # The library refuses to save what it takes for quantised; these weights are so no more.
    model.hf_quantizer = None
    model.is_quantized = False
    model.config.__dict__.pop("quantization_config", None)
    model.save_pretrained(str(folder))
    AutoTokenizer.from_pretrained(str(weights.parent), **stored).save_pretrained(str(folder))


def _from_hub(name: str) -> Path:
    require_training()
    from huggingface_hub import snapshot_download

    repository, _, revision = name.partition("@")
    try:
        found = snapshot_download(repository, revision=revision or None, allow_patterns=WEIGHED)
    # The library has many errors of its own for what is one thing here: it is not to be had.
    except Exception as error:
        raise UserError(
            f"student.base: got {name!r}, want embedded, a folder, or a model that can be "
            f"downloaded ({str(error).splitlines()[0]}).",
            hint="offline, name a folder with config.json, *.safetensors and a tokenizer",
        ) from error
    return Path(found)


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in _weighed(folder):
        with path.open("rb") as file:
            total.update(
                f"{path.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode()
            )
    return total.hexdigest()


def _weighed(folder: Path) -> Iterator[Path]:
    yield from sorted({path for pattern in WEIGHED for path in folder.glob(pattern)})
