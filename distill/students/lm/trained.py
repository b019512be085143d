"""A language model that answers: a tuned one, or the base that it was tuned from."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distill.errors import UserError
from distill.paths import write_text
from distill.students.lm.base import (
    Base,
    choose_device,
    identify,
    load_tokenizer,
    load_weights,
    require_training,
    resolve,
)
from distill.students.lm.encoding import IGNORED, asked, encode, prompt_text, token_ids

KIND = "language_model"
# As `students.saved` knows it.
ABOUT_FILE = "student.json"
SPARE_FILES = frozenset({"training_args.bin"})
KEPT_BASES = Path("outputs") / "training" / "bases"


@dataclass(frozen=True, kw_only=True)
class About:
    """What a model is.

    Args:
        method: How it was tuned, such as `sft`; `None` for an untrained base.
        base: What it was tuned from.
        adapter: Whether its weights are an adapter, which needs the base to answer.
    """

    method: str | None
    base: Base
    adapter: bool


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """A model that answers through its chat template, the likeliest token each time.

    Args:
        about: What it is.
        folder: Its own weights; `None` answers as the base does.
        system: System prompt that it was tuned with, or `None`.
        max_new_tokens: Longest answer, in tokens; a longer one is cut.
        answers_at_once: Questions that are answered at once.
        device: `auto` takes a GPU where there is one.
        threads: Of the CPU, or `None` for the library's own choice.
        kept: Where the embedded base is kept once it is converted.
        gguf: Whether `save` writes it for llama.cpp too.
        opening: What it was tuned to see before every question, or "".
        answer_after: Text after whose last occurrence the answer stands, or `None` where all that
            it says is the answer.
    """

    about: About
    folder: Path | None
    system: str | None
    max_new_tokens: int
    answers_at_once: int
    device: str
    threads: int | None
    kept: Path
    gguf: bool = False
    opening: str = ""
    answer_after: str | None = None
    _loaded: list[tuple[Any, Any]] = field(default_factory=list, repr=False, compare=False)

    def answer(self, questions: Sequence[str]) -> list[str]:
        """Return one answer a question, in their order.

        Raises:
            ExtraMissingError: the extra `train` is not installed.
            UserError: the base is not there any more, or is another.
        """
        if not questions:
            return []
        from rich.console import Console

        from distill.progress import Progress

        model, tokenizer = self.load()
        texts = [prompt_text(tokenizer, self._asked(question)) for question in questions]
        prompts = [token_ids(tokenizer, text) for text in texts]
        answers = [""] * len(prompts)
        progress = Progress(Console(stderr=True))
        # Prompts of one length waste nothing.
        order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
        with progress.steps(self.about.method or "base") as show:
            for start in range(0, len(order), self.answers_at_once):
                batch = order[start : start + self.answers_at_once]
                made = self._generate(model, tokenizer, [prompts[i] for i in batch])
                for i, text in zip(batch, made, strict=True):
                    answers[i] = text
                show(start + len(batch), len(order), "answers")
        return answers

    def _generate(self, model: Any, tokenizer: Any, rows: Sequence[list[int]]) -> list[str]:
        """Return the answers to prompts, (questions, tokens), padded on their left."""
        import torch

        width = max(len(row) for row in rows)
        end, padding = tokenizer.eos_token_id, tokenizer.pad_token_id
        ids = torch.tensor([[padding] * (width - len(row)) + row for row in rows])
        seen = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        with torch.inference_mode():
            made = model.generate(
                input_ids=ids.to(model.device),
                attention_mask=seen.to(model.device),
                max_new_tokens=self.max_new_tokens,
                do_sample=False,
                pad_token_id=padding,
                eos_token_id=end,
            )
        texts = tokenizer.batch_decode(made[:, width:], skip_special_tokens=True)
        return [self._read(text) for text in texts]

    def _asked(self, question: str) -> list[dict[str, str]]:
        return asked(f"{self.opening}{question}", self.system)

    def _read(self, text: str) -> str:
        """Return the answer in what the model said."""
        after = self.answer_after
        return (text if after is None else text.rpartition(after)[2]).strip()

    def losses(self, questions: Sequence[str], answers: Sequence[str]) -> NDArray[np.float64]:
        """Return (questions,) mean cross-entropy of each answer's tokens, its end too, in nats.

        Args:
            questions: (questions,) texts.
            answers: (questions,) what is to be said.
        """
        import torch

        model, tokenizer = self.load()
        losses = []
        for question, answer in zip(questions, answers, strict=True):
            encoded = encode(tokenizer, self._asked(question), answer)
            ids = torch.tensor([encoded.input_ids]).to(model.device)
            labels = torch.tensor([encoded.labels]).to(model.device)
            with torch.inference_mode():
                logits = model(input_ids=ids).logits[0, :-1].float()
            loss = torch.nn.functional.cross_entropy(logits, labels[0, 1:], ignore_index=IGNORED)
            losses.append(float(loss))
        return np.array(losses)

    def load(self) -> tuple[Any, Any]:
        """Return the model, its adapter merged into it, and the tokenizer; loaded once.

        Raises:
            ExtraMissingError: the extra `train` is not installed.
            UserError: the base is not there any more, or is another.
        """
        if not self._loaded:
            require_training()
            with warnings.catch_warnings():
                # The libraries warn of each other, which nobody here can mend.
                warnings.simplefilter("ignore")
                self._loaded.append(self._load())
        return self._loaded[0]

    def _load(self) -> tuple[Any, Any]:
        import torch
        import transformers

        transformers.utils.logging.disable_progress_bar()
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        if self.folder is not None and not self.about.adapter:
            model, tokenizer = load_weights(self.folder), load_tokenizer(self.folder)
        else:
            base = self._base_folder()
            tokenizer = load_tokenizer(self.folder or base)
            model = load_weights(base)
            if self.folder is not None:
                from peft import PeftModel

                model = PeftModel.from_pretrained(model, str(self.folder)).merge_and_unload()
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        return model.to(choose_device(self.device)).eval(), tokenizer

    def _base_folder(self) -> Path:
        """Find the base again and see that it is the one that the adapter was trained beside."""
        base = identify(self.about.base.name)
        if self.about.base.sha256 and base.sha256 != self.about.base.sha256:
            raise UserError(
                f"student: its base {base.name} has other weights than it was tuned from: "
                f"got SHA-256 {base.sha256[:16]}…, want {self.about.base.sha256[:16]}….",
                hint="put the base back, or train again",
            )
        return resolve(base, self.kept)

    def save(self, folder: Path) -> None:
        """Write weights, tokenizer and what they are; the base is named, not copied."""
        if self.folder is not None:
            for path in sorted(self.folder.iterdir()):
                if path.is_file() and path.name not in SPARE_FILES:
                    shutil.copyfile(path, folder / path.name)
        base = self.about.base
        about = {
            "kind": KIND,
            "method": self.about.method,
            "base": {"name": base.name, "sha256": base.sha256},
            "adapter": self.about.adapter,
            "system": self.system,
            "max_new_tokens": self.max_new_tokens,
            "answers_at_once": self.answers_at_once,
            "opening": self.opening,
            "answer_after": self.answer_after,
        }
        write_text(folder / ABOUT_FILE, json.dumps(about, ensure_ascii=False, indent=2) + "\n")
        if self.gguf:
            from distill.serve.export import export_student

            export_student(self, folder)


def load_language_model(folder: Path, about: Mapping[str, Any]) -> LanguageModel:
    """Return the model that `LanguageModel.save` wrote; its weights are read at the first answer.

    Args:
        folder: Where.
        about: What `student.json` holds.

    Raises:
        UserError: keys are missing.
    """
    try:
        base = about["base"]
        known = Base(name=base["name"], sha256=base["sha256"], source=folder)
        method = about["method"]
        return LanguageModel(
            about=About(method=method, base=known, adapter=bool(about["adapter"])),
            folder=None if method is None else folder,
            system=about["system"],
            max_new_tokens=int(about["max_new_tokens"]),
            answers_at_once=int(about["answers_at_once"]),
            device="auto",
            threads=None,
            kept=KEPT_BASES,
            opening=str(about.get("opening", "")),
            answer_after=about.get("answer_after"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{folder / ABOUT_FILE}: damaged or cut ({error!r}).",
            hint="run the run again: it costs nothing",
        ) from error
