"""What a teacher with weights would say at each token of the answers: asked once, and kept.

A pass of its own, so that teacher and student need not fit into memory together, and so that a
second student, another learning rate or a resumed training costs the teacher nothing. Of each
distribution the likeliest tokens are kept and the mass of all others: 6 bytes a token kept, where
the whole distribution takes 2 or 4 bytes a token of the vocabulary.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distill.errors import UserError
from distill.students.classifier import TrainingError
from distill.students.lm.base import bases_folder, identify, load_tokenizer, load_weights, resolve
from distill.students.lm.encoding import IGNORED
from distill.students.lm.tuning import TRAIN, VALIDATION, encoded_rows, prepare_torch
from distill.students.lm.vocabulary import check_same
from distill.students.lm.worker import Stopped, Work

ABOUT_FILE = "targets.json"
IDS, LOGS, TAIL, SAID, STARTS = "ids", "logs", "tail", "said", "starts"
PROBE, PROBE_AT = "probe", "probe_at"
PARTS = (IDS, LOGS, TAIL, SAID, STARTS, PROBE, PROBE_AT)
# Positions whose whole distribution is kept, to measure what the others lack.
PROBES = 64
# Of all other tokens together; what rounds to nothing would make a reverse divergence infinite.
LEAST_TAIL = 1e-7


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The teacher's distributions, position by position, over all answers in their order.

    Args:
        ids: (positions, kept) tokens, the likeliest first; int32.
        logs: (positions, kept) their log-probabilities at the temperature; float16.
        tail: (positions,) the log-probability of all others; float32; minus infinity where the
            whole vocabulary is kept.
        said: (positions,) the token that the answer has there; int32.
        starts: (answers + 1,) where each answer begins, and the end.
        probe: (some positions, vocabulary) whole distributions in logs; float32.
        probe_at: (some positions,) which positions these are.
        width: Tokens of the vocabulary.
    """

    ids: NDArray[np.int32]
    logs: NDArray[np.float16]
    tail: NDArray[np.float32]
    said: NDArray[np.int32]
    starts: NDArray[np.int64]
    probe: NDArray[np.float32]
    probe_at: NDArray[np.int64]
    width: int

    def of(self, answer: int) -> slice:
        """Return the positions of one answer."""
        return slice(int(self.starts[answer]), int(self.starts[answer + 1]))


def train(work: Work) -> None:
    """Ask the teacher, which is the job's base, and write `Targets`.

    Rows and tokens are those that the student will see: its tokenizer and chat template.

    Raises:
        UserError: the vocabularies differ.
        TrainingError: no example is left.
        Stopped: it was told to stop; it begins anew the next time.
    """
    import torch

    settings = work.job.settings
    prepare_torch(settings, work.job.seed)
    student = resolve(identify(settings["student"]), bases_folder(work.job.folder.parent))
    tokenizer = load_tokenizer(student)
    width = check_same(load_tokenizer(work.base).get_vocab(), tokenizer.get_vocab())
    rows = [row for name in (TRAIN, VALIDATION) for row in encoded_rows(work, tokenizer, name)]
    if not rows:
        raise TrainingError("student: no example is left for the teacher to look at.")
    model = load_weights(work.base).to(_device(settings["device"])).eval()
    if model.config.vocab_size < width:
        raise UserError(
            f"student.teacher: it knows {model.config.vocab_size} tokens and its tokenizer {width}."
        )
    kept = min(settings["top_k"] or width, width)
    draft = _Draft(counts=[len(learnt(row)) for row in rows], kept=kept, width=width)
    for at, row in enumerate(rows):
        ids = torch.tensor([row["input_ids"]]).to(model.device)
        with torch.inference_mode():
            logits = model(input_ids=ids).logits[0, :, :width].float()
        logs = torch.log_softmax(
            logits[np.array(learnt(row)) - 1] / settings["temperature"], dim=-1
        )
        draft.add(at, logs.cpu(), [row["labels"][i] for i in learnt(row)])
        work.at(at + 1, len(rows), "the teacher's distributions")
        if work.stopping.is_set():
            raise Stopped
    work.figures |= draft.write(work.draft) | {"examples": len(rows)}


def learnt(row: dict[str, list[int]]) -> list[int]:
    """Return the places of a row's tokens that are learnt."""
    return [i for i, label in enumerate(row["labels"]) if label != IGNORED]


class _Draft:
    """Targets as they are filled."""

    def __init__(self, *, counts: Sequence[int], kept: int, width: int) -> None:
        total = sum(counts)
        self.width = width
        self.parts: dict[str, NDArray[Any]] = {
            IDS: np.zeros((total, kept), dtype=np.int32),
            LOGS: np.zeros((total, kept), dtype=np.float16),
            TAIL: np.zeros(total, dtype=np.float32),
            SAID: np.zeros(total, dtype=np.int32),
            STARTS: np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        }
        probes = np.unique(np.linspace(0, total - 1, min(PROBES, total)).round().astype(np.int64))
        self.parts[PROBE_AT] = probes
        self.parts[PROBE] = np.zeros((len(probes), width), dtype=np.float32)

    def add(self, row: int, logs: Any, said: Sequence[int]) -> None:
        """Fill in one answer: `logs`, (positions, vocabulary), and the tokens that it has."""
        import torch

        start, end = self.parts[STARTS][row : row + 2]
        kept = self.parts[IDS].shape[1]
        top = torch.topk(logs, kept, dim=-1)
        self.parts[IDS][start:end] = top.indices.numpy()
        self.parts[LOGS][start:end] = top.values.numpy()
        self.parts[SAID][start:end] = said
        if kept == self.width:
            self.parts[TAIL][start:end] = -np.inf
        else:
            rest = 1 - top.values.double().exp().sum(dim=-1).numpy()
            self.parts[TAIL][start:end] = np.log(np.maximum(rest, LEAST_TAIL))
        for at, position in enumerate(self.parts[PROBE_AT]):
            if start <= position < end:
                self.parts[PROBE][at] = logs[position - start].numpy()

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the parts with their digests, and return the figures to tell."""
        for name, values in self.parts.items():
            np.save(folder / f"{name}.npy", values, allow_pickle=False)
        about = {
            "width": self.width,
            "sha256": {name: _sha256(folder / f"{name}.npy") for name in PARTS},
        }
        (folder / ABOUT_FILE).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        mass = np.exp(self.parts[TAIL].astype(np.float64))
        return {
            "positions": len(mass),
            "kept": int(self.parts[IDS].shape[1]),
            "vocabulary": self.width,
            "bytes_a_position": sum(self.parts[n].nbytes for n in (IDS, LOGS, TAIL)) / len(mass),
            "tail_mass_mean": float(mass.mean()),
            "tail_mass_max": float(mass.max()),
        }


def read_targets(folder: Path) -> Targets:
    """Read what a teacher's pass left; large files are mapped, not loaded.

    Raises:
        UserError: a file is missing, or is not what was written.
    """
    try:
        about = json.loads((folder / ABOUT_FILE).read_text(encoding="utf-8"))
        for name in PARTS:
            if _sha256(folder / f"{name}.npy") != about["sha256"][name]:
                raise ValueError(f"{name}.npy is not what was written")
        parts = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in PARTS}
        return Targets(**parts, width=int(about["width"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{folder}: the teacher's distributions are damaged ({error}).",
            hint="remove the folder and run again: the teacher is asked anew",
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _device(name: str) -> str:
    import torch

    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
