"""A run that hands over to other trainers, end to end over HTTP."""

from __future__ import annotations

import hashlib

from workbench import QUESTIONS, Workbench


def test_a_run_hands_over_what_its_dataset_holds_and_lists_it(bench: Workbench) -> None:
    ended = bench.run("handover=[trl,openai]", "handover.trl.epochs=1")

    assert ended.status == 0, ended.err
    given = bench.manifest["handover"]
    assert set(given["trl"]["files"]) == {"handover/trl/sft.yaml", "handover/trl/train.jsonl"}
    for one in given.values():
        for path, digest in one["files"].items():
            assert hashlib.sha256((bench.out / path).read_bytes()).hexdigest() == digest
    dataset = (bench.out / "dataset.jsonl").read_text(encoding="utf-8")
    assert (bench.out / "handover/openai/train.jsonl").read_text(encoding="utf-8") == dataset
    assert f"{len(QUESTIONS)} examples, want at least 10." in given["openai"]["faults"]
    assert "warn openai" in " ".join(ended.out.split())


def test_the_hand_over_is_no_part_of_what_makes_two_runs_the_same(bench: Workbench) -> None:
    bench.run()
    before = bench.manifest
    assert not (bench.out / "handover").exists()
    bench.run("handover=axolotl")

    assert (bench.out / "handover/axolotl/train.yaml").is_file()
    for key in ("dataset_sha256", "config_sha256"):
        assert bench.manifest[key] == before[key]
    assert bench.main(["reproduce", str(bench.out)]).status == 0


def test_a_run_in_the_same_folder_takes_the_old_hand_over_away(bench: Workbench) -> None:
    bench.run("handover=trl")
    bench.run()

    assert not (bench.out / "handover").exists()


def test_a_mistyped_key_of_a_hand_over_is_told_before_anything_is_asked(bench: Workbench) -> None:
    ended = bench.run("handover=together", "handover.together.epochs=0", "handover.together.x=1")

    assert ended.status == 2
    assert "handover.together.epochs: got 0, want a whole number of 1 or more." in ended.err
    assert "handover.together.x: no such key." in ended.err
    assert not bench.ledger.exists()
