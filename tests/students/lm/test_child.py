"""A training's process that is killed, or whose parent is: what was done is kept."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny import sums
from workbench import REPOSITORY

from distill.processes import started
from distill.students import Sft
from distill.students.classifier import TrainingError
from distill.students.lm.worker import take_turn

pytest.importorskip("torch", reason="the extra train is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")

FIT = """
import json, sys
import numpy as np
from distill.students import Sft
from tiny import sums
Sft(**json.loads(sys.argv[1])).fit(sums(24), seed=5)
"""


def fitting(student: Sft) -> subprocess.Popen[str]:
    """Start a process that trains, and so has the training's process as its child."""
    paths = [str(REPOSITORY), str(REPOSITORY / "tests")]
    return subprocess.Popen(
        [sys.executable, "-c", FIT, json.dumps(vars(student))],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        stderr=subprocess.PIPE,
        text=True,
    )


def child_of(process: subprocess.Popen[str], until: Callable[[], bool]) -> int:
    """Return the id of a process's one child as soon as something holds."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not until():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    (child,) = children.read_text().split()
    return int(child)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="reads /proc")
def test_killed_itself_and_its_parent_a_training_goes_on_to_the_same_weights(
    sft: Callable[..., Sft], tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"epochs": 12.0, "batch_size": 4, "checkpoint_steps": 5}
    undisturbed = sft(**settings, work=str(tmp_path / "undisturbed")).fit(sums(24), seed=5)
    student = sft(**settings, work=str(tmp_path / "killed"))

    def wrote(checkpoint: int) -> bool:
        whole = (tmp_path / "killed").glob("*/checkpoints/checkpoint-*/whole")
        return any(int(file.parent.name.rpartition("-")[2]) >= checkpoint for file in whole)

    with fitting(student) as parent:
        os.kill(child_of(parent, lambda: wrote(10)), signal.SIGKILL)
        _, err = parent.communicate(timeout=60)
    assert "the training's process was killed" in err
    assert "steps were done" in err

    with fitting(student) as parent:
        child = child_of(parent, lambda: wrote(30))
        parent.kill()
        while started(child):
            time.sleep(0.05)
    resumed = student.fit(sums(24), seed=5)

    folders = [trained.folder for trained in (undisturbed, resumed)]
    files = [(folder / "adapter_model.safetensors").read_bytes() for folder in folders]
    whole, figures = (json.loads((one / "training.json").read_text()) for one in folders)
    assert files[0] == files[1]
    assert figures["resumed_from_step"] >= 30
    assert figures["steps"] == whole["steps"] > 60


@pytest.mark.slow
def test_a_crash_is_told_with_the_end_of_its_log(
    sft: Callable[..., Sft], tmp_path: Path, tiny: Path
) -> None:
    base = tmp_path / "base"
    base.mkdir()
    for file in tiny.iterdir():
        (base / file.name).write_bytes(file.read_bytes())
    (base / "config.json").write_text('{"model_type": "llama", "hidden_size": 7}')

    with pytest.raises(TrainingError) as told:
        sft(base=str(base)).fit(sums(8), seed=0)
    assert "log.txt" in str(told.value)


def test_two_runs_that_want_the_same_training_take_turns(tmp_path: Path) -> None:
    said: list[dict[str, Any]] = []
    with (tmp_path / "lock").open("w") as first, (tmp_path / "lock").open("w") as second:
        take_turn(first, said.append)
        waiting = threading.Thread(target=take_turn, args=(second, said.append))
        waiting.start()
        while not said:
            assert waiting.is_alive()
            time.sleep(0.01)
        fcntl.flock(first, fcntl.LOCK_UN)
        waiting.join(timeout=10)

    assert not waiting.is_alive()
    assert said == [{"say": "student: another run trains the same; waiting for it"}]
