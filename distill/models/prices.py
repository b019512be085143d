"""What a token costs, out of `conf/prices.yaml`; an unknown price is `None`, never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import yaml

from distill.paths import conf_dir

PER_MILLION = 1_000_000
ONLINE, BATCH = "online", "batch"
ANY_MODEL = "*"


@dataclass(frozen=True)
class Price:
    """Dollars a million tokens.

    Args:
        input_usd: A million tokens of requests.
        output_usd: A million tokens of replies.
        cache_write: What a request's token costs that is written to a prompt cache, as a multiple
            of `input_usd`.
        cache_read: The same for a token that is read from one.
    """

    input_usd: float
    output_usd: float
    cache_write: float = 1.0
    cache_read: float = 1.0

    def cost_usd(
        self,
        *,
        input_tokens: int,
        output_tokens: int,
        cache_write_tokens: int = 0,
        cache_read_tokens: int = 0,
    ) -> float:
        """Return the dollars for so many tokens.

        Args:
            input_tokens: Of the requests, those written to and read from a prompt cache included.
            output_tokens: Of the replies.
            cache_write_tokens: Those of the input that were written to a prompt cache.
            cache_read_tokens: Those of the input that were read from one.
        """
        plain = input_tokens - cache_write_tokens - cache_read_tokens
        weighed = (
            plain + cache_write_tokens * self.cache_write + cache_read_tokens * self.cache_read
        )
        return (weighed * self.input_usd + output_tokens * self.output_usd) / PER_MILLION

    def times(self, share: float) -> Price:
        """Return the price of a way of asking that costs `share` of this one."""
        return replace(self, input_usd=self.input_usd * share, output_usd=self.output_usd * share)


@cache
def _price_list() -> Mapping[str, Any]:
    with (conf_dir() / "prices.yaml").open(encoding="utf-8") as file:
        listed: dict[str, Any] = yaml.safe_load(file)
    return listed


def price_of(provider: str, model: str, *, mode: str = ONLINE) -> Price | None:
    """Return the price of a model, or `None` where it is not known.

    Args:
        provider: The provider's name.
        model: The model's id. A dated id costs what its undated form costs; a provider's `*`
            stands for all its models.
        mode: `online`, or `batch` where the provider takes requests in batches.
    """
    found = _listed("providers", provider, model)
    if found is None:
        return None
    shares = _price_list()["multipliers"].get(provider, {})
    cache = {name: shares[name] for name in ("cache_write", "cache_read") if name in shares}
    price = Price(**(cache | found))
    if mode != BATCH:
        return price
    share = shares.get(BATCH)
    return None if share is None else price.times(share)


def price_source() -> str:
    """Return where the prices come from, and when they were looked up."""
    listed = _price_list()
    return f"{listed['source']}, state of {listed['as_of']}"


def min_cache_tokens(provider: str, model: str) -> int | None:
    """Return the tokens from which on a provider caches a prompt's beginning; `None` for never."""
    found: int | None = _listed("min_cache_tokens", provider, model)
    return found


def _listed(what: str, provider: str, model: str) -> Any:
    """Return a provider's line for a model, for its undated form, or for all its models."""
    models = _price_list()[what].get(provider, {})
    undated = model[:-9] if len(model) > 9 and model[-8:].isdigit() else model
    names = (model, undated, ANY_MODEL)
    return next((models[name] for name in names if name in models), None)
