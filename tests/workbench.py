"""A working directory with a small seeds file, and the command line with its paths set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fake_api import FakeApi

from distill.cli import main

KEY = "sk-ant-planted-0123456789abcdef"
REPOSITORY = Path(__file__).parents[1]
QUESTIONS = (
    "Which command restarts a crashed container on Linux?",
    "Explain how garbage collection works in Python.",
    "Why does water expand when it freezes into crystals?",
    "What happens to metals under repeated mechanical stress?",
    "How do vaccines train the human immune system?",
    "Which treaty ended the Thirty Years' War in Europe?",
)


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def has_traceback(self) -> bool:
        """Whether the user was shown a stack of our own functions."""
        return "Traceback" in self.out + self.err


def _python_path() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


class Workbench:
    """A working directory with a seeds file, and the command line with its paths set.

    Args:
        folder: The working directory.
        api: Teacher and judge.
        capsys: Where in-process output is read.
    """

    def __init__(self, folder: Path, api: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.api = api
        self.out = folder / "runs" / "one"
        self.ledger = folder / "ledger.db"
        self._capsys = capsys
        self.write("seeds.jsonl", [{"id": f"s{i}", "question": q} for i, q in enumerate(QUESTIONS)])

    def write(self, name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
        """Write JSON lines."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.write_text("".join(lines), encoding="utf-8")
        return path

    def words(self, *overrides: str) -> list[str]:
        """Return the command line of a run against the fake API."""
        return [
            "run",
            "seeds.path=seeds.jsonl",
            "tracking=none",
            "ledger.url=ledger.db",
            "paths.out=runs/one",
            f"teacher.base_url={self.api.url}",
            "teacher.max_retries=0",
            *overrides,
        ]

    def with_judge(self, *overrides: str) -> list[str]:
        """Return the same, the fake API judging."""
        judge = (f"judge.base_url={self.api.url}", "judge.via.max_retries=0")
        return self.words(*judge, *overrides)

    def main(self, words: Sequence[str]) -> Ended:
        """Run a command in this process."""
        self._capsys.readouterr()
        try:
            status = main(words)
        except SystemExit as end:
            status = int(end.code or 0)
        printed = self._capsys.readouterr()
        return Ended(status, printed.out, printed.err)

    def run(self, *overrides: str) -> Ended:
        """Run the pipeline in this process, the fake API judging."""
        return self.main(self.with_judge(*overrides))

    def run_unjudged(self, *overrides: str) -> Ended:
        """Run the pipeline in this process without a judge and without filters."""
        return self.main(self.words("judge=none", "filter=none", *overrides))

    def start(self, words: Sequence[str], *flags: str) -> subprocess.Popen[str]:
        """Start a command as a process of its own."""
        return subprocess.Popen(
            [sys.executable, *flags, "-m", "distill", *words],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), *_python_path()])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def process(self, words: Sequence[str], *flags: str, timeout_s: float = 60) -> Ended:
        """Run a command as a process of its own."""
        with self.start(words, *flags) as process:
            try:
                out, err = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
                pytest.fail(f"no end within {timeout_s} s; so far: {err}")
        return Ended(process.returncode, out, err)

    @property
    def manifest(self) -> Any:
        """The run in figures."""
        return json.loads((self.out / "manifest.json").read_text(encoding="utf-8"))

    def lines(self, name: str) -> list[Any]:
        """Return the JSON lines of one of the run's files."""
        text = (self.out / name).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    @property
    def table(self) -> pl.DataFrame:
        """The whole table that the run left."""
        return pl.read_parquet(self.out / "examples.parquet")

    @property
    def reasons(self) -> dict[str, str]:
        """`stage/reason` of every row that fell out, by id."""
        return {
            row["id"]: f"{row['stage']}/{row['reason']}" for row in self.lines("rejected.jsonl")
        }

    def files(self, folder: Path | None = None) -> dict[str, bytes]:
        """Return every file below a folder, by its path."""
        folder = folder or self.folder
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
