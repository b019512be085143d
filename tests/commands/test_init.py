"""`distill init`: a project that is fine as it is, runs at once, and never costs a file."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from workbench import REPOSITORY, Workbench

from distill.commands.init import KINDS


def in_project(bench: Workbench, *words: str, path: Path = REPOSITORY) -> str:
    """Run a command in the project `mine`, with the package that stands in `path`."""
    ended = subprocess.run(
        [sys.executable, "-m", "distill", *words],
        cwd=bench.folder / "mine",
        env=os.environ | {"PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("task", sorted(KINDS))
def test_a_starters_files_have_no_fault(bench: Workbench, task: str) -> None:
    assert bench.main(["init", "mine", "--task", task]).status == 0

    ended = bench.main(["check", "mine/seeds.jsonl", "mine/heldout.jsonl"])

    assert ended.status == 0, ended.out
    assert "held-out" in ended.out


@pytest.mark.parametrize("task", sorted(KINDS))
def test_a_starters_config_builds_with_its_own_filter(
    bench: Workbench, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.main(["init", "mine", "--task", task])
    monkeypatch.chdir("mine")
    monkeypatch.syspath_prepend(".")

    ended = bench.main(
        [
            *("estimate", "--config-dir", "conf", "experiment=mine", "tracking=none"),
            *(f"filter=[{KINDS[task].filters}]", f"teacher.base_url={bench.api.url}"),
        ]
    )

    assert ended.status == 0, ended.err
    assert "worst case" in ended.out
    assert "does not" not in ended.out


def test_the_own_filter_drops_an_answer_with_a_link(bench: Workbench) -> None:
    bench.api.teacher = lambda prompt, *_: (
        f"{'No link' if 'stash' in prompt else 'https://example.org'} says all about: {prompt}"
    )
    assert bench.main(["init", "mine", "--task", "qa"]).status == 0

    in_project(
        bench,
        *("run", "--config-dir", "conf", "experiment=mine", "filter=no_urls"),
        *("judge=none", "heldout=none", "tracking=none", "paths.out=one", "guard=none"),
        f"teacher.base_url={bench.api.url}",
    )

    manifest = json.loads((bench.folder / "mine" / "one" / "manifest.json").read_text())
    assert manifest["rejected"] == {"filter/no_urls": 9}


def test_nothing_that_exists_is_touched(bench: Workbench) -> None:
    folder = bench.folder / "mine"
    folder.mkdir()
    (folder / "seeds.jsonl").write_text("mine")

    ended = bench.main(["init", "mine"])

    assert ended.status == 2
    assert "want a folder without seeds.jsonl" in ended.err
    assert [path.name for path in folder.iterdir()] == ["seeds.jsonl"]
    assert (folder / "seeds.jsonl").read_text() == "mine"


def test_a_file_in_the_folders_place_is_told(bench: Workbench) -> None:
    (bench.folder / "mine").write_text("")

    ended = bench.main(["init", "mine"])

    assert ended.status == 2
    assert "want a new or an empty folder" in ended.err


def test_a_dangling_link_is_not_written_through(bench: Workbench) -> None:
    folder = bench.folder / "mine"
    folder.mkdir()
    (folder / "README.md").symlink_to(bench.folder / "elsewhere")

    assert bench.main(["init", "mine"]).status == 2
    assert not (bench.folder / "elsewhere").exists()


def test_files_are_writable_by_their_owner_alone_whatever_the_shell_allows(
    bench: Workbench,
) -> None:
    before = os.umask(0)
    try:
        bench.main(["init", "mine"])
    finally:
        os.umask(before)

    files = [path for path in (bench.folder / "mine").rglob("*") if path.is_file()]

    assert len(files) == 8
    assert not [path for path in files if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)]


def test_an_installed_wheel_makes_a_project_that_builds(bench: Workbench) -> None:
    wheels, site = bench.folder / "wheels", bench.folder / "site"
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels],
        cwd=REPOSITORY,
        check=True,
    )
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    (bench.folder / "mine").mkdir()

    in_project(bench, "init", ".", path=site)
    config = in_project(
        bench,
        *("run", "--config-dir", "conf", "experiment=mine", "filter=no_urls", "--cfg"),
        path=site,
    )

    assert "_target_: my_filters.NoUrls" in config
    assert "labels:\n  - delivery" in config
