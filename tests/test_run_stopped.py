"""Runs that are stopped half-way: by a budget, by the user, by the machine."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
from fake_api import Hang, Message, good_answer
from workbench import QUESTIONS, Workbench

from distill.ledger import Ledger

INPUT_TOKENS, OUTPUT_TOKENS = 100, 200
# Of the default teacher, and what one answer of it costs here.
PRICE_IN, PRICE_OUT = 5e-6, 25e-6
ONE_USD = INPUT_TOKENS * PRICE_IN + OUTPUT_TOKENS * PRICE_OUT


def metered(prompt: str, body: Mapping[str, Any], attempt: int) -> Message:
    return Message(
        good_answer(prompt, body, attempt), input_tokens=INPUT_TOKENS, output_tokens=OUTPUT_TOKENS
    )


def ledger_count(bench: Workbench) -> int:
    with Ledger(str(bench.ledger)) as ledger:
        return ledger.count()


@pytest.mark.parametrize("concurrency", [1, 16])
@pytest.mark.parametrize("cap", [0.0, 0.01, 0.04, 0.05])
def test_the_budget_is_never_passed_and_a_higher_one_goes_on(
    bench: Workbench, cap: float, concurrency: int
) -> None:
    bench.api.teacher = metered
    few = (f"teacher.concurrency={concurrency}", "teacher.max_tokens=1000")
    ended = bench.run_unjudged(f"budget.max_usd={cap}", *few)

    paid = bench.api.count("teacher")
    assert ended.status == 2, ended.err
    assert not ended.has_traceback
    assert "budget.max_usd" in ended.err
    assert paid * ONE_USD <= cap
    assert ledger_count(bench) == paid
    assert not bench.out.exists()

    ended = bench.run_unjudged("budget.max_usd=10", *few)

    assert ended.status == 0, ended.err
    assert bench.api.count("teacher") == len(QUESTIONS)
    assert bench.manifest["teacher"]["cached"] == paid


def test_the_budget_is_used_as_far_as_it_goes(bench: Workbench) -> None:
    bench.api.teacher = metered
    bench.run_unjudged("budget.max_usd=0.04", "teacher.max_tokens=1000")

    worst = 1000 * PRICE_OUT + len(bench.api.seen[-1].raw) * PRICE_IN
    paid = bench.api.count("teacher")
    assert paid >= 1
    assert (paid * ONE_USD) + worst > 0.04


def test_teacher_and_judge_share_the_budget(bench: Workbench) -> None:
    bench.api.teacher = metered
    bench.api.grade = lambda *_: Message("{}", input_tokens=1000, output_tokens=100)
    ended = bench.run("budget.max_usd=0.06", "teacher.max_tokens=300")

    judged = bench.api.count("judge")
    spent = len(QUESTIONS) * ONE_USD + judged * (1000 * 3e-6 + 100 * 15e-6)
    assert ended.status == 2, ended.err
    assert judged > 0
    assert spent <= 0.06


def test_the_held_out_arm_of_the_teacher_is_under_the_cap_too(bench: Workbench) -> None:
    rows = [{"question": f"text {i}", "label": ("sport", "tech")[i % 2]} for i in range(8)]
    bench.write("seeds.jsonl", rows)
    held = [{"question": f"held {i}", "reference_answer": "sport"} for i in range(9)]
    bench.write("heldout.jsonl", held)
    bench.api.teacher = lambda prompt, body, attempt: Message(
        '{"label": "sport"}', input_tokens=INPUT_TOKENS, output_tokens=OUTPUT_TOKENS
    )
    words = [
        *("task=classify", "task.labels=[sport,tech]", "student=classifier"),
        *("seeds.real_labels=4", "heldout.path=heldout.jsonl", "teacher.max_tokens=300"),
    ]
    cap = 6 * ONE_USD + 300 * PRICE_OUT
    ended = bench.main(bench.words(*words, f"budget.max_usd={cap}"))

    assert ended.status == 2, ended.err
    assert "budget.max_usd" in ended.err
    asked = bench.api.prompts("teacher")
    assert sum("text" in prompt.split("Text:")[-1] for prompt in asked) == 4
    assert 0 < sum("held" in prompt for prompt in asked) < 9
    assert len(asked) * ONE_USD <= cap


def test_a_cached_run_needs_no_budget(bench: Workbench) -> None:
    bench.run()
    bench.api.forget()

    ended = bench.run("budget.max_usd=0")

    assert ended.status == 0, ended.err
    assert bench.api.count() == 0


def test_a_budget_without_a_price_is_refused_before_anything_is_spent(bench: Workbench) -> None:
    ended = bench.run("teacher.model=claude-fable-5", "budget.max_usd=1")

    assert ended.status == 2
    assert "budget.max_usd" in ended.err
    assert "claude-fable-5" in ended.err
    assert bench.api.count() == 0


def interrupt(process: subprocess.Popen[str], *, times: int) -> None:
    """Press Ctrl-C; the process says that it heard before it is pressed again."""
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    for _ in range(times - 1):
        while "stopping" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)


@pytest.mark.parametrize("interrupts", [2, 0], ids=["interrupted twice", "killed"])
def test_a_stopped_run_keeps_what_it_paid_for_and_the_next_pays_only_the_rest(
    bench: Workbench, interrupts: int
) -> None:
    questions = [f"Question number {i} about rivers and oceans?" for i in range(20)]
    bench.write("seeds.jsonl", [{"question": question} for question in questions])
    late = questions[8:]
    bench.api.teacher = lambda prompt, body, attempt: (
        Hang() if any(question in prompt for question in late) else "an answer"
    )
    words = bench.words("judge=none", "filter=none", "teacher.concurrency=4")

    with bench.start(words) as process:
        bench.api.wait_for("teacher", 8 + 4, unless=process.poll)
        if interrupts:
            interrupt(process, times=interrupts)
        else:
            process.kill()
        _, err = process.communicate(timeout=30)

    assert process.returncode == (130 if interrupts else -signal.SIGKILL), err
    assert "Traceback" not in err
    assert ledger_count(bench) == 8
    assert not (bench.out / "manifest.json").exists()
    if interrupts:
        assert "interrupted" in err
        assert not bench.out.exists()

    bench.api.forget()
    bench.api.teacher = lambda *_: "an answer"
    ended = bench.main(words)

    assert ended.status == 0, ended.err
    assert bench.api.count("teacher") == 12
    assert bench.manifest["teacher"]["cached"] == 8
    assert bench.manifest["rows"] == 20
    left = sorted(path.name for path in bench.out.iterdir())
    assert [name for name in left if name.startswith(".")] == []


def test_an_interrupted_run_waits_for_what_is_in_flight_and_asks_nothing_more(
    bench: Workbench,
) -> None:
    questions = [f"Question number {i} about rivers and oceans?" for i in range(20)]
    bench.write("seeds.jsonl", [{"question": question} for question in questions])
    bench.api.teacher = lambda prompt, body, attempt: (
        Hang() if "number 0 " not in prompt else "an answer"
    )
    words = bench.words("judge=none", "filter=none", "teacher.concurrency=4")

    with bench.start(words) as process:
        bench.api.wait_for("teacher", 1 + 4, unless=process.poll)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "4 requests are in flight" not in process.stderr.readline():
            assert process.poll() is None
        bench.api.released.set()
        _, err = process.communicate(timeout=30)

    assert process.returncode == 130, err
    assert "interrupted" in err
    assert bench.api.count("teacher") == 5
    assert ledger_count(bench) == 5
    assert not bench.out.exists()


def test_an_interrupted_run_leaves_the_earlier_run_as_it_was(bench: Workbench) -> None:
    bench.run_unjudged()
    before = bench.files(bench.out)
    bench.api.teacher = lambda *_: Hang()
    bench.api.forget()
    words = bench.words("judge=none", "filter=none", "teacher.max_tokens=99")

    with bench.start(words) as process:
        bench.api.wait_for("teacher", 1, unless=process.poll)
        interrupt(process, times=2)
        process.communicate(timeout=30)

    assert process.returncode == 130
    assert bench.files(bench.out) == before


def test_a_draft_that_a_killed_run_left_is_no_obstacle(bench: Workbench) -> None:
    # In a container every run has the same process id.
    (bench.out / f".draft-{os.getpid()}").mkdir(parents=True)
    ended = bench.run()

    assert ended.status == 0, ended.err
    assert [path.name for path in bench.out.iterdir() if path.name.startswith(".")] == []


def test_a_reply_that_does_not_come_in_time_is_a_failed_request(bench: Workbench) -> None:
    bench.api.teacher = lambda prompt, body, attempt: (
        Hang() if "metals" in prompt else good_answer(prompt, body, attempt)
    )
    ended = bench.run_unjudged("teacher.timeout_s=0.5")

    assert ended.status == 0, ended.err
    assert bench.reasons == {"s3": "generate/error"}
    assert "0.5 s" in bench.table.filter(id="s3")["detail"].item()
