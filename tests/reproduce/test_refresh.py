"""The live teacher, asked again: what changed, what it cost, and where the answers are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_api import Message, Status, good_answer
from stored_runs import edit_config
from workbench import QUESTIONS, Ended, Workbench


def refreshed(bench: Workbench, *words: str) -> Ended:
    base_url = f"teacher.base_url={bench.api.url}"
    return bench.main(["reproduce", "runs/one", "--refresh", base_url, *words])


def ledgers(bench: Workbench) -> list[Path]:
    return sorted((bench.folder / "outputs" / "refresh").rglob("*.db"))


def changed(prompt: str, body: Any, attempt: int) -> str:
    answer = good_answer(prompt, body, attempt)
    return answer.replace("thoroughly", "briefly", 1) if QUESTIONS[2] in prompt else answer


def test_changed_answers_are_counted_and_shown(bench: Workbench) -> None:
    bench.run()
    before = bench.files(bench.out)
    bench.api.forget()
    bench.api.teacher = changed

    ended = refreshed(bench)

    assert ended.status == 0, ended.err
    assert "1 of 6 answers changed, 1 of them come to another final answer." in ended.out
    assert "row s2: " in ended.out
    assert "briefly" in ended.out
    assert bench.api.count("teacher") == len(QUESTIONS)
    assert bench.api.count("judge") == 0
    assert bench.files(bench.out) == before


def test_another_wording_of_the_same_number_is_the_same_final_answer(bench: Workbench) -> None:
    bench.api.teacher = lambda *_: "Two and two.\n#### 4"
    bench.run_unjudged("task=math")
    bench.api.teacher = lambda *_: "The sum of two and two.\n#### 4.0"

    ended = refreshed(bench)

    assert "6 of 6 answers changed, 0 of them come to another final answer." in ended.out


def test_the_ledger_of_the_run_is_neither_read_nor_written(bench: Workbench) -> None:
    bench.run()
    before = bench.ledger.read_bytes()
    bench.api.forget()

    ended = refreshed(bench)

    assert "0 of 6 answers changed" in ended.out
    assert bench.api.count("teacher") == len(QUESTIONS)
    assert bench.ledger.read_bytes() == before
    assert [path.name for path in ledgers(bench)] != ["unfinished.db"]
    assert str(ledgers(bench)[0].relative_to(bench.folder)) in ended.out


def test_cost_is_shown(bench: Workbench) -> None:
    bench.api.teacher = lambda prompt, body, attempt: Message(
        good_answer(prompt, body, attempt), input_tokens=1000, output_tokens=200
    )
    bench.run()

    ended = refreshed(bench)

    assert f"Cost: ${(6000 * 5 + 1200 * 25) / 1e6:.4f} for 6 requests." in ended.out


def test_a_refresh_that_the_budget_stopped_goes_on_and_the_next_one_asks_anew(
    bench: Workbench,
) -> None:
    bench.run()
    bench.api.forget()
    bench.api.teacher = lambda prompt, body, attempt: Message(
        good_answer(prompt, body, attempt), input_tokens=100, output_tokens=1000
    )

    stopped = refreshed(bench, "budget.max_usd=0.07", "teacher.concurrency=1")
    paid = bench.api.count("teacher")
    assert stopped.status == 2
    assert "budget.max_usd: " in stopped.err
    assert 0 < paid < len(QUESTIONS)
    assert [path.name for path in ledgers(bench)] == ["unfinished.db"]

    ended = refreshed(bench)
    assert ended.status == 0, ended.err
    assert bench.api.count("teacher") == len(QUESTIONS)
    assert f"{paid} more were paid for before" in ended.out

    bench.api.forget()
    refreshed(bench)
    assert bench.api.count("teacher") == len(QUESTIONS)


def test_the_runs_own_budget_holds_where_the_user_gives_none(bench: Workbench) -> None:
    bench.run()
    edit_config(bench.out, lambda config: config["budget"].update(max_usd=0))
    bench.api.forget()

    ended = refreshed(bench)

    assert ended.status == 2
    assert bench.api.count("teacher") == 0
    assert refreshed(bench, "budget.max_usd=null").status == 0


def test_a_ledger_that_the_user_names_is_asked_first(bench: Workbench) -> None:
    bench.run()
    bench.api.forget()

    ended = refreshed(bench, "ledger.url=ledger.db")

    assert ended.status == 0
    assert bench.api.count("teacher") == 0
    assert "Cost: $0.0000 for 0 requests, 6 more were paid for before." in ended.out


def test_requests_that_fail_are_counted_apart(bench: Workbench) -> None:
    bench.run()
    bench.api.teacher = lambda prompt, body, attempt: (
        Status(400) if QUESTIONS[0] in prompt else good_answer(prompt, body, attempt)
    )

    ended = refreshed(bench)

    assert ended.status == 0
    assert "0 of 5 answers changed" in ended.out
    assert "1 requests failed" in ended.out


def test_a_refusal_in_place_of_an_answer_is_a_change(bench: Workbench) -> None:
    bench.run()
    bench.api.teacher = lambda prompt, body, attempt: (
        Message("", stop_reason="refusal")
        if QUESTIONS[0] in prompt
        else good_answer(prompt, body, attempt)
    )

    ended = refreshed(bench)

    assert "1 of 6 answers changed, 1 of them" in ended.out
    assert "row s0: nothing now, 'Answer" in ended.out


def test_another_model_behind_the_same_name_stops_the_refresh(bench: Workbench) -> None:
    bench.run()
    bench.api.teacher = lambda *_: Message("x", model="another-model")

    ended = refreshed(bench)

    assert ended.status == 1
    assert "served 'another-model' instead" in ended.err


def test_an_endpoint_that_only_the_config_names_is_not_asked(bench: Workbench) -> None:
    bench.run()
    bench.api.forget()

    ended = bench.main(["reproduce", "runs/one", "--refresh"])

    assert ended.status == 2
    assert "teacher.base_url: the run asked an endpoint of its own" in ended.err
    assert bench.api.count() == 0
    assert ledgers(bench) == []


def test_the_endpoint_of_the_environment_is_the_users_own(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run()
    bench.api.forget()
    monkeypatch.setenv("ANTHROPIC_BASE_URL", bench.api.url)

    assert bench.main(["reproduce", "runs/one", "--refresh"]).status == 0
    assert bench.api.count("teacher") == len(QUESTIONS)


def test_a_key_out_of_a_variable_that_only_the_config_names_is_not_sent(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run()
    edit_config(bench.out, lambda config: config["teacher"].update(api_key_env="MY_SECRET"))
    monkeypatch.setenv("MY_SECRET", "planted-secret")
    bench.api.forget()

    refused = refreshed(bench)

    assert refused.status == 2
    assert "teacher.api_key_env: the run read its key from 'MY_SECRET'" in refused.err
    assert bench.api.count() == 0
    assert refreshed(bench, "teacher.api_key_env=MY_SECRET").status == 0
    assert "planted-secret" in json.dumps([dict(seen.headers) for seen in bench.api.seen])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["runs/one", "--out", "x"], "leave --out away", id="out"),
        pytest.param(["runs/one/config.yaml"], "name a run", id="config file"),
    ],
)
def test_what_a_refresh_cannot_do_is_told(bench: Workbench, words: list[str], told: str) -> None:
    bench.run_unjudged()

    ended = bench.main(["reproduce", *words, "--refresh"])

    assert ended.status == 2
    assert told in ended.err
