"""A beginning that requests share is marked on the wire, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from fake_api import Message, good_answer
from tables import claude
from workbench import QUESTIONS, Workbench

from distill.ledger import Ledger
from distill.models import Request
from distill.models.local import LocalModel
from distill.models.prompt_cache import MIN_SHARING, marked, worth_marking

# Longer than any model's least: four bytes a token.
LONG = "You answer questions about the history of technology. " * 400
PREFIX_TOKENS = len(LONG) // 4


def requests(count: int, **about: Any) -> list[Request]:
    return [Request(prompt=f"question {i}", **about) for i in range(count)]


@pytest.mark.parametrize(
    ("about", "count", "marks"),
    [
        pytest.param({"system": LONG}, MIN_SHARING, True, id="a long system prompt"),
        pytest.param({"system": LONG}, MIN_SHARING - 1, False, id="that too few share"),
        pytest.param({"system": "Be brief."}, 100, False, id="a short one"),
        pytest.param({}, 100, False, id="none at all"),
        pytest.param({"shots": ((LONG, "yes"),)}, MIN_SHARING, True, id="long shots"),
    ],
)
def test_what_is_long_and_shared_is_worth_a_mark(
    about: dict[str, Any], count: int, marks: bool
) -> None:
    assert bool(worth_marking(claude(), requests(count, **about))) == marks


def test_the_least_length_is_the_models_own() -> None:
    asked = requests(10, system="x" * 4 * 2000)

    assert worth_marking(claude(model="claude-sonnet-4-5"), asked)
    assert not worth_marking(claude(model="claude-haiku-4-5"), asked)


def test_only_what_enough_requests_share_is_counted() -> None:
    asked = [*requests(5, system=LONG), *requests(2, system=LONG + "!")]

    (beginning, count), *more = worth_marking(claude(), asked).items()
    assert (beginning.system, count, more) == (LONG, 5, [])


def test_a_model_that_caches_nothing_marks_nothing() -> None:
    asked = requests(10, system=LONG)

    assert not worth_marking(claude(prompt_cache="off"), asked)
    assert not hasattr(LocalModel, "prompt_cache")


def test_the_mark_ends_the_system_prompt_or_the_last_shot() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    last = {"role": "user", "content": "q"}
    shot = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]

    assert marked({"system": "s", "messages": [last]}) == {
        "system": [{"type": "text", "text": "s", **mark}],
        "messages": [last],
    }
    assert marked({"system": "s", "messages": [*shot, last]}) == {
        "system": "s",
        "messages": [
            shot[0],
            {"role": "assistant", "content": [{"type": "text", "text": "b", **mark}]},
            last,
        ],
    }


def caching(prompt: str, body: Mapping[str, Any], attempt: int) -> Message:
    """Answer as an API that keeps what is marked: the first writes, the others read."""
    answer, rest = good_answer(prompt, body, attempt), {"input_tokens": 50, "output_tokens": 100}
    if isinstance(body.get("system"), str):
        rest["input_tokens"] += len(body["system"]) // 4
        return Message(answer, **rest)
    first = prompt.endswith(QUESTIONS[0])
    how = "cache_write_tokens" if first else "cache_read_tokens"
    return Message(answer, **rest, **{how: PREFIX_TOKENS})


def test_a_run_marks_what_it_sends_and_books_what_that_saved(bench: Workbench) -> None:
    bench.api.teacher = caching
    ended = bench.run_unjudged(f"task.system={LONG!r}", "teacher.concurrency=1")

    assert ended.status == 0, ended.err
    spent = bench.manifest["teacher"]
    reads = len(QUESTIONS) - 1
    assert spent["cache_write_tokens"] == PREFIX_TOKENS
    assert spent["cache_read_tokens"] == reads * PREFIX_TOKENS
    tokens = len(QUESTIONS) * 50 + PREFIX_TOKENS * (1.25 + 0.1 * reads)
    cost_usd = (tokens * 5 + len(QUESTIONS) * 100 * 25) / 1e6
    assert spent["cost_usd"] == pytest.approx(cost_usd, abs=1e-6)
    saved_usd = PREFIX_TOKENS * (0.9 * reads - 0.25) * 5 / 1e6
    assert spent["cache_saved_usd"] == pytest.approx(saved_usd, abs=1e-6)
    assert "Prompt caching saved" in ended.out
    assert spent["input_tokens"] == len(QUESTIONS) * (50 + PREFIX_TOKENS)


def test_the_ledger_knows_the_request_without_the_mark(bench: Workbench) -> None:
    bench.api.teacher = caching
    bench.run_unjudged(f"task.system={LONG!r}")
    assert bench.manifest["teacher"]["cache_read_tokens"] > 0
    keys = bench.table["request_key"].to_list()
    with Ledger(str(bench.ledger)) as ledger:
        stored = [json.loads(entry.request) for entry in ledger.get_many(keys)]
    assert [body["system"] for body in stored] == [LONG] * len(QUESTIONS)
    bench.api.forget()

    ended = bench.run_unjudged(f"task.system={LONG!r}", "teacher.prompt_cache=off")

    assert ended.status == 0, ended.err
    assert bench.api.count() == 0
    assert bench.table["request_key"].to_list() == keys


@pytest.mark.parametrize("overrides", [(), ("teacher.prompt_cache=off",)])
def test_without_a_mark_the_very_bytes_of_the_key_are_sent(
    bench: Workbench, overrides: tuple[str, ...]
) -> None:
    system = LONG if overrides else "Be brief."
    bench.run_unjudged(f"task.system={system!r}", *overrides)

    keys = bench.table["request_key"].to_list()
    with Ledger(str(bench.ledger)) as ledger:
        stored = {entry.request.encode() for entry in ledger.get_many(keys)}
    assert {seen.raw for seen in bench.api.seen if seen.kind == "teacher"} == stored
    assert "cache_saved_usd" not in bench.manifest["teacher"]
