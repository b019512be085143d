"""Runs in batches that are killed at any moment, and taken up again."""

from __future__ import annotations

import random

import pytest
from batch_bench import fake, open_batches, seeded, words
from fake_batches import EXPIRED, FakeBatches, faithful
from workbench import Workbench

from distill.ledger import Ledger

__all__ = ["fake"]
QUESTIONS, KILLS = 12, 4


def kill_at(bench: Workbench, fake: FakeBatches, line: list[str], step: str, number: int) -> None:
    """Run a command and kill it when a call was made so often, unless it ends before."""
    before = fake.calls[step]
    with bench.start(line) as process:
        fake.wait_until(
            lambda: process.poll() is not None or fake.calls[step] - before >= number,
            unless=lambda: None,
        )
        process.kill()
        process.communicate(timeout=60)


@pytest.mark.parametrize("seed", range(2))
def test_killed_over_and_over_it_sends_nothing_twice_and_comes_out_whole(
    bench: Workbench, fake: FakeBatches, seed: int
) -> None:
    questions = seeded(bench, QUESTIONS)
    late = (questions[2], questions[7])
    fake.answer = lambda prompt, attempt: (
        EXPIRED if not attempt and prompt.endswith(late) else faithful(prompt, attempt)
    )
    fake.polls = 3
    # One batch is too large, so that there are several.
    fake.too_many = 8
    draw = random.Random(seed)
    line = words(bench, fake)
    for _ in range(KILLS):
        kill_at(bench, fake, line, draw.choice(["create", "state", "results"]), draw.randint(1, 3))

    ended = bench.main(line)
    assert ended.status == 0, ended.err
    assert bench.manifest["rows"] == QUESTIONS
    assert len(fake.submitted) == QUESTIONS
    for prompt, number in fake.submitted.items():
        assert number == 1 + prompt.endswith(late), prompt
    assert open_batches(bench) == []
    with Ledger(str(bench.ledger)) as ledger:
        assert ledger.count() == QUESTIONS
    answers = dict(bench.table.select("question", "answer").iter_rows())
    assert all(question in answers[question] for question in questions)


def test_a_run_waits_for_a_process_that_is_paying_and_takes_over_when_it_is_killed(
    bench: Workbench, fake: FakeBatches
) -> None:
    fake.is_held.set()
    with bench.start(words(bench, fake)) as first:
        fake.wait_until(lambda: fake.calls["state"] > 0, unless=first.poll)
        models = "/v1/models/claude-opus-4-5-20251101"
        with bench.start(words(bench, fake, "paths.out=runs/two")) as second:
            # The second one asks for the model, and then finds that all is being paid for.
            fake.wait_until(lambda: fake.calls[models] == 2, unless=second.poll)
            first.kill()
            first.communicate(timeout=60)
            fake.is_held.clear()
            _, err = second.communicate(timeout=60)

    assert second.returncode == 0, err
    assert "going on with batch msgbatch_0001, 6 of 6 requests" in err
    assert set(fake.submitted.values()) == {1}
