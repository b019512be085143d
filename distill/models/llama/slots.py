"""The slots of a llama.cpp server: what each holds, and prompts computed alike whatever that is.

A slot keeps the tokens of its last request, and the next prompt is computed from where it departs
from them. llama.cpp would then let the cache shape the result: a stretch of one token takes another
attention kernel than a longer one, as do tokens that were drawn rather than read. So the slot is
chosen here, and cut back where it holds too much, and one prompt is always the same arithmetic.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from distill.models.llama.backend import STRETCH_TOKENS
from distill.models.llama.chat import IM_END, IM_START

# Share of the shorter of slot and prompt that must be common for the slot to be taken over; with
# less, two jobs that begin alike would overwrite each other's examples in turn.
MIN_SHARED = 0.5

Post = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]


@dataclass
class Slot:
    """What one slot of llama.cpp holds.

    Args:
        index: Its number.
        prompt: The tokens that were computed as a prompt.
        reply: The tokens that were drawn after them, computed one at a time.
        known: Whether the two are true; not so while a request runs, or after a broken one.
        used: Time of the last use, counted in requests.
    """

    index: int
    prompt: list[int] = field(default_factory=list)
    reply: list[int] = field(default_factory=list)
    known: bool = True
    used: int = 0

    def shared(self, tokens: list[int]) -> int:
        """Return how many tokens `tokens` and the slot have in common at the beginning."""
        held = self.prompt + self.reply
        for i, (ours, theirs) in enumerate(zip(held, tokens, strict=False)):
            if ours != theirs:
                return i
        return min(len(held), len(tokens))


class Worker:
    """One llama.cpp server with one thread; whoever calls it has it alone.

    Args:
        post: Sends a JSON body to a path of the server.
        slots: The server's slots.
    """

    def __init__(self, post: Post, slots: int) -> None:
        self.post = post
        self._slots = [Slot(i) for i in range(slots)]
        self._requests = 0

    def shared(self, tokens: list[int]) -> int:
        """Return the longest beginning of `tokens` that a slot holds."""
        return max(slot.shared(tokens) for slot in self._slots)

    async def complete(self, tokens: list[int], **options: Any) -> dict[str, Any]:
        """Return llama.cpp's answer to `tokens`, computed so that only they shape it."""
        slot = self._choose(tokens)
        self._requests += 1
        slot.used = self._requests
        cached, slot.known = slot.known, False
        target = {"id_slot": slot.index, "cache_prompt": cached, "return_tokens": True}
        shared = slot.shared(tokens) if cached else 0
        if (cut := _cut(shared, len(slot.prompt), len(tokens))) is not None:
            # Any token but the one that stands there ends the common beginning.
            other = IM_START if tokens[cut] != IM_START else IM_END
            await self._ask([*tokens[:cut], other], target | {"n_predict": 0})
            target["cache_prompt"] = True
        answer = await self._ask(tokens, target | options)
        slot.prompt, slot.reply, slot.known = tokens, answer["tokens"], True
        return answer

    def _choose(self, tokens: list[int]) -> Slot:
        for slot in self._slots:
            if not slot.known:  # an abandoned request may still run there; llama.cpp waits for it
                return slot
        best = max(self._slots, key=lambda slot: (slot.shared(tokens), -slot.used))
        if best.shared(tokens) >= MIN_SHARED * min(len(tokens), len(best.prompt) or len(tokens)):
            return best
        return min(self._slots, key=lambda slot: slot.used)

    async def _ask(self, tokens: list[int], options: Mapping[str, Any]) -> dict[str, Any]:
        return await self.post("/completion", {"prompt": tokens, **options})


def _cut(shared: int, computed: int, total: int) -> int | None:
    """Return where a slot must be cut before a prompt, or `None` where it can stay as it is.

    Args:
        shared: Tokens at the beginning of the prompt that the slot holds.
        computed: Tokens of the slot that were computed as a prompt.
        total: Tokens of the prompt.
    """
    keep = max(min(shared, computed, total - 2), 0)
    if (total - keep) % STRETCH_TOKENS != 1:
        return keep if keep < shared else None
    # The last stretch would be a single token: one more before it, or all but two ahead of it.
    return keep - 1 if keep else total - 2
