"""What batches bring: odd results, nearly nothing, answers of a wrong model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from batch_bench import fake, open_batches, seeded, words
from fake_batches import Errored, FakeBatches, Odd, faithful
from workbench import Workbench

from distill.errors import LedgerError
from distill.ledger import Ledger
from distill.models.batch_parcel import Parcel
from distill.models.batch_results import KEPT_AT_ONCE
from distill.models.message_batch_results import lines
from distill.models.message_batches import _state
from distill.models.protocol import FailedRequestError

__all__ = ["fake"]
STATE: dict[str, Any] = {
    "id": "msgbatch_013Zva2CMHLNnXjNJJKqJ2EF",
    "processing_status": "ended",
    "request_counts": {"processing": 0, "succeeded": 50, "errored": 30, "expired": 20},
    "created_at": "2026-08-20T18:37:24.100435Z",
    "archived_at": None,
    "results_url": "https://api.example/v1/messages/batches/msgbatch_013/results",
}


def errored(message: str) -> dict[str, Any]:
    error = {"type": "not_found_error", "message": message}
    return {"type": "errored", "error": {"type": "error", "error": error}}


@pytest.mark.parametrize(
    ("result", "why", "is_billed"),
    [
        pytest.param(None, "no result of a batch", False, id="nothing"),
        pytest.param("a text", "no result of a batch", False, id="a text"),
        pytest.param({}, "no result of a batch", False, id="empty"),
        pytest.param({"type": "succeeded"}, "no Messages API response", True, id="no message"),
        pytest.param(
            {"type": "succeeded", "message": "a text"},
            "no Messages API response",
            True,
            id="a text for a message",
        ),
        pytest.param(
            errored("\ud800"),
            "not_found_error",
            False,
            id="half a sign",
        ),
        pytest.param(
            errored("x" * 9999),
            "xxx…",
            False,
            id="very long",
        ),
    ],
)
def test_a_result_that_makes_no_sense_is_a_request_that_failed(
    bench: Workbench, fake: FakeBatches, result: Any, why: str, is_billed: bool
) -> None:
    fake.answer = lambda prompt, attempt: (
        Odd(result) if "metals" in prompt else faithful(prompt, attempt)
    )
    ended = bench.main(words(bench, fake))

    assert ended.status == 0, ended.err
    assert bench.reasons == {"s3": "generate/error"}
    detail = bench.table.filter(id="s3")["detail"].item()
    assert why in detail
    assert len(detail) < 700
    assert fake.created == 1
    assert bench.manifest["teacher"].get("lost", 0) == is_billed
    assert open_batches(bench) == []


@pytest.mark.filterwarnings("always:teacher")
def test_results_that_nobody_asked_for_are_ignored_with_a_warning(
    bench: Workbench, fake: FakeBatches
) -> None:
    message = {"type": "succeeded", "message": {"content": []}}
    fake.strange = [{"custom_id": "somebody-else", "result": message}, {"custom_id": 5}, ["x"]]
    ended = bench.main(words(bench, fake))

    assert ended.status == 0, ended.err
    assert "warning: teacher: batch msgbatch_0001 holds 3 results that nobody asked" in ended.err
    assert bench.manifest["rows"] == 6


@pytest.mark.filterwarnings("ignore:teacher")
def test_a_request_without_a_result_is_sent_once_more(bench: Workbench, fake: FakeBatches) -> None:
    real = fake.create

    def create(requests: list[dict[str, Any]]) -> dict[str, Any]:
        made = real(requests)
        if fake.created == 1:
            fake.batches["msgbatch_0001"]["results"][0]["custom_id"] = "not-ours"
        return made

    fake.create = create  # type: ignore[method-assign]
    ended = bench.main(words(bench, fake))

    assert ended.status == 0, ended.err
    assert [len(requests) for requests in fake.bodies] == [6, 1]
    assert "without a result" in ended.err


@pytest.mark.parametrize("refusals", [[], [404]])
def test_results_that_are_gone_are_asked_for_again(
    bench: Workbench, fake: FakeBatches, refusals: list[int | None]
) -> None:
    fake.refusals = {"results": [*refusals]}
    fake.gone = not refusals
    ended = bench.main(words(bench, fake))

    assert ended.status == 0, ended.err
    assert [len(requests) for requests in fake.bodies] == [6, 6]
    assert "no longer has" in ended.err


def test_more_results_than_are_kept_at_once_keep_their_places(
    bench: Workbench, fake: FakeBatches
) -> None:
    questions = seeded(bench, 3 * KEPT_AT_ONCE // 2)
    assert bench.main(words(bench, fake)).status == 0

    answers = dict(bench.table.select("question", "answer").iter_rows())
    assert all(question in answers[question] for question in questions)


def test_when_nearly_all_fail_the_run_stops_before_the_next_batch(
    bench: Workbench, fake: FakeBatches
) -> None:
    seeded(bench, 60)
    fake.answer = lambda prompt, attempt: (
        Errored("api_error")
        if "number 7 " in prompt
        else faithful(prompt, attempt)
        if "number 9 " in prompt
        else Errored("invalid_request_error")
    )
    ended = bench.main(words(bench, fake))

    assert ended.status == 1
    assert "58 of the last 59 requests failed" in ended.err
    assert "invalid_request_error" in ended.err
    assert fake.created == 1


def test_a_response_that_cannot_be_kept_stops_the_run_and_is_fetched_again(
    bench: Workbench, fake: FakeBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise LedgerError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "put", full)
        ended = bench.main(words(bench, fake))
    assert ended.status == 1
    assert "the disk is full" in ended.err
    assert not ended.has_traceback

    ended = bench.main(words(bench, fake))
    assert ended.status == 0, ended.err
    assert fake.created == 1
    assert bench.manifest["teacher"]["requests"] == 6


def test_a_key_is_not_carried_where_a_redirect_points(bench: Workbench, fake: FakeBatches) -> None:
    fake.moved = True
    ended = bench.main(words(bench, fake))

    assert ended.status == 1
    assert "HTTP 307" in ended.err
    assert fake.calls["/elsewhere"] == 0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="a list"),
        pytest.param(STATE | {"request_counts": None}, id="no counts"),
        pytest.param(STATE | {"request_counts": {"processing": "many"}}, id="words for counts"),
        pytest.param(STATE | {"created_at": "yesterday"}, id="no time"),
        pytest.param(STATE | {"created_at": 5}, id="a number for a time"),
        pytest.param(STATE | {"id": "../../v1/files"}, id="an id that climbs"),
        pytest.param(STATE | {"id": "a\x1b[2Jb"}, id="an id that paints"),
        pytest.param(STATE | {"id": "x" * 10_000}, id="a long id"),
    ],
)
def test_what_is_no_batch_is_an_attempt_that_failed(change: Any) -> None:
    with pytest.raises(FailedRequestError, match="no Message Batch") as caught:
        _state(change)
    assert caught.value.retry
    assert len(str(caught.value)) < 200


def test_a_batch_is_read() -> None:
    state = _state(STATE)
    assert (state.total, state.has_ended, state.has_results) == (100, True, True)
    for change in ({"results_url": None}, {"archived_at": "2026-09-20T18:37:24Z"}):
        assert not _state(STATE | change).has_results


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_stream_is_cut_at_line_feeds_alone(size: int) -> None:
    text = '{"a": "\u2028\x85"}\r\n\n{"b": 1}\n{"c": 2}'.encode()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(text), size):
            yield text[start : start + size]

    async def whole() -> list[Any]:
        return [json.loads(line) async for line in lines(chunks())]

    assert asyncio.run(whole()) == [{"a": "\u2028\x85"}, {"b": 1}, {"c": 2}]


@pytest.mark.parametrize(
    ("custom_id", "number"),
    [("t0-7", 7), *((f"t0-{odd}", None) for odd in ("", "x", "²", "9" * 99)), ("t1-7", None)],
)
def test_an_item_is_known_by_its_id_alone(custom_id: str, number: int | None) -> None:
    assert Parcel("t0", "", 9, {}).number(custom_id) == number
