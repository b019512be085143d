"""`distill completion`: what a shell offers after the script was read."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from distill.cli import COMMANDS, main
from distill.commands.completion import choices, keys
from distill.config import compose, flatten
from distill.paths import conf_dir

ASK = """
source {script}
COMP_LINE={line!r}
COMP_POINT=${{#COMP_LINE}}
_distill
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["completion", "bash"]) == 0
    path = tmp_path / "completion.bash"
    path.write_text(capsys.readouterr().out)
    return path


def offered(script: Path, line: str, *, shell: str = "bash") -> list[str]:
    ask = ASK.format(script=script, line=line)
    told = subprocess.run(
        [shell, "-c", ask], cwd=script.parent, capture_output=True, text=True, check=True
    )
    assert not told.stderr
    return told.stdout.split()


def test_commands_come_first(script: Path) -> None:
    assert offered(script, "distill ") == list(COMMANDS)
    assert offered(script, "distill re") == ["reproduce"]


def test_a_group_leads_to_its_choices(script: Path) -> None:
    every = {name.partition("=")[2] for name in choices(conf_dir()) if name.startswith("task=")}

    assert set(offered(script, "distill run task=")) == every == {"qa", "math", "classify"}
    assert {f"task={name}" for name in every} <= set(offered(script, "distill run -m tas"))


def test_a_key_is_offered_with_its_sign(script: Path) -> None:
    assert offered(script, "distill run budget.max") == ["budget.max_usd="]


def test_a_value_without_choices_is_a_file(script: Path) -> None:
    (script.parent / "questions.jsonl").touch()

    assert offered(script, "distill run seeds.path=quest") == ["questions.jsonl"]


def test_every_key_of_a_run_is_known_but_those_of_a_judges_endpoint() -> None:
    config = compose(["seeds.path=x", "student=classifier"])
    known = set(keys(conf_dir()))

    missing = [
        key
        for key, _ in flatten(config)
        if f"{key}=" not in known and "_target_" not in key and not key.startswith("judge.via.")
    ]

    assert missing == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_read_their_script(
    tmp_path: Path, shell: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert "judge=rubric" in text
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    path = tmp_path / "script"
    path.write_text(text)

    subprocess.run([shell, "-n", path], check=True)
