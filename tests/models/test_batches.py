"""Runs whose requests go in batches."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest
from batch_bench import fake, open_batches, words
from fake_batches import CANCELED, EXPIRED, Errored, FakeBatches, faithful
from replayed import replaying
from workbench import QUESTIONS, REPOSITORY, Workbench

from distill.ledger import Ledger
from distill.models.message_batches import MessageBatches

__all__ = ["fake"]
NUMBER = len(QUESTIONS)
RECORDED = REPOSITORY.parent / "shared" / "data" / "gsm8k" / "recorded_answers.jsonl"
REPLAY = REPOSITORY.parent / "shared" / "tools" / "replay_api.py"


def test_a_run_in_batches_gives_what_a_run_online_gives(
    bench: Workbench, fake: FakeBatches
) -> None:
    ended = bench.main(words(bench, fake))
    assert ended.status == 0, ended.err
    assert (fake.created, fake.online) == (1, 0)
    assert "msgbatch_0001 of 6 requests" in ended.err
    digest = bench.manifest["dataset_sha256"]
    assert bench.manifest["teacher"]["requests"] == NUMBER
    # 100 tokens in at $5 a million, 200 out at $25, at half the price.
    assert bench.manifest["teacher"]["cost_usd"] == pytest.approx(NUMBER * 0.0055 / 2)
    assert open_batches(bench) == []

    online = words(bench, fake, "ledger.url=other.db", "paths.out=runs/online")
    ended = bench.main([word for word in online if word != "teacher.mode=batch"])
    assert ended.status == 0, ended.err
    assert fake.online == NUMBER
    manifest = json.loads((bench.folder / "runs/online/manifest.json").read_text())
    assert manifest["dataset_sha256"] == digest
    assert manifest["config_sha256"] == bench.manifest["config_sha256"]


@pytest.mark.parametrize("first", ["batch", "online"])
def test_either_way_of_asking_answers_the_other(
    bench: Workbench, fake: FakeBatches, first: str
) -> None:
    both = {
        "batch": words(bench, fake),
        "online": [word for word in words(bench, fake) if word != "teacher.mode=batch"],
    }
    second = "online" if first == "batch" else "batch"
    bench.main(both[first])
    counted = (fake.created, fake.online)
    ended = bench.main(both[second])

    assert ended.status == 0, ended.err
    assert (fake.created, fake.online) == counted
    assert bench.manifest["teacher"]["cached"] == NUMBER


@pytest.mark.parametrize("limit", [{"max_requests": 4}, {"max_bytes": 900}])
def test_a_batch_holds_no_more_than_the_provider_takes(
    bench: Workbench, fake: FakeBatches, monkeypatch: pytest.MonkeyPatch, limit: dict[str, int]
) -> None:
    for name, value in limit.items():
        monkeypatch.setattr(MessageBatches, name, value)
    ended = bench.main(words(bench, fake))

    assert ended.status == 0, ended.err
    sizes = [len(batch["results"]) for batch in fake.batches.values()]
    assert sum(sizes) == NUMBER
    assert len(sizes) > 1
    assert max(sizes) <= limit.get("max_requests", NUMBER)


def test_what_may_succeed_is_sent_again_alone_and_the_rest_is_told(
    bench: Workbench, fake: FakeBatches
) -> None:
    def answer(prompt: str, attempt: int) -> Any:
        if "metals" in prompt:
            return Errored("invalid_request_error", "prompt is too long")
        if "vaccines" in prompt and attempt == 0:
            return Errored("api_error", "overheated")
        if "water" in prompt and attempt == 0:
            return EXPIRED
        if "treaty" in prompt and attempt < 2:
            return CANCELED
        return faithful(prompt, attempt)

    fake.answer = answer
    ended = bench.main(words(bench, fake))

    assert ended.status == 0, ended.err
    assert bench.reasons == {"s3": "generate/error"}
    assert "prompt is too long" in bench.table.filter(id="s3")["detail"].item()
    assert sorted(fake.submitted.values()) == [1, 1, 1, 2, 2, 3]
    assert bench.manifest["teacher"]["failed"] == 1
    assert bench.manifest["rows"] == NUMBER - 1


def test_what_never_succeeds_is_given_up(bench: Workbench, fake: FakeBatches) -> None:
    fake.answer = lambda prompt, attempt: (
        EXPIRED if "metals" in prompt else faithful(prompt, attempt)
    )
    ended = bench.main(words(bench, fake))

    assert ended.status == 0, ended.err
    assert bench.reasons == {"s3": "generate/error"}
    detail = bench.table.filter(id="s3")["detail"].item()
    assert "expired" in detail
    assert "after 4 attempts" in detail


def test_an_endpoint_that_is_busy_is_waited_for(bench: Workbench, fake: FakeBatches) -> None:
    fake.refusals = {"create": [429, 429], "state": [500, 429], "results": [529]}
    ended = bench.main(words(bench, fake))

    assert ended.status == 0, ended.err
    assert fake.created == 1
    assert set(fake.submitted.values()) == {1}


def test_a_batch_whose_receipt_was_lost_is_found_and_not_sent_again(
    bench: Workbench, fake: FakeBatches
) -> None:
    fake.lost = 1
    ended = bench.main(words(bench, fake))

    assert ended.status == 0, ended.err
    assert fake.created == 1
    assert set(fake.submitted.values()) == {1}


def test_an_endpoint_without_batches_is_told(bench: Workbench, fake: FakeBatches) -> None:
    fake.has_batches = False
    ended = bench.main(words(bench, fake))

    assert ended.status == 1
    assert "HTTP 404" in ended.err
    assert "hint: teacher.mode=online" in ended.err
    assert not ended.has_traceback
    assert not bench.out.exists()


def test_another_teacher_has_no_batches(bench: Workbench) -> None:
    ended = bench.run_unjudged("teacher=openai", "teacher.model=m", "teacher.mode=batch")

    assert ended.status == 2
    assert "teacher.mode: no such key" in ended.err


def test_a_batch_that_could_pass_the_cap_is_made_smaller_or_not_sent(
    bench: Workbench, fake: FakeBatches
) -> None:
    small = ("teacher.max_tokens=1000", "budget.max_usd=0.08")
    ended = bench.main(words(bench, fake, *small))

    assert ended.status == 0, ended.err
    sizes = [len(batch["results"]) for batch in fake.batches.values()]
    assert sum(sizes) == NUMBER
    assert len(sizes) > 1
    assert bench.manifest["teacher"]["cost_usd"] <= 0.08

    ended = bench.main(words(bench, fake, "teacher.max_tokens=1001", "budget.max_usd=0.001"))
    assert ended.status == 2
    assert "budget.max_usd" in ended.err
    assert sum(fake.submitted.values()) == NUMBER


@pytest.mark.parametrize("moment", ["before its id is known", "while it is processed"])
def test_a_run_that_is_killed_takes_its_batch_up_again(
    bench: Workbench, fake: FakeBatches, moment: str
) -> None:
    fake.is_held.set()
    if moment == "before its id is known":
        # It goes on looking for the batch, whose state it cannot see through.
        fake.lost = 1
    with bench.start(words(bench, fake)) as process:
        fake.wait_until(lambda: fake.created == 1, unless=process.poll)
        if moment == "while it is processed":
            held = fake.batches["msgbatch_0001"]
            fake.wait_until(lambda: held["polls"] > 1, unless=process.poll)
        process.kill()
        process.communicate(timeout=30)
    fake.is_held.clear()

    ended = bench.process(words(bench, fake))

    assert ended.status == 0, ended.err
    assert fake.created == 1
    assert set(fake.submitted.values()) == {1}
    assert bench.manifest["rows"] == NUMBER


def test_two_processes_at_once_send_each_request_once(bench: Workbench, fake: FakeBatches) -> None:
    fake.is_held.set()
    with (
        bench.start(words(bench, fake, "paths.out=runs/a")) as a,
        bench.start(words(bench, fake, "paths.out=runs/b")) as b,
    ):
        fake.wait_until(lambda: fake.created >= 1, unless=lambda: a.poll() or b.poll())
        fake.is_held.clear()
        ends = [process.communicate(timeout=60) for process in (a, b)]

    assert (a.returncode, b.returncode) == (0, 0), ends
    assert set(fake.submitted.values()) == {1}
    assert sum(fake.submitted.values()) == NUMBER


def test_a_wrong_model_stops_the_run_and_its_answers_are_kept(
    bench: Workbench, fake: FakeBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fake_batches

    real = fake_batches.message
    monkeypatch.setattr(
        fake_batches, "message", lambda text, params: real(text, params) | {"model": "other"}
    )
    ended = bench.main(words(bench, fake))

    assert ended.status == 1
    assert "served 'other'" in ended.err
    with Ledger(str(bench.ledger)) as ledger:
        assert ledger.count() == NUMBER


def test_an_interrupt_leaves_the_batch_under_way(bench: Workbench, fake: FakeBatches) -> None:
    fake.is_held.set()
    with bench.start(words(bench, fake)) as process:
        fake.wait_until(lambda: fake.created == 1, unless=process.poll)
        held = fake.batches["msgbatch_0001"]
        fake.wait_until(lambda: held["polls"] > 0, unless=process.poll)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "batch msgbatch_0001 of 6 requests goes on at the provider" in err
    assert "run the same command again" in err
    assert [batch.batch_id for batch in open_batches(bench)] == ["msgbatch_0001"]
    assert "Traceback" not in err
    fake.is_held.clear()

    ended = bench.main(words(bench, fake))

    assert ended.status == 0, ended.err
    assert "going on with batch msgbatch_0001, 6 of 6 requests" in ended.err
    assert fake.created == 1


@pytest.mark.skipif(not RECORDED.is_file(), reason="no recorded answers here")
def test_recorded_answers_make_the_same_dataset_either_way(bench: Workbench) -> None:
    lines = RECORDED.read_text(encoding="utf-8").splitlines()
    bench.write("recorded.jsonl", [{"question": json.loads(line)["question"]} for line in lines])
    digests = {}
    with replaying(REPLAY, RECORDED, "175b_verification") as replay:
        for mode in ("online", "batch"):
            more = (f"teacher.mode={mode}", f"judge.via.mode={mode}", f"ledger.url={mode}.db")
            where = (f"teacher.base_url={replay.url}", f"judge.base_url={replay.url}")
            ended = bench.main(
                ["run", "task=math", "judge=rubric", "seeds.path=recorded.jsonl", "tracking=none",
                 f"paths.out=runs/{mode}", *where, *more]
            )  # fmt: skip
            assert ended.status == 0, ended.err
            manifest = json.loads((bench.folder / "runs" / mode / "manifest.json").read_text())
            digests[mode] = manifest["dataset_sha256"]
        counted = replay.stats()
    assert digests["online"] == digests["batch"]
    assert (counted["answers"], counted["batches"]) == (2 * len(lines), 2)


def test_signs_that_end_a_line_in_a_text_end_none_in_the_results(
    bench: Workbench, fake: FakeBatches
) -> None:
    fake.answer = lambda prompt, attempt: f"one\u2028two\u0085three\x0b {prompt}"
    fake.raw_unicode = True
    ended = bench.main(words(bench, fake))

    assert ended.status == 0, ended.err
    assert set(fake.submitted.values()) == {1}
    assert bench.table["answer"].str.contains("one\u2028two\u0085three").all()


def test_results_that_end_early_are_read_again_and_never_sent_again(
    bench: Workbench, fake: FakeBatches
) -> None:
    fake.cut_results = 2
    ended = bench.main(words(bench, fake))

    assert ended.status == 0, ended.err
    assert fake.created == 1
    assert set(fake.submitted.values()) == {1}
    assert bench.manifest["teacher"]["requests"] == NUMBER


def test_results_that_stay_cut_stop_the_run_and_leave_the_batch(
    bench: Workbench, fake: FakeBatches
) -> None:
    fake.cut_results = 100
    ended = bench.main(words(bench, fake, "teacher.max_retries=0"))
    assert ended.status == 1
    assert "end after 1 of 6" in ended.err
    fake.cut_results = 0

    ended = bench.main(words(bench, fake))
    assert ended.status == 0, ended.err
    assert fake.created == 1
