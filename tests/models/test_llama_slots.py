"""Slots: whatever ran before, a prompt is computed in the same kind of stretches."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.models.llama import slots
from distill.models.llama.slots import Worker

STRETCH = 4


class FakeLlama:
    """Keeps and cuts its slots as llama.cpp does, and remembers how each token was computed."""

    def __init__(self, count: int) -> None:
        self.slots: list[list[tuple[int, str]]] = [[] for _ in range(count)]
        self.fails = False
        self.computed = 0

    async def __call__(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        assert path == "/completion"
        held, prompt = self.slots[body["id_slot"]], list(body["prompt"])
        keep = 0
        while body["cache_prompt"] and keep < min(len(held), len(prompt)):
            if held[keep][0] != prompt[keep]:
                break
            keep += 1
        keep = min(keep, len(prompt) - 1)  # the last token is computed again, for its logits
        del held[keep:]
        while keep < len(prompt):
            stretch = prompt[keep : keep + STRETCH]
            held += [(token, "one" if len(stretch) == 1 else "many") for token in stretch]
            keep += len(stretch)
            self.computed += len(stretch)
        if self.fails:
            raise ConnectionError
        how = [kind for _, kind in held[: len(prompt)]]
        reply = REPLY[: body["n_predict"]]
        held += [(token, "drawn") for token in reply[:-1]]
        return {"tokens": reply, "how": how}


REPLY = [3, 1, 3]


def prompts() -> st.SearchStrategy[list[int]]:
    # Few tokens and long common beginnings, so that slots are shared, outgrown and cut.
    # Some go on from a reply, as the next turn of a chat does.
    begun = st.integers(0, 12).map(lambda n: [(i * i) % 3 for i in range(n)])
    end = st.lists(st.integers(0, 3), min_size=5, max_size=12) | st.just([0, 1, 2, 0, 1])
    later = st.just([]) | st.lists(st.integers(0, 3), min_size=2, max_size=5).map(REPLY.__add__)
    return st.tuples(begun, end, later).map(lambda parts: [*parts[0], *parts[1], *parts[2]])


@given(
    st.integers(1, 3),
    st.lists(st.tuples(prompts(), st.integers(1, 3), st.booleans()), min_size=1, max_size=12),
)
def test_no_prompt_token_is_ever_computed_alone_or_taken_from_a_reply(
    count: int, requests: list[tuple[list[int], int, bool]]
) -> None:
    async def run() -> None:
        llama = FakeLlama(count)
        worker = Worker(llama, count)
        for prompt, n_predict, fails in requests:
            llama.fails = fails
            try:
                answer = await worker.complete(prompt, n_predict=n_predict)
            except ConnectionError:
                continue
            assert set(answer["how"]) == {"many"}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slots, "STRETCH_TOKENS", STRETCH)
        asyncio.run(run())


def test_tokens_that_were_drawn_are_computed_anew_when_a_chat_goes_on_from_them() -> None:
    worker = Worker(FakeLlama(1), 1)
    asyncio.run(worker.complete([0, 1, 2, 0, 1], n_predict=3))
    answer = asyncio.run(worker.complete([0, 1, 2, 0, 1, *REPLY, 2, 2], n_predict=1))
    assert "drawn" not in answer["how"]


def test_a_common_beginning_is_computed_once() -> None:
    llama = FakeLlama(2)
    worker = Worker(llama, 2)
    shots = list(range(100))
    for i in range(3):
        asyncio.run(worker.complete([*shots, 200 + i, 300, 301], n_predict=1))
    assert llama.computed == 103 + 3 + 3


def test_two_jobs_that_begin_alike_keep_a_slot_each() -> None:
    llama = FakeLlama(2)
    worker = Worker(llama, 2)
    system = list(range(20))
    jobs = [[*system, *range(100, 160)], [*system, *range(200, 260)]]
    for i in range(4):
        asyncio.run(worker.complete([*jobs[i % 2], 300 + i, 400, 401], n_predict=1))
    assert llama.computed == 2 * 83 + 2 * 3


def test_a_slot_of_an_abandoned_request_is_used_next_and_from_scratch() -> None:
    llama = FakeLlama(2)
    worker = Worker(llama, 2)
    prompt = list(range(10))
    asyncio.run(worker.complete(prompt, n_predict=1))
    llama.fails = True
    with pytest.raises(ConnectionError):
        asyncio.run(worker.complete([*prompt, 50, 51], n_predict=1))
    llama.fails, llama.computed = False, 0
    asyncio.run(worker.complete([*prompt, 60, 61], n_predict=1))
    assert llama.computed == 12
