"""What becomes of a response that is no answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from distill.models.post import SHOWN_CHARS, failure_in, refusal

ENVELOPE = json.dumps({"type": "error", "error": {"type": "t", "message": "words of the API"}})


@pytest.mark.parametrize(
    ("status", "retry", "overloaded", "fatal"),
    [
        (302, False, False, False),
        (400, False, False, False),
        (401, False, False, True),
        (403, False, False, True),
        (404, False, False, False),
        (408, True, False, False),
        (429, True, True, False),
        (500, True, False, False),
        (529, True, True, False),
    ],
)
def test_a_refusal_is_told_with_status_and_request(
    status: int, retry: bool, overloaded: bool, fatal: bool
) -> None:
    error = refusal(status, ENVELOPE.encode(), {}, "req_1")

    assert error.detail == f"HTTP {status}, words of the API, request req_1"
    assert (error.retry, error.overloaded, error.fatal) == (retry, overloaded, fatal)


@pytest.mark.parametrize(("says", "retry"), [("true", True), ("false", False)])
def test_the_providers_word_on_another_attempt_comes_before_the_status(
    says: str, retry: bool
) -> None:
    for status in (400, 500):
        assert refusal(status, b"", {"x-should-retry": says}, None).retry == retry


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "HTTP 500"),
        (b"bad\n  gateway", "HTTP 500, bad gateway"),
        (b'"text"', "HTTP 500, text"),
        (b'{"error": "text"}', "HTTP 500, text"),
        (b'{"message": "text"}', "HTTP 500, text"),
        (b'{"error": {"code": 7}}', "HTTP 500, {'code': 7}"),
        (b"\xff\xfe", "HTTP 500, \ufffd\ufffd"),
    ],
)
def test_a_body_without_an_envelope_is_told_in_its_own_words(content: bytes, detail: str) -> None:
    assert refusal(500, content, {}, None).detail == detail


def test_a_page_of_a_gateway_is_cut() -> None:
    assert len(refusal(502, b"<p>" * 10_000, {}, None).detail) < SHOWN_CHARS + 20


@pytest.mark.parametrize(
    ("body", "detail", "retry", "overloaded"),
    [
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            "HTTP 200 with an error like HTTP 529, Overloaded",
            True,
            True,
        ),
        (
            {"error": {"message": "quota", "code": 429}},
            "HTTP 200 with an error like HTTP 429, quota",
            True,
            True,
        ),
        (
            [{"error": {"message": "busy", "status": "UNAVAILABLE"}}],
            "HTTP 200 with an error like HTTP 503, busy",
            True,
            True,
        ),
        (
            {"type": "error", "error": {"type": "api_error", "message": "oh"}},
            "HTTP 200 with an error like HTTP 500, oh",
            True,
            False,
        ),
        (
            {"error": {"type": "invalid_request_error", "message": "too long"}},
            "HTTP 200 with an error like HTTP 400, too long",
            False,
            False,
        ),
        ({"error": "no such thing"}, "HTTP 200 with an error, no such thing", False, False),
        (
            {"object": "error", "message": "no", "code": 400},
            "HTTP 200 with an error like HTTP 400, no",
            False,
            False,
        ),
    ],
)
def test_an_error_in_a_success_is_the_error_that_it_names(
    body: Any, detail: str, retry: bool, overloaded: bool
) -> None:
    error = failure_in(body, {}, None)

    assert error is not None
    assert (error.detail, error.retry, error.overloaded) == (detail, retry, overloaded)
    assert error.maybe_billed == ("like" not in detail)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"error": None, "choices": []},
        {"error": {"message": "a note"}, "choices": [{"message": {}}]},
        {"type": "message", "content": [{"type": "text", "text": "x"}], "error": "a note"},
    ],
)
def test_a_success_without_an_error_is_none(body: Any) -> None:
    assert failure_in(body, {}, None) is None
