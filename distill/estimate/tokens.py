"""How many tokens requests and replies have: counted, learned from the ledger, or assumed.

Each figure says which. Requests: the provider counts a sample, and the rest follows by their
bytes; without it the ledger's own requests of the model say how many bytes a token has. Replies:
those of the model to requests of the same kind, with a 95 % interval for the mean of as many
further ones; without them half of `max_tokens`, which is a guess and said to be one.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from distill.errors import DistillError
from distill.estimate.demand import Group, frame_and_prompt
from distill.estimate.stored import Seen, StoredResponses
from distill.models.counting import CountingError, CountsTokens, count_all
from distill.models.keys import has_key
from distill.models.pace import BYTES_A_TOKEN
from distill.models.protocol import Model

# Earlier requests that are looked at, and as many as say something.
LOOKED_AT, ENOUGH = 1000, 10
NORMAL_95 = 1.96
# A reply that only names one of a few things is short whatever max_tokens allows.
CLOSED_BYTES_A_TOKEN = 2.0


@dataclass(frozen=True)
class InputTokens:
    """Tokens of a group's requests.

    Args:
        a_byte: Tokens a byte of what is sent.
        how: Where that comes from, in words.
    """

    a_byte: float
    how: str


@dataclass(frozen=True)
class OutputTokens:
    """Tokens of one of a group's replies.

    Args:
        mean: Expected.
        low: Lower limit of the mean of all of them.
        high: Upper limit.
        how: Where that comes from, in words.
    """

    mean: float
    low: float
    high: float
    how: str


@dataclass
class Experience:
    """What the ledger and the provider's counter know.

    Args:
        ledgers: Ledgers to learn from.
        sample: Most requests that are counted by a provider; 0 for none.
        seed: Of the draw of them.
    """

    ledgers: Sequence[StoredResponses]
    sample: int
    seed: int
    _seen: dict[tuple[str, str, str], list[Seen]] = field(default_factory=dict)
    _kinds: dict[tuple[str, str, str], list[tuple[str, str]]] = field(default_factory=dict)

    def answer_tokens(self, group: Group) -> float:
        """Return the tokens that one reply of `group` is expected to have."""
        return self.output_tokens(group).mean

    def output_tokens(self, group: Group) -> OutputTokens:
        """Return the tokens of a reply, from replies of the model to requests like these."""
        if _scores_labels(group):
            return OutputTokens(0, 0, 0, "labels are scored, nothing is written")
        most = group.model.max_tokens
        seen, kinds = self._earlier(group.model), self._kinds_of(group.model)
        start = _common_start([wish.request.prompt for wish in group.missing.values()])
        same = [
            one.output_tokens
            for one, (frame, prompt) in zip(seen, kinds, strict=True)
            if frame == group.frame and prompt.startswith(start)
        ]
        if len(same) >= ENOUGH:
            how = f"{len(same)} replies of this model for this task in the ledger"
            return _spread(same, len(group.missing), most, how)
        like = [
            one.output_tokens
            for one, (frame, _) in zip(seen, kinds, strict=True)
            if _form(frame) == _form(group.frame)
        ]
        if len(like) >= ENOUGH:
            how = f"{len(like)} replies of this model for other tasks in the ledger"
            return _spread(like, len(group.missing), most, how)
        closed = _closed_reply(group)
        if closed is not None:
            return OutputTokens(
                closed, 0, most, "assumed: the longest reply that the schema allows"
            )
        return OutputTokens(most / 2, 0, most, "assumed: half of max_tokens")

    def input_tokens(self, groups: Sequence[Group]) -> dict[tuple[str, ...], InputTokens]:
        """Return the tokens of requests, by the identity of their group."""
        counted = [group for group in groups if group.missing and _can_count(group.model)]
        found: dict[tuple[str, ...], InputTokens] = {}
        for i, group in enumerate(counted):
            # What one group leaves over is there for the next ones.
            left = self.sample - sum(
                min(len(one.missing), self.sample // len(counted)) for one in counted[:i]
            )
            share = max(1, left // (len(counted) - i)) if left > 0 else 0
            found[group.identity] = self._counted(group, share)
        for group in groups:
            found.setdefault(group.identity, self._learned(group.model))
        return found

    def _counted(self, group: Group, share: int) -> InputTokens:
        """Have the provider count some of the requests."""
        if share == 0:
            return self._learned(group.model)
        keys = sorted(group.missing)
        drawn = random.Random(self.seed).sample(keys, min(share, len(keys)))  # noqa: S311
        texts = [group.text(group.missing[key]) for key in drawn]
        assert isinstance(group.model, CountsTokens)  # noqa: S101 - the caller has looked
        try:
            tokens = sum(count_all(group.model, group.role, texts))
        except (CountingError, DistillError) as error:
            learned = self._learned(group.model)
            why = " ".join(str(error).splitlines()[0].split()).rstrip(".")
            return InputTokens(learned.a_byte, f"{learned.how}; not counted: {why}")
        size = sum(group.missing[key].bytes for key in drawn)
        if len(drawn) == len(keys):
            return InputTokens(tokens / size, "counted by the provider")
        how = f"{len(drawn)} of {len(keys)} counted by the provider, the rest by their bytes"
        return InputTokens(tokens / size, how)

    def _learned(self, model: Model) -> InputTokens:
        seen = [one for one in self._earlier(model) if one.input_tokens > 0]
        if len(seen) < ENOUGH:
            return InputTokens(1 / BYTES_A_TOKEN, f"assumed: {BYTES_A_TOKEN:g} bytes a token")
        size = sum(len(one.request.encode()) for one in seen)
        tokens = sum(one.input_tokens for one in seen)
        how = f"{size / tokens:.1f} bytes a token, as in {len(seen)} requests in the ledger"
        return InputTokens(tokens / size, how)

    def _earlier(self, model: Model) -> list[Seen]:
        which = (model.provider, model.namespace, model.model)
        if which not in self._seen:
            some = [one for ledger in self.ledgers for one in ledger.some_of(model, LOOKED_AT)]
            self._seen[which] = some
        return self._seen[which]

    def _kinds_of(self, model: Model) -> list[tuple[str, str]]:
        which = (model.provider, model.namespace, model.model)
        if which not in self._kinds:
            self._kinds[which] = [_kind(one) for one in self._earlier(model)]
        return self._kinds[which]


def _kind(seen: Seen) -> tuple[str, str]:
    try:
        return frame_and_prompt(seen.request)
    except ValueError:
        return "{}", ""


def _can_count(model: Model) -> bool:
    key, base_url = getattr(model, "api_key_env", None), getattr(model, "base_url", None)
    return isinstance(model, CountsTokens) and has_key(key, base_url)


def _common_start(prompts: Sequence[str]) -> str:
    """Return the words that all prompts begin with; nothing is learned from a single one."""
    if len(prompts) < 2:
        return ""
    first, last = min(prompts), max(prompts)
    # Of sorted texts the first and the last have the least in common.
    same = (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return first[: next(same, min(len(first), len(last)))]


def _spread(tokens: Sequence[int], wanted: int, most: int, how: str) -> OutputTokens:
    """Return the mean, and a 95 % interval for the mean of `wanted` further replies."""
    cut = [min(count, most) for count in tokens]
    mean = fmean(cut)
    half = NORMAL_95 * stdev(cut) * math.sqrt(1 / len(cut) + 1 / max(1, wanted))
    return OutputTokens(mean, max(0.0, mean - half), min(float(most), mean + half), how)


def _form(frame: str) -> str:
    """Return how a reply is bound: by a schema, by labels, or not at all."""
    body: Mapping[str, object] = json.loads(frame)
    parts = {name: body.get(name) for name in ("output_config", "response_format", "label_scores")}
    return json.dumps(parts, sort_keys=True)


def _scores_labels(group: Group) -> bool:
    return bool(json.loads(group.frame).get("label_scores"))


def _closed_reply(group: Group) -> float | None:
    """Return the tokens of the longest reply that a schema of enums allows; `None` for others."""
    schema = next(iter(group.missing.values())).request.schema if group.missing else None
    properties = (schema or {}).get("properties")
    if not isinstance(properties, Mapping):
        return None
    if not properties or not all("enum" in rule for rule in properties.values()):
        return None
    longest = {
        name: max(rule["enum"], key=lambda value: len(str(value)))
        for name, rule in properties.items()
    }
    return len(json.dumps(longest).encode()) / CLOSED_BYTES_A_TOKEN
