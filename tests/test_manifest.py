from __future__ import annotations

from workbench import QUESTIONS, Workbench

TEXTS = {"sport": "goal striker referee", "tech": "chip software laptop"}


def trained(bench: Workbench, *overrides: str) -> None:
    rows = [
        {"id": f"{label}{i}", "question": f"{words} item{i}", "label": label}
        for i in range(6)
        for label, words in TEXTS.items()
    ]
    bench.write("seeds.jsonl", rows)
    held = [
        {"question": f"{words} held{i}", "reference_answer": label}
        for i in range(5)
        for label, words in TEXTS.items()
    ]
    bench.write("heldout.jsonl", held)
    bench.api.teacher = lambda prompt, *_: (
        '{"label": "sport"}' if "goal" in prompt else '{"label": "tech"}'
    )
    ended = bench.main(
        bench.words(
            "task=classify",
            "task.labels=[sport,tech]",
            "task.calibration=none",
            "student=classifier",
            "seeds.real_labels=4",
            "heldout.path=heldout.jsonl",
            *overrides,
        )
    )
    assert ended.status == 0, ended.err


def test_a_trained_student_brings_its_evaluation_and_a_verdict(bench: Workbench) -> None:
    trained(bench)
    manifest, evaluation = bench.manifest, bench.manifest["eval"]

    assert manifest["real_rows"] == 4
    assert manifest["rows"] == 12
    assert evaluation["n"] == 10
    assert 0 <= evaluation["low"] <= evaluation["accuracy"] <= evaluation["high"] <= 1
    assert evaluation["accuracy"] == evaluation["arms"]["real_and_distilled"]["accuracy"] == 1
    wanted = {"majority", "real_only", "distilled_only", "teacher", "real_and_distilled"}
    assert wanted <= set(evaluation["arms"])
    assert evaluation["arms"]["teacher"]["accuracy"] == 1
    assert evaluation["arms"]["real_only"]["examples"] == 4
    assert manifest["verdict"] in {"helps", "hurts", "inconclusive"}
    assert manifest["verdict_reason"]
    assert (bench.out / "student" / "model.skops").is_file()


def test_the_teacher_can_be_left_out_of_the_evaluation(bench: Workbench) -> None:
    trained(bench, "evaluate.teacher=false")

    assert "teacher" not in bench.manifest["eval"]["arms"]
    assert bench.api.count("teacher") == 8


def test_held_out_texts_reach_the_teacher_only_to_be_evaluated(bench: Workbench) -> None:
    trained(bench, "evaluate.teacher=false")

    assert not any("held" in prompt for prompt in bench.api.prompts("teacher"))
    data = (bench.out / "dataset.jsonl").read_text() + (bench.out / "rejected.jsonl").read_text()
    assert "held0" not in data


def test_a_second_trained_run_is_the_same_and_free(bench: Workbench) -> None:
    trained(bench)
    first = bench.manifest
    bench.api.forget()
    trained(bench)

    assert bench.api.count() == 0
    assert bench.manifest["dataset_sha256"] == first["dataset_sha256"]
    assert bench.manifest["eval"] == first["eval"]


def test_a_student_without_held_out_examples_proves_nothing(bench: Workbench) -> None:
    trained(bench, "heldout.path=null")

    assert "eval" not in bench.manifest
    assert bench.manifest["verdict"] == "inconclusive"
    assert "held-out" in bench.manifest["verdict_reason"]
    assert (bench.out / "student").is_dir()


def test_inputs_are_named_with_their_digests(bench: Workbench) -> None:
    import hashlib

    bench.run_unjudged()

    data = (bench.folder / "seeds.jsonl").read_bytes()
    seeds = bench.manifest["inputs"]["seeds"]
    assert seeds["source"] == "seeds.jsonl"
    assert seeds["sha256"] == hashlib.sha256(data).hexdigest()
    assert seeds["rows"] == len(QUESTIONS)
    assert "heldout" not in bench.manifest["inputs"]


def test_figures_that_no_stage_produced_are_absent(bench: Workbench) -> None:
    bench.run_unjudged("diversity=none")

    manifest = bench.manifest
    assert "judge" not in manifest
    assert "eval" not in manifest
    assert manifest["diversity"] == {}
    assert not any(key.startswith(("filter/", "judge/")) for key in manifest["rejected"])
