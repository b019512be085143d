"""What a token costs, out of `conf/prices.yaml`; an unknown price is `None`, never a guess."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import yaml

from distill.paths import conf_dir

PER_MILLION = 1_000_000


@dataclass(frozen=True)
class Price:
    """Dollars a million tokens.

    Args:
        input_usd: A million tokens of requests.
        output_usd: A million tokens of replies.
    """

    input_usd: float
    output_usd: float

    def cost_usd(self, *, input_tokens: int, output_tokens: int) -> float:
        """Return the dollars for so many tokens."""
        return (input_tokens * self.input_usd + output_tokens * self.output_usd) / PER_MILLION


@cache
def _price_list() -> dict[str, dict[str, dict[str, float]]]:
    with (conf_dir() / "prices.yaml").open(encoding="utf-8") as file:
        prices: dict[str, dict[str, dict[str, float]]] = yaml.safe_load(file)["providers"]
    return prices


def price_of(provider: str, model: str) -> Price | None:
    """Return the price of a model, or `None` where it is not known.

    A dated id costs what its undated form costs; a provider's `*` stands for all its models.
    """
    models = _price_list().get(provider, {})
    undated = model[:-9] if len(model) > 9 and model[-8:].isdigit() else model
    found = models.get(model) or models.get(undated) or models.get("*")
    return Price(found["input_usd"], found["output_usd"]) if found is not None else None
