"""Requests, tokens and dollars of what a run would ask: expected, and in the worst case.

The worst case is the budget's own: every reply as long as `max_tokens` allows, every request at one
token a byte (a provider's count is an estimate, too), everything written to a prompt cache, and
every grade asked for once more. Attempts that are lost on the way and billed all the same are in
neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from distill.estimate.demand import Demand, Group, union
from distill.estimate.tokens import Experience, InputTokens, OutputTokens
from distill.models.budget import worst_usd
from distill.models.prices import BATCH, ONLINE, PER_MILLION, Price, price_of, price_source
from distill.models.prompt_cache import worth_marking

# A grade that cannot be read is asked for once more.
TIMES = {"judge": 2, "metric_judge": 2}
PLACES = 6


@dataclass(frozen=True, kw_only=True)
class Dollars:
    """A cost; all four are `None` where the price is not known.

    Args:
        expected: The most likely one.
        low: Where replies are shorter than expected.
        high: Where they are longer.
        worst: The bound.
    """

    expected: float | None
    low: float | None
    high: float | None
    worst: float | None


@dataclass(frozen=True, kw_only=True)
class Line:
    """Requests of one kind.

    Args:
        role: As in `costs.ROLES`.
        what: What they are for.
        model: The id that is asked.
        mode: `online` or `batch`.
        max_tokens: Most tokens of one reply.
        cached: Requests that the ledger answers.
        cached_usd: What those would cost without it; `None` where unknown.
        requests: Requests that would be paid for, as far as it is known.
        worst_requests: The most of them.
        under_way: Requests that are in batches under way already; part of the former.
        input_tokens: Expected tokens of the requests.
        output_tokens: Expected tokens of the replies.
        input_how: Where the former come from.
        output_how: Where the latter come from.
        cost: Dollars.
        cache_saves_usd: What prompt caching is expected to save; part of the expected cost.
    """

    role: str
    what: str
    model: str
    mode: str
    max_tokens: int
    cached: int
    cached_usd: float | None
    requests: float
    worst_requests: int
    under_way: int
    input_tokens: float
    output_tokens: float
    input_how: str
    output_how: str
    cost: Dollars
    cache_saves_usd: float | None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a run, or the runs of a sweep together, would come to.

    Args:
        lines: By kind, in the order of the stages.
        total: Dollars of all of them.
        points: Runs that were looked at.
        max_usd: The dollar cap of each run, or `None`.
        dearest: The dollars of the run that costs the most alone; it is what the cap is for.
        notes: What was assumed.
    """

    lines: tuple[Line, ...]
    total: Dollars
    points: int
    max_usd: float | None
    dearest: Dollars
    notes: tuple[str, ...]


def estimate(demands: Sequence[Demand], experience: Experience) -> Estimate:
    """Put tokens and dollars to what runs would ask.

    Args:
        demands: Of one run, or of each point of a sweep.
        experience: Where tokens come from.
    """
    groups = union(demands)
    under_way = frozenset().union(*(demand.under_way for demand in demands))
    taken_in = experience.input_tokens(groups)
    given_out = {group.identity: experience.output_tokens(group) for group in groups}

    def lines_of(some: Iterable[Group]) -> tuple[Line, ...]:
        return tuple(
            _line(group, taken_in[group.identity], given_out[group.identity], under_way)
            for group in some
        )

    lines = lines_of(groups)
    alone = [_total(lines_of(demand.groups)) for demand in demands]
    caps = [demand.max_usd for demand in demands if demand.max_usd is not None]
    return Estimate(
        lines=lines,
        total=_total(lines),
        points=len(demands),
        max_usd=min(caps) if caps else None,
        dearest=max(alone, key=lambda cost: float("inf") if cost.worst is None else cost.worst),
        notes=tuple(dict.fromkeys(note for demand in demands for note in demand.notes)),
    )


def fits(cost: Dollars, max_usd: float | None) -> str | None:
    """Say how a cost stands to a cap: `worst` fits, `expected` fits, `no`; `None` if unknown."""
    if max_usd is None or cost.worst is None or cost.expected is None:
        return None
    if cost.worst <= max_usd:
        return "worst"
    return "expected" if cost.expected <= max_usd else "no"


def as_json(made: Estimate) -> dict[str, Any]:
    """Return an estimate for other programs; unknown dollars are `None`."""
    return {
        "points": made.points,
        "lines": [_line_as_json(line) for line in made.lines],
        "cost_usd": _dollars_as_json(made.total),
        "cached_usd": _sum(line.cached_usd for line in made.lines),
        "budget": {"max_usd": made.max_usd, "fits": fits(made.dearest, made.max_usd)},
        "prices": price_source(),
        "assumptions": list(made.notes),
    }


def _line(
    group: Group, taken_in: InputTokens, given_out: OutputTokens, under_way: frozenset[str]
) -> Line:
    mode = str(getattr(group.model, "mode", ONLINE))
    price = price_of(group.model.provider, group.model.model, mode=mode)
    wishes = group.missing.values()
    weight = sum(wish.weight for wish in wishes)
    input_tokens = taken_in.a_byte * sum(wish.bytes * wish.weight for wish in wishes)
    # In a batch nobody promises that the first request is done before the second begins.
    saves_usd = 0.0 if price is None or mode == BATCH else _cache_saves(group, taken_in, price)

    def dollars(output_tokens: float) -> float | None:
        if price is None:
            return None
        paid = input_tokens * price.input_usd + weight * output_tokens * price.output_usd
        return paid / PER_MILLION - saves_usd

    times = TIMES.get(group.role, 1)
    worst_requests = times * len(wishes)
    worst_in = times * sum(wish.worst_tokens for wish in wishes)
    worst_out = worst_requests * group.model.max_tokens
    return Line(
        role=group.role,
        what=group.what,
        model=group.model.model,
        mode=mode,
        max_tokens=group.model.max_tokens,
        cached=len(group.held),
        cached_usd=_held_usd(group),
        requests=weight,
        worst_requests=worst_requests,
        under_way=len(under_way & group.missing.keys()),
        input_tokens=input_tokens,
        output_tokens=weight * given_out.mean,
        input_how=taken_in.how,
        output_how=given_out.how,
        cost=Dollars(
            expected=dollars(given_out.mean),
            low=dollars(given_out.low),
            high=dollars(given_out.high),
            worst=None if price is None else worst_usd(price, worst_in, worst_out),
        ),
        cache_saves_usd=None if price is None else saves_usd,
    )


def _cache_saves(group: Group, taken_in: InputTokens, price: Price) -> float:
    """Return the dollars that prompt caching is expected to save; the first of a kind writes."""
    beginnings = worth_marking(group.model, (wish.request for wish in group.missing.values()))
    return sum(
        price.cost_usd(input_tokens=1, output_tokens=0)
        * taken_in.a_byte
        * one.bytes
        * ((count - 1) * (1 - price.cache_read) - (price.cache_write - 1))
        for one, count in beginnings.items()
    )


def _held_usd(group: Group) -> float | None:
    price = price_of(group.model.provider, group.model.model)
    if price is None:
        return None if group.held else 0.0
    return sum(
        price.cost_usd(input_tokens=held.input_tokens, output_tokens=held.output_tokens)
        for held in group.held.values()
    )


def _total(lines: Sequence[Line]) -> Dollars:
    """Add lines up; one with an unknown price makes the sum unknown, unless it asks nothing."""
    paid = [line.cost for line in lines if line.worst_requests]
    names = ("expected", "low", "high", "worst")
    return Dollars(**{name: _sum(getattr(cost, name) for cost in paid) for name in names})


def _sum(numbers: Iterable[float | None]) -> float | None:
    known = list(numbers)
    return None if None in known else sum(number for number in known if number is not None)


def _line_as_json(line: Line) -> dict[str, Any]:
    named = asdict(line)
    named["cost_usd"] = _dollars_as_json(line.cost)
    del named["cost"]
    return {key: _rounded(value) for key, value in named.items()}


def _dollars_as_json(cost: Dollars) -> dict[str, Any]:
    return {key: _rounded(value) for key, value in asdict(cost).items()}


def _rounded(value: Any) -> Any:
    return round(value, PLACES) if isinstance(value, float) else value
