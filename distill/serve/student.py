"""Which student is meant, and what it takes to serve it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from distill.errors import UserError
from distill.folder import GGUF_FILE
from distill.gguf import GgufError, VocabularyError
from distill.models.llama.process import Served
from distill.runs import find_run
from distill.serve.export import export_student
from distill.students import load
from distill.students.classifier import ABOUT_FILE, MODEL_FILE
from distill.students.lm.trained import LanguageModel

STUDENT = "student"
SHOWN_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A student that can be served.

    Args:
        model: Its id: the beginning of a digest over its weights, so that an answer in the ledger
            is that of these weights and no others.
        served: For the server.
        context_tokens: Longest prompt and reply that it was made for, or `None` for no such limit.
        note: Why it is served otherwise than by llama.cpp, or `None`.
    """

    model: str
    served: Served
    context_tokens: int | None
    note: str | None = None


def find_student(reference: str) -> Path:
    """Return the folder of a student.

    Args:
        reference: The folder itself, a run's folder, or what `distill compare` calls a run.

    Raises:
        UserError: there is no such run, or it trained no student that lies on this machine.
    """
    folder = Path(reference).expanduser()
    for place in (folder, folder / STUDENT):
        if (place / ABOUT_FILE).is_file():
            return place
    with _told_here(), find_run(reference, names=()) as run:
        place = run / STUDENT
        if (place / ABOUT_FILE).is_file():
            return place
        trained = (run / "examples.parquet").is_file()
    raise UserError(
        f"{reference}: no student to serve: "
        + ("the run trained none." if trained else "the run's own folder is not on this machine."),
        hint="a run with student=classifier, sft or another that trains leaves one in student/",
    )


@contextmanager
def _told_here() -> Iterator[None]:
    """Leave out of what is said about runs what this command does not take."""
    try:
        yield
    except UserError as error:
        if "tracking.uri" in (error.hint or ""):
            error.hint = "name the folder that `distill run` printed last, or student/ in it"
        raise


def make_ready(folder: Path) -> Ready:
    """Export a language model where that was not done yet, and say how to serve the student.

    Raises:
        DistillError: it cannot be read or exported.
    """
    student = load(folder)
    if not isinstance(student, LanguageModel):
        digest = _sha256(folder / MODEL_FILE)
        name = f"{STUDENT}-{digest[:SHOWN_DIGITS]}"
        served = Served(display_name=f"distill {type(student).__name__}", student=folder)
        return Ready(model=name, served=served, context_tokens=None)
    called = f"distill {student.about.method or 'base'} of {student.about.base.name}"
    if student.opening or student.answer_after is not None:
        return _by_torch(folder, called, "it reads a prefix, or says more than its answer")
    try:
        about = export_student(student, folder)
    except (GgufError, VocabularyError) as error:
        return _by_torch(folder, called, str(error).splitlines()[0])
    return Ready(
        model=f"{STUDENT}-{_sha256(folder / GGUF_FILE)[:SHOWN_DIGITS]}",
        served=Served(
            display_name=called,
            weights=folder / GGUF_FILE,
            chat=about.chat,
            reply_tokens=student.max_new_tokens,
        ),
        context_tokens=about.context_tokens,
    )


def _by_torch(folder: Path, called: str, why: str) -> Ready:
    digest = _sha256(next(iter(sorted(folder.glob("*.safetensors"))), folder / ABOUT_FILE))
    return Ready(
        model=f"{STUDENT}-{digest[:SHOWN_DIGITS]}",
        served=Served(display_name=called, student=folder),
        context_tokens=None,
        note=f"served by torch, more slowly: {why}",
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
