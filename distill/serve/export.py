"""A trained language model as one GGUF file beside its weights, written once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from distill.folder import ABOUT_GGUF, GGUF_FILE
from distill.gguf import write_gguf
from distill.gguf.vocabulary import CONTROL, read_vocabulary
from distill.models.llama.template import ChatSettings
from distill.paths import write_text
from distill.students.lm.trained import LanguageModel


class AboutGguf(BaseModel):
    """What is served beside the weights.

    Args:
        chat: How conversations are written.
        context_tokens: Longest that the model was made for, in tokens.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    chat: ChatSettings
    context_tokens: int


def export_student(student: LanguageModel, folder: Path) -> AboutGguf:
    """Write `model.gguf` with the adapter merged into the base; one that is current is kept.

    Args:
        student: Trained, or an untrained base.
        folder: Where it was saved, and where the file goes.

    Raises:
        GgufError: the architecture cannot be written.
        VocabularyError: the tokenizer cannot be written.
        ExtraMissingError: the extra `train` is not installed.
        UserError: the base is not there any more.
    """
    known = _current(folder)
    if known is not None:
        return known
    model, tokenizer = student.load()
    with TemporaryDirectory(prefix="distill-") as scratch:
        model.config.save_pretrained(scratch)
        tokenizer.save_pretrained(scratch)
        vocabulary = read_vocabulary(Path(scratch), size=model.config.vocab_size)
        controls = {
            token: number
            for number, (token, kind) in enumerate(
                zip(vocabulary.tokens, vocabulary.kinds, strict=True)
            )
            if kind == CONTROL
        }
        about = AboutGguf(
            chat=ChatSettings(
                template=vocabulary.template,
                controls=controls,
                end=vocabulary.specials["eos"],
                names={
                    f"{name}_token": vocabulary.tokens[number]
                    for name, number in vocabulary.specials.items()
                },
                system=student.system,
                opening=student.opening,
                answer_after=student.answer_after,
            ),
            context_tokens=model.config.max_position_embeddings,
        )
        # The weights come last: where they are, all is there.
        write_text(folder / ABOUT_GGUF, about.model_dump_json(indent=1) + "\n")
        write_gguf(
            Path(scratch),
            folder / GGUF_FILE,
            name=f"distill {student.about.method or 'base'} {student.about.base.name}",
            tensors=_tensors(model),
        )
    return about


def _current(folder: Path) -> AboutGguf | None:
    """Return what an earlier export says, `None` where there is none or the weights are newer."""
    file = folder / GGUF_FILE
    if not file.is_file():
        return None
    written = file.stat().st_mtime_ns
    if any(path.stat().st_mtime_ns > written for path in folder.glob("*.safetensors")):
        return None
    try:
        return AboutGguf.model_validate_json((folder / ABOUT_GGUF).read_bytes())
    except (OSError, ValidationError):
        return None


def _tensors(model: Any) -> Iterator[tuple[str, Any]]:
    for name, weights in model.state_dict().items():
        yield name, weights.detach().float().cpu().numpy()
