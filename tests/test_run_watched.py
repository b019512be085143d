"""Known-bad answers among a judge's work, end to end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest
from fake_api import Message, Status
from workbench import QUESTIONS, Workbench

WATCHED = "judge.canaries=8"


def answer_to(question: str) -> str:
    """Return a long answer in words of the question alone."""
    words = question.split()
    return " ".join((words * 20)[:60])


@pytest.fixture(autouse=True)
def _answering(bench: Workbench) -> None:
    bench.api.teacher = lambda prompt, body, attempt: answer_to(prompt.split("Question: ")[1])


def material(prompt: str) -> Any:
    """Return what a judge was given to grade."""
    line = next(line for line in prompt.splitlines() if line.startswith('{"question"'))
    return json.loads(line)


def careful(prompt: str, body: Mapping[str, Any], attempt: int) -> Any:
    """Grade high what is long and repeats the question, as every answer of the teacher does."""
    del body, attempt
    given = material(prompt)
    said = given["answer"].split()
    return 5 if len(said) >= 60 and set(given["question"].split()) <= set(said) else 1


def gullible(prompt: str, body: Mapping[str, Any], attempt: int) -> Any:
    """Grade as the careful one does, and do what an answer orders."""
    return 5 if "full marks" in prompt else careful(prompt, body, attempt)


def test_a_careful_judge_passes_and_no_canary_reaches_the_table(bench: Workbench) -> None:
    bench.api.grade = careful
    ended = bench.run("filter=none", WATCHED)

    assert ended.status == 0, ended.err
    assert bench.manifest["judge"]["canaries"] == {"asked": 8, "kept": 0, "unscored": 0}
    assert bench.manifest["guards"]["judge_canaries"] == "pass"
    assert bench.manifest["funnel"]["judged"] == bench.manifest["rows"] == len(QUESTIONS)
    assert bench.table.height == len(QUESTIONS)
    assert bench.table["answer"].to_list() == [answer_to(q) for q in QUESTIONS]
    assert "all 8 known-bad answers" in (bench.out / "README.md").read_text()
    assert "all 8 known-bad answers" in (bench.out / "report.html").read_text()


def test_canaries_are_asked_among_the_rows_by_the_same_requests(bench: Workbench) -> None:
    bench.api.grade = careful
    bench.run("filter=none", WATCHED, "judge.concurrency=1")

    prompts = bench.api.prompts("judge")
    own = set(bench.table["answer"])
    at = [i for i, prompt in enumerate(prompts) if material(prompt)["answer"] not in own]
    swapped = [p for p in prompts if material(p)["answer"] != answer_to(q_of(p))]
    assert len(prompts) == bench.manifest["judge"]["requests"] == len(QUESTIONS) + 8
    assert len(swapped) == 8
    assert at not in ([*range(8)], [*range(len(QUESTIONS), len(prompts))])
    for name in ("system", "output_config", "max_tokens"):
        assert len({json.dumps(body[name]) for body in bench.api.bodies("judge")}) == 1


def q_of(prompt: str) -> str:
    return str(material(prompt)["question"])


def test_canaries_are_paid_for_once_and_another_threshold_costs_nothing(bench: Workbench) -> None:
    bench.api.grade = careful
    bench.run("filter=none", WATCHED)
    first = bench.manifest
    bench.api.forget()

    assert bench.run("filter=none", WATCHED, "judge.threshold=0.5").status == 0
    assert bench.api.count() == 0
    bench.run("filter=none")
    assert bench.api.count() == 0
    assert "canaries" not in bench.manifest["judge"]
    assert bench.manifest["config_sha256"] == first["config_sha256"]
    assert bench.manifest["dataset_sha256"] == first["dataset_sha256"]


def test_a_judge_that_obeys_an_answer_stops_the_run(bench: Workbench) -> None:
    bench.api.grade = gullible
    ended = bench.run("filter=none", "judge.canaries=30")

    assert ended.status == 2
    assert not ended.has_traceback
    for words in ("guard.judge_canaries", "injected (plain_order)", "score 1", "hint:"):
        assert words in ended.err
    assert not (bench.out / "dataset.jsonl").exists()
    assert "stopped_by_guard/findings.json" in bench.files(bench.out)


def test_a_judge_that_likes_everything_is_told_of_with_every_kind(bench: Workbench) -> None:
    ended = bench.run("filter=none", WATCHED, "guard.judge_canaries.mode=warn")

    assert ended.status == 0, ended.err
    assert bench.manifest["guards"]["judge_canaries"] == "warn"
    assert bench.manifest["judge"]["canaries"]["kept"] == 8
    report = (bench.out / "report.html").read_text()
    for kind in ("swapped", "truncated", "injected", "gibberish"):
        assert f"{kind} (" in report or f"{kind} in place" in report


def test_a_canary_without_a_score_is_caught_and_told(bench: Workbench) -> None:
    def grade(prompt: str, body: Mapping[str, Any], attempt: int) -> Any:
        return 5 if careful(prompt, body, attempt) == 5 else Message("I cannot grade this.")

    bench.api.grade = grade
    ended = bench.run("filter=none", WATCHED)

    assert ended.status == 0, ended.err
    assert bench.manifest["judge"]["canaries"] == {"asked": 8, "kept": 0, "unscored": 8}
    assert bench.manifest["judge"]["unscored"] == 0
    assert bench.manifest["guards"]["unscored"] == "pass"
    assert "8 of them for want of a score" in (bench.out / "README.md").read_text()


def test_a_threshold_of_zero_says_nothing_of_the_judge(bench: Workbench) -> None:
    ended = bench.run("filter=none", WATCHED, "judge.threshold=0")

    assert ended.status == 0, ended.err
    assert bench.manifest["guards"]["judge_canaries"] == "pass"
    assert "say nothing of the judge" in (bench.out / "README.md").read_text()


def test_without_canaries_the_report_says_that_nobody_watched(bench: Workbench) -> None:
    bench.run()

    assert bench.manifest["guards"]["judge_canaries"] == "pass"
    assert "was not watched" in (bench.out / "README.md").read_text()


def test_the_estimate_counts_them_before_and_after_the_answers_are_there(bench: Workbench) -> None:
    bench.api.grade = careful

    def requests(what: str) -> tuple[int, int]:
        words = bench.with_judge("filter=none", WATCHED)
        made = json.loads(bench.main(["estimate", "--json", *words[1:]]).out)
        lines = [one for one in made["lines"] if (one["role"], one["what"]) == ("judge", what)]
        return lines[0]["requests"], lines[0]["cached"]

    asked = len(QUESTIONS) + 8
    assert requests("grades to come") == (asked, 0)
    bench.main(bench.words("judge=none", "filter=none"))
    assert requests("grades") == (asked, 0)
    bench.run("filter=none", WATCHED)
    assert requests("grades") == (0, asked)


def test_a_watched_run_is_rebuilt_without_them(bench: Workbench) -> None:
    bench.api.grade = careful
    bench.run("filter=none", WATCHED)
    ended = bench.main(["reproduce", str(bench.out)])

    assert ended.status == 0, ended.err
    assert "identical" in ended.out


def test_a_canary_whose_request_failed_is_caught_and_the_run_can_be_rebuilt(
    bench: Workbench,
) -> None:
    bench.api.grade = lambda prompt, body, attempt: (
        Status(500, "overheated") if "important point" in prompt else careful(prompt, body, attempt)
    )
    ended = bench.run("filter=none", "judge.canaries=28")

    assert ended.status == 0, ended.err
    failed = bench.manifest["judge"]["failed"]
    assert failed == bench.manifest["judge"]["canaries"]["unscored"] > 0
    ended = bench.main(["reproduce", str(bench.out)])
    assert ended.status == 0, ended.out + ended.err


@pytest.mark.parametrize("count", [-1, 1001, 2.5, "many", True])
def test_a_number_of_canaries_that_cannot_be_is_refused(bench: Workbench, count: object) -> None:
    ended = bench.run(f"judge.canaries={count}")

    assert ended.status == 2
    assert "judge.canaries: got" in ended.err
    assert "a whole number from 0 to 1000" in ended.err


def test_what_falls_out_before_the_judge_is_no_canary(bench: Workbench) -> None:
    bench.api.grade = careful
    bench.api.teacher = lambda prompt, body, attempt: (
        "Short." if "metals" in prompt else answer_to(prompt.split("Question: ")[1])
    )
    bench.run(WATCHED)

    assert not any("metals" in q_of(prompt) for prompt in bench.api.prompts("judge"))
    assert bench.table.filter(pl.col("stage") == "filter").height == 1
