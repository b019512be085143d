from __future__ import annotations

import pytest
import yaml

from distill.models.prices import Price, min_cache_tokens, price_of, price_source
from distill.paths import conf_dir

CACHE = {"cache_write": 1.25, "cache_read": 0.1}
LISTED = yaml.safe_load((conf_dir() / "prices.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("provider", "model", "price"),
    [
        ("anthropic", "claude-opus-4-5", Price(5.0, 25.0, **CACHE)),
        ("anthropic", "claude-opus-4-5-20251101", Price(5.0, 25.0, **CACHE)),
        ("anthropic", "claude-sonnet-4-6", Price(3.0, 15.0, **CACHE)),
        ("anthropic", "claude-opus-5-5", Price(4.0, 20.0, cache_write=1.25, cache_read=0.05)),
        ("local", "anything", Price(0.0, 0.0)),
        ("anthropic", "claude-unheard-of", None),
        ("anthropic", "claude-opus-4", None),
        ("anthropic", "20251101", None),
        ("anthropic", "", None),
        ("openai", "gpt", None),
        ("nobody", "claude-opus-4-5", None),
    ],
)
def test_a_price_is_listed_or_unknown(provider: str, model: str, price: Price | None) -> None:
    assert price_of(provider, model) == price


def test_a_price_is_by_the_million() -> None:
    assert Price(2.0, 10.0).cost_usd(input_tokens=500_000, output_tokens=1) == pytest.approx(
        1.00001
    )


def test_cached_tokens_are_part_of_the_input_at_a_price_of_their_own() -> None:
    price = Price(10.0, 0.0, **CACHE)
    parts = {"cache_write_tokens": 200_000, "cache_read_tokens": 700_000}

    cost_usd = price.cost_usd(input_tokens=1_000_000, output_tokens=0, **parts)

    assert cost_usd == pytest.approx(1.0 + 2.5 + 0.7)


def test_a_batch_costs_half_and_is_unknown_where_the_provider_has_none() -> None:
    online, batch = (price_of("anthropic", "claude-opus-4-5", mode=m) for m in ("online", "batch"))

    assert online is not None
    assert batch == Price(2.5, 12.5, **CACHE)
    assert price_of("anthropic", "claude-unheard-of", mode="batch") is None
    assert price_of("local", "anything", mode="batch") is None


def test_every_listed_price_is_a_pair_of_numbers() -> None:
    for models in LISTED["providers"].values():
        for name, price in models.items():
            assert (
                {"input_usd", "output_usd"}
                <= set(price)
                <= {
                    "input_usd",
                    "output_usd",
                    "cache_write",
                    "cache_read",
                }
            ), name
            assert 0 <= price["input_usd"] <= price["output_usd"], name


def test_every_multiplier_is_of_a_provider_with_prices() -> None:
    for provider, shares in LISTED["multipliers"].items():
        assert provider in LISTED["providers"]
        assert 0 < shares["batch"] <= 1
        assert 0 < shares["cache_read"] < 1 <= shares["cache_write"]


def test_the_prices_say_where_they_come_from_and_when() -> None:
    assert "Pricing" in price_source()
    assert "2026" in price_source()


@pytest.mark.parametrize(
    ("provider", "model", "tokens"),
    [
        ("anthropic", "claude-opus-4-5-20251101", 4096),
        ("anthropic", "claude-opus-5-5", 512),
        ("anthropic", "claude-unheard-of", 1024),
        ("local", "anything", None),
    ],
)
def test_the_least_that_is_cached_differs_by_model(
    provider: str, model: str, tokens: int | None
) -> None:
    assert min_cache_tokens(provider, model) == tokens
