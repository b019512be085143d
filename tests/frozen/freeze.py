"""Make the frozen runs of the present format; see README.md for when."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from fake_api import Message, Status, Told, good_answer, serving  # noqa: E402

from distill.cli import main  # noqa: E402
from distill.manifest import FORMAT  # noqa: E402
from distill.reproduce.stored import FILES  # noqa: E402

QUESTIONS = (
    "What makes bread rise in a warm oven?",
    "Why do leaves turn yellow in autumn?",
    "How does a canal lock lift a ship – and what does „lift“ mean here?",
    "Which gases make up the air we breathe?",
    "What keeps a bicycle upright while it rolls?",
    "Why is the sea salty and the river not?",
    "How do bees tell each other where flowers are?",
    "What does yeast feed on?",
)
LABELS = ("nature", "technology")


def teacher(prompt: str, body: Mapping[str, Any], attempt: int) -> Told:
    """Answer so that every stage has something to drop."""
    if body.get("output_config"):
        return json.dumps({"label": LABELS[(len(prompt) + attempt) % 2]})
    if QUESTIONS[1] in prompt:
        return Message("I will not say.", stop_reason="refusal")
    if QUESTIONS[3] in prompt:
        return Status(400)
    if QUESTIONS[4] in prompt:
        return "Its wheels turn."
    if QUESTIONS[5] in prompt:
        return "I’m not sure. " + good_answer(prompt, body, attempt)
    return good_answer(prompt, body, attempt)


def grade(prompt: str, body: Mapping[str, Any], attempt: int) -> Told:
    """Grade one answer low, and stumble over another."""
    del body
    if QUESTIONS[6] in prompt:
        return 2
    if QUESTIONS[2] in prompt and attempt == 0:
        return Message("Good.")
    return 4


RUNS = {
    "qa": (
        "task=qa",
        "teacher.samples=2",
        "seeds.real_labels=1",
        "select.max_rows=3",
        "export.system=Be brief.",
        "judge.concurrency=1",
    ),
    "classify": (
        "task=classify",
        f"task.labels=[{','.join(LABELS)}]",
        "teacher.samples=3",
        "seeds.real_labels=1",
        "judge.threshold=0.5",
    ),
}


def freeze(name: str, overrides: tuple[str, ...]) -> None:
    """Run one config and keep what it is rebuilt from."""
    with tempfile.TemporaryDirectory() as folder, serving() as api:
        os.chdir(folder)
        api.teacher, api.grade = teacher, grade
        seeds = [{"question": question, "slice": "frozen"} for question in QUESTIONS]
        seeds[7]["answer"] = "nature" if name == "classify" else "On sugar."
        lines = (json.dumps(seed, ensure_ascii=False) + "\n" for seed in seeds)
        Path("seeds.jsonl").write_text("".join(lines), encoding="utf-8")
        url = f"{{role}}.base_url={api.url}"
        status = main(
            [
                "run",
                "seeds.path=seeds.jsonl",
                "tracking=none",
                "paths.out=run",
                "ledger.url=ledger.db",
                "teacher.max_retries=0",
                "teacher.concurrency=1",
                url.format(role="teacher"),
                *([url.format(role="judge"), "judge.via.max_retries=0"] if name == "qa" else []),
                *overrides,
            ]
        )
        if status:
            raise SystemExit(status)
        kept = HERE / f"format_{FORMAT}" / name
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        for file in ("manifest.json", *FILES):
            shutil.copy(Path("run", file), kept)
        os.chdir(HERE)


if __name__ == "__main__":
    os.environ["ANTHROPIC_API_KEY"] = "not-a-key"
    for name, overrides in RUNS.items():
        freeze(name, overrides)
