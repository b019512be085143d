from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from workbench import REPOSITORY, Workbench

from distill import __version__

HEAVY = {"hydra", "omegaconf", "mlflow", "anthropic", "openai", "sklearn", "polars", "pydantic"}


def imported_by(bench: Workbench, *words: str) -> set[str]:
    ended = bench.process(words, "-X", "importtime")
    assert ended.status == 0, ended.err
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in ended.err.splitlines()}


@pytest.mark.parametrize("word", ["--help", "-h", "help", "--version"])
def test_help_imports_nothing_heavy(bench: Workbench, word: str) -> None:
    imported = imported_by(bench, word)

    assert "distill" in imported
    assert HEAVY & imported == set()


def test_the_help_of_run_names_every_choice_and_imports_no_models(bench: Workbench) -> None:
    ended = bench.process(["run", "--help"], "-X", "importtime")

    assert ended.status == 0
    assert "teacher=claude|gemini|llamacpp|local|ollama|openai|together|trained|vllm" in ended.out
    assert "experiment=" in ended.out
    imported = {line.rpartition("|")[2].strip() for line in ended.err.splitlines()}
    assert HEAVY & imported == set()


def test_help_lists_every_command(bench: Workbench) -> None:
    ended = bench.main(["--help"])

    assert ended.status == 0
    for command in ("run", "estimate", "check", "doctor", "sync"):
        assert f"\n  {command} " in ended.out


@pytest.mark.parametrize(
    "command", ["run", "estimate", "calibrate", "drift", "check", "doctor", "sync"]
)
def test_every_command_explains_itself(bench: Workbench, command: str) -> None:
    ended = bench.main([command, "--help"])

    assert ended.status == 0
    assert f"distill {command}" in ended.out


def test_no_command_at_all_shows_the_help_and_is_a_mistake(bench: Workbench) -> None:
    ended = bench.main([])

    assert ended.status == 2
    assert "commands:" in ended.out + ended.err


def test_a_mistyped_command_is_told_with_the_nearest(bench: Workbench) -> None:
    ended = bench.main(["rnu"])

    assert ended.status == 2
    assert "did you mean run?" in ended.err


def test_a_mistyped_flag_is_a_mistake(bench: Workbench) -> None:
    ended = bench.run("--dryrun")

    assert ended.status == 2
    assert "--dryrun" in ended.err
    assert bench.api.count() == 0


def test_the_version_is_the_packages_own(bench: Workbench) -> None:
    assert bench.main(["--version"]).out == f"distill {__version__}\n"


def test_the_resolved_config_is_printed_and_nothing_is_run(bench: Workbench) -> None:
    import yaml

    ended = bench.run("--cfg", "job", "ledger.url='postgresql://me:s3cret@host/db'")

    assert ended.status == 0, ended.err
    assert yaml.safe_load(ended.out)["teacher"]["base_url"] == bench.api.url
    assert "s3cret" not in ended.out
    assert bench.api.count() == 0
    assert set(bench.files()) == {"seeds.jsonl"}


def test_flags_and_overrides_stand_in_any_order(bench: Workbench) -> None:
    words = bench.with_judge()
    ended = bench.main([words[0], "--cfg", "job", *words[1:], "judge.threshold=0.5"])

    assert ended.status == 0, ended.err
    assert "threshold: 0.5" in ended.out


def test_a_reader_that_goes_away_is_no_fault(bench: Workbench) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "distill", "--help"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read().decode()

    assert "Traceback" not in err
    assert process.returncode in {0, -signal.SIGPIPE}


def test_a_fault_of_our_own_shows_its_stack(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill.run.prepare", lambda plan: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        bench.run()
