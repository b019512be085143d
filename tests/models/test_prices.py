from __future__ import annotations

import pytest
import yaml

from distill.models.prices import Price, price_of
from distill.paths import conf_dir


@pytest.mark.parametrize(
    ("provider", "model", "price"),
    [
        ("anthropic", "claude-opus-4-5", Price(5.0, 25.0)),
        ("anthropic", "claude-opus-4-5-20251101", Price(5.0, 25.0)),
        ("anthropic", "claude-sonnet-4-6", Price(3.0, 15.0)),
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


def test_every_listed_price_is_a_pair_of_numbers() -> None:
    listed = yaml.safe_load((conf_dir() / "prices.yaml").read_text(encoding="utf-8"))["providers"]
    for models in listed.values():
        for name, price in models.items():
            assert set(price) == {"input_usd", "output_usd"}, name
            assert 0 <= price["input_usd"] <= price["output_usd"], name
