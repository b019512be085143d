"""Batches that are too large, got lost on the way, or are shared with others."""

from __future__ import annotations

import signal
import threading

import pytest
from batch_bench import fake, open_batches, seeded, words
from fake_batches import EXPIRED, FakeBatches, faithful
from workbench import Workbench

from distill.ledger import Ledger
from distill.models import batch_finding, batches
from distill.models.message_batches import MessageBatches

__all__ = ["fake"]


def test_a_batch_is_as_full_as_the_provider_takes_it_to_the_byte(
    bench: Workbench, fake: FakeBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded(bench, 20)
    monkeypatch.setattr(MessageBatches, "max_bytes", 3000)
    ended = bench.main(words(bench, fake))

    assert ended.status == 0, ended.err
    assert sum(fake.submitted.values()) == 20
    assert max(fake.sizes) <= 3000
    # One more would not have fitted.
    one = max(fake.sizes) / max(len(requests) for requests in fake.bodies)
    assert all(size + 1.3 * one > 3000 for size in fake.sizes[:-1])


def test_the_limits_are_the_providers() -> None:
    assert (MessageBatches.max_requests, MessageBatches.max_bytes) == (100_000, 256_000_000)


@pytest.mark.parametrize("limit", [{"too_many": 4}, {"too_many_bytes": 1000}])
def test_an_endpoint_that_takes_less_at_once_gets_smaller_batches(
    bench: Workbench, fake: FakeBatches, limit: dict[str, int]
) -> None:
    seeded(bench, 11)
    for name, value in limit.items():
        setattr(fake, name, value)
    ended = bench.main(words(bench, fake, "budget.max_usd=1"))

    assert ended.status == 0, ended.err
    assert len(fake.bodies) > 2
    assert sorted(fake.submitted.values()) == [1] * 11
    assert bench.manifest["rows"] == 11
    assert "lost" not in bench.manifest["teacher"]
    assert open_batches(bench) == []


def test_a_request_that_is_too_large_for_any_batch_fails_alone(
    bench: Workbench, fake: FakeBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = [f"Why is it number {i}?" for i in range(5)]
    questions[2] = "why? " * 999
    bench.write("seeds.jsonl", [{"id": f"s{i}", "question": q} for i, q in enumerate(questions)])
    fake.too_many_bytes = 4000
    ended = bench.main(words(bench, fake))

    assert ended.status == 0, ended.err
    assert bench.reasons == {"s2": "generate/error"}
    assert "HTTP 413" in bench.table.filter(id="s2")["detail"].item()
    assert sorted(fake.submitted.values()) == [1] * 4
    assert open_batches(bench) == []

    # What the provider would refuse for sure is not even sent.
    monkeypatch.setattr(MessageBatches, "max_bytes", 4000)
    refused = fake.calls["create"]
    ended = bench.main(words(bench, fake))
    assert ended.status == 0, ended.err
    assert fake.calls["create"] == refused
    assert "may have 4,000" in bench.table.filter(id="s2")["detail"].item()


@pytest.mark.parametrize("lateness", [0, 3])
def test_a_batch_whose_receipt_was_lost_is_found_however_late_it_is_listed(
    bench: Workbench, fake: FakeBatches, lateness: int
) -> None:
    fake.lost, fake.hidden = 1, lateness
    ended = bench.main(words(bench, fake, "teacher.lost_batch_s=60", "budget.max_usd=10"))

    assert ended.status == 0, ended.err
    assert fake.created == 1
    assert fake.calls["list"] > lateness
    assert "lost" not in bench.manifest["teacher"]


def test_a_batch_that_never_arrived_is_sent_once_it_was_looked_for(
    bench: Workbench, fake: FakeBatches
) -> None:
    fake.dropped = 1
    ended = bench.main(words(bench, fake, "teacher.lost_batch_s=1"))

    assert ended.status == 0, ended.err
    assert "never arrived" in ended.err
    assert (fake.created, fake.calls["create"]) == (1, 2)
    assert fake.calls["list"] >= 2
    assert "lost" not in bench.manifest["teacher"]


def test_a_lost_batch_is_found_behind_many_others_that_are_not_ours(
    bench: Workbench, fake: FakeBatches
) -> None:
    params = {"model": "m", "messages": [{"role": "user", "content": "Whose?"}]}
    for number in range(5):
        ids = range(6 if number == 2 else 1)
        fake.create([{"custom_id": f"other-{i}", "params": params} for i in ids])
    fake.page, fake.lost = 2, 1
    ended = bench.main(words(bench, fake))

    assert ended.status == 0, ended.err
    assert fake.created == 6
    assert bench.manifest["rows"] == 6


@pytest.mark.filterwarnings("always:teacher")
@pytest.mark.parametrize("status", [404, 405, 501])
def test_where_batches_are_not_listed_what_is_sent_again_counts_as_billed(
    bench: Workbench, fake: FakeBatches, status: int
) -> None:
    fake.listing, fake.lost = status, 1
    ended = bench.main(words(bench, fake, "budget.max_usd=10", "teacher.max_tokens=1000"))

    assert ended.status == 0, ended.err
    assert fake.created == 2
    assert "a batch of 6 requests was taken, and the endpoint does not list" in ended.err
    teacher = bench.manifest["teacher"]
    assert (teacher["requests"], teacher["lost"]) == (6, 6)
    assert teacher["maybe_usd"] > 6 * 1000 * 12.5e-6
    assert bench.manifest["rows"] == 6


@pytest.mark.filterwarnings("always:teacher")
def test_the_cap_has_room_for_a_batch_that_may_have_been_billed_or_it_is_not_sent_again(
    bench: Workbench, fake: FakeBatches
) -> None:
    fake.listing, fake.lost = 404, 1
    # Room for one such batch and not for two.
    few = ("budget.max_usd=0.1", "teacher.max_tokens=1000")
    ended = bench.main(words(bench, fake, *few))

    assert ended.status == 2
    assert "may have been billed for attempts without an answer" in ended.err
    assert fake.created == 1
    assert [batch.batch_id for batch in open_batches(bench)] == [None]

    fake.listing = None
    ended = bench.main(words(bench, fake, *few))
    assert ended.status == 0, ended.err
    assert fake.created == 1


@pytest.mark.filterwarnings("ignore:teacher")
def test_a_batch_that_was_lost_and_then_refused_is_still_looked_for_by_the_next_run(
    bench: Workbench, fake: FakeBatches
) -> None:
    fake.listing, fake.lost = 404, 1
    fake.refusals = {"create": [None, 400]}
    ended = bench.main(words(bench, fake))
    assert ended.status == 1
    assert "HTTP 400" in ended.err

    fake.listing = None
    ended = bench.main(words(bench, fake))
    assert ended.status == 0, ended.err
    assert fake.created == 1


def test_an_endpoint_that_was_never_reached_took_nothing(bench: Workbench) -> None:
    nowhere = "teacher.base_url=http://127.0.0.1:9"
    line = bench.words("judge=none", "filter=none", "teacher.mode=batch", nowhere)
    ended = bench.main(line)

    assert ended.status == 1
    assert "batches: " in ended.err
    assert not ended.has_traceback
    assert open_batches(bench) == []


def test_a_batch_that_the_endpoint_does_not_know_is_not_paid_for_again(
    bench: Workbench, fake: FakeBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.forgotten = True
    ended = bench.main(words(bench, fake))

    assert ended.status == 1
    assert "does not know batch msgbatch_0001" in ended.err
    assert "the key that it was sent with" in ended.err
    assert fake.created == 1

    monkeypatch.setattr(batches, "KEPT", -batches.KEPT)
    ended = bench.main(words(bench, fake))
    assert ended.status == 0, ended.err
    assert fake.created == 2


@pytest.mark.filterwarnings("always:teacher")
def test_what_is_in_a_batch_already_is_told_where_it_is_asked_online(
    bench: Workbench, fake: FakeBatches
) -> None:
    fake.forgotten = True
    bench.main(words(bench, fake))
    ended = bench.main([*words(bench, fake), "teacher.mode=online"])

    assert ended.status == 0, ended.err
    assert "warning: teacher: 6 requests of this run have been sent in a batch" in ended.err
    assert fake.online == 6


@pytest.mark.filterwarnings("ignore:teacher")
def test_what_was_answered_in_the_meantime_is_not_taken_out_of_a_batch(
    bench: Workbench, fake: FakeBatches
) -> None:
    seeded(bench, 6)
    fake.refusals = {"state": [400]}
    assert bench.main(words(bench, fake)).status == 1
    seeded(bench, 2)
    assert bench.main([*words(bench, fake), "teacher.mode=online"]).status == 0

    seeded(bench, 6)
    ended = bench.main(words(bench, fake))
    assert ended.status == 0, ended.err
    assert "going on with batch msgbatch_0001, 4 of 6 requests" in ended.err
    assert (bench.manifest["teacher"]["cached"], bench.manifest["teacher"]["requests"]) == (2, 4)
    assert fake.created == 1
    assert open_batches(bench) == []


def test_a_run_of_other_seeds_keeps_everything_that_a_batch_brings(
    bench: Workbench, fake: FakeBatches
) -> None:
    seeded(bench, 10)
    fake.refusals = {"state": [400]}
    assert bench.main(words(bench, fake)).status == 1

    seeded(bench, 4)
    ended = bench.main(words(bench, fake))
    assert ended.status == 0, ended.err
    assert bench.manifest["rows"] == 4
    assert open_batches(bench) == []

    seeded(bench, 12)
    ended = bench.main(words(bench, fake))
    assert ended.status == 0, ended.err
    assert sorted(fake.submitted.values()) == [1] * 12
    assert bench.manifest["teacher"]["cached"] == 10


def test_what_somebody_elses_seeds_lack_of_a_batch_is_not_asked_again_for_them(
    bench: Workbench, fake: FakeBatches
) -> None:
    questions = seeded(bench, 6)
    fake.answer = lambda prompt, attempt: (
        EXPIRED if not attempt and questions[5] in prompt else faithful(prompt, attempt)
    )
    fake.refusals = {"state": [400]}
    assert bench.main(words(bench, fake)).status == 1

    seeded(bench, 2)
    assert bench.main(words(bench, fake)).status == 0
    assert fake.created == 1
    seeded(bench, 6)
    ended = bench.main(words(bench, fake))
    assert ended.status == 0, ended.err
    assert [len(requests) for requests in fake.bodies] == [6, 1]


def test_an_interrupt_while_a_batch_is_being_sent_waits_for_its_id(
    bench: Workbench, fake: FakeBatches
) -> None:
    fake.stands = threading.Event()
    with bench.start(words(bench, fake)) as process:
        fake.wait_until(lambda: fake.created == 1, unless=process.poll)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "a batch is just being sent" not in process.stderr.readline():
            assert process.poll() is None
        fake.stands.set()
        _, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert [batch.batch_id for batch in open_batches(bench)] == ["msgbatch_0001"]


def test_a_second_interrupt_does_not_wait_and_the_batch_is_found_later(
    bench: Workbench, fake: FakeBatches
) -> None:
    fake.stands = threading.Event()
    with bench.start(words(bench, fake)) as process:
        fake.wait_until(lambda: fake.created == 1, unless=process.poll)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "a batch is just being sent" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    fake.stands.set()

    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert [batch.batch_id for batch in open_batches(bench)] == [None]
    ended = bench.main(words(bench, fake))
    assert ended.status == 0, ended.err
    assert fake.created == 1


def test_what_was_written_down_long_ago_is_looked_for_once(
    bench: Workbench, fake: FakeBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.dropped = 1
    fake.listing = 400
    assert bench.main(words(bench, fake)).status == 1
    fake.listing = None
    fake.calls.clear()

    monkeypatch.setattr(batch_finding, "LONG_AGO", -batch_finding.LONG_AGO)
    ended = bench.main(words(bench, fake, "teacher.lost_batch_s=600"))
    assert ended.status == 0, ended.err
    assert fake.calls["list"] == 1
    assert fake.created == 1


def test_what_was_sent_is_fetched_whatever_the_cap_says_now_and_counts(
    bench: Workbench, fake: FakeBatches
) -> None:
    fake.refusals = {"state": [400]}
    assert bench.main(words(bench, fake)).status == 1

    ended = bench.main(words(bench, fake, "budget.max_usd=0"))
    assert ended.status == 0, ended.err
    assert bench.manifest["teacher"]["cost_usd"] > 0
    with Ledger(str(bench.ledger)) as ledger:
        assert {entry.request_id for entry in ledger.entries()} == {"msgbatch_0001"}
