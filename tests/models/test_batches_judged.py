"""A judge that is asked in batches, and beginnings that the requests of a batch share."""

from __future__ import annotations

import json
from typing import Any

import pytest
from batch_bench import fake, seeded, words
from fake_batches import EXPIRED, FakeBatches, Odd, faithful, message
from workbench import QUESTIONS, Workbench

from distill.ledger import Ledger

__all__ = ["fake"]
NUMBER = len(QUESTIONS)
# Longer than any model's least: four bytes a token.
LONG = "You answer questions about the history of technology. " * 400


def judged(bench: Workbench, fake: FakeBatches, *more: str) -> list[str]:
    """Return the command line of a run whose judge is asked at the same endpoint."""
    plain = [word for word in words(bench, fake) if not word.startswith("judge=")]
    return [*plain, f"judge.base_url={fake.url}", "judge.via.max_retries=2", *more]


def is_grade(prompt: str) -> bool:
    return prompt.startswith("Grade the answer")


@pytest.mark.parametrize("key", ["judge.mode", "judge.via.mode"])
def test_a_judge_is_asked_in_batches_at_half_the_price(
    bench: Workbench, fake: FakeBatches, key: str
) -> None:
    ended = bench.main(judged(bench, fake, f"{key}=batch"))

    assert ended.status == 0, ended.err
    assert (fake.created, fake.online) == (2, 0)
    judge = bench.manifest["judge"]
    assert judge["requests"] == bench.manifest["rows"] == NUMBER
    # 100 tokens in at $3 a million, 200 out at $15, at half the price.
    assert judge["cost_usd"] == pytest.approx(NUMBER * 0.0033 / 2)
    paid_usd = judge["cost_usd"] + bench.manifest["teacher"]["cost_usd"]
    assert bench.manifest["cost_if_uncached_usd"] == pytest.approx(paid_usd, abs=1e-5)
    digests = {bench.manifest["config_sha256"]}

    ended = bench.main(judged(bench, fake, "judge.mode=online", "teacher.mode=online"))
    assert ended.status == 0, ended.err
    assert (fake.created, fake.online) == (2, 0)
    assert bench.manifest["cost_if_uncached_usd"] == pytest.approx(2 * paid_usd, abs=1e-5)
    assert digests == {bench.manifest["config_sha256"]}


def test_the_judges_mode_wins_over_that_of_its_provider(
    bench: Workbench, fake: FakeBatches
) -> None:
    ended = bench.main(judged(bench, fake, "judge.mode=online", "judge.via.mode=batch"))

    assert ended.status == 0, ended.err
    assert (fake.created, fake.online) == (1, NUMBER)


def test_grades_that_cannot_be_read_are_asked_for_once_more_in_a_batch(
    bench: Workbench, fake: FakeBatches
) -> None:
    bad = {"type": "succeeded", "message": message("no grades", {"model": "claude-sonnet-4-6"})}
    fake.answer = lambda prompt, attempt: (
        Odd(bad)
        if is_grade(prompt) and "metals" in prompt and not attempt
        else EXPIRED
        if is_grade(prompt) and "vaccines" in prompt and not attempt
        else faithful(prompt, attempt)
    )
    ended = bench.main(judged(bench, fake, "judge.mode=batch"))

    assert ended.status == 0, ended.err
    assert fake.online == 0
    # Answers; grades; the one that expired; the one that could not be read.
    assert [len(requests) for requests in fake.bodies] == [NUMBER, NUMBER, 1, 1]
    assert bench.manifest["judge"]["requests"] == NUMBER + 1
    assert bench.manifest["rows"] == NUMBER


def test_a_judge_of_a_provider_without_batches_says_so(bench: Workbench) -> None:
    provider = ("teacher@judge.via=openai", "judge.model=gpt", "judge.mode=batch")
    ended = bench.main(bench.words(*provider))

    assert ended.status == 2
    assert "judge.via.mode: no such key" in ended.err


def test_a_mode_that_does_not_exist_is_told(bench: Workbench) -> None:
    ended = bench.main(bench.words("judge.mode=batches"))

    assert ended.status == 2
    assert "judge.mode: got 'batches'" in ended.err


@pytest.mark.parametrize("setting", ["auto", "off"])
def test_a_beginning_that_a_batch_shares_is_marked_on_the_wire_and_nowhere_else(
    bench: Workbench, fake: FakeBatches, setting: str
) -> None:
    caching = (f"task.system='{LONG}'", f"teacher.prompt_cache={setting}")
    ended = bench.main(words(bench, fake, *caching, "budget.max_usd=100"))

    assert ended.status == 0, ended.err
    sent = [request["params"]["system"] for request in fake.bodies[0]]
    mark = {"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}
    assert sent == [[mark] if setting == "auto" else LONG] * NUMBER
    with Ledger(str(bench.ledger)) as ledger:
        kept = [json.loads(entry.request)["system"] for entry in ledger.entries()]
    assert kept == [LONG] * NUMBER

    ended = bench.main(words(bench, fake, *caching, "teacher.mode=online"))
    assert ended.status == 0, ended.err
    assert fake.online == 0


def test_tokens_that_a_batch_reads_from_a_cache_cost_a_tenth_of_half(
    bench: Workbench, fake: FakeBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fake_batches

    real = fake_batches.message

    def cached(text: str, params: Any) -> dict[str, Any]:
        first = "number 0 " in params["messages"][-1]["content"]
        name = "cache_creation_input_tokens" if first else "cache_read_input_tokens"
        usage = {"input_tokens": 0, "output_tokens": 0, name: 5000}
        return real(text, params) | {"usage": usage}

    monkeypatch.setattr(fake_batches, "message", cached)
    seeded(bench, 10)
    ended = bench.main(words(bench, fake, f"task.system='{LONG}'"))

    assert ended.status == 0, ended.err
    # $5 a million, at half the price: one write at 1.25, nine reads at 0.1.
    worth = 5000 * 5e-6 / 2
    assert bench.manifest["teacher"]["cost_usd"] == pytest.approx(worth * (1.25 + 9 * 0.1))


def test_the_doctor_tells_what_batches_cost(bench: Workbench) -> None:
    modes = ("teacher.mode=batch", "judge.mode=batch")
    told = bench.main(["doctor", "ledger.url=ledger.db", "tracking=none", *modes]).out

    assert "$2.5 in, $12.5 out a million tokens, in batches" in told
    assert "$1.5 in, $7.5 out a million tokens, in batches" in told
