"""What `distill collapse` leaves, made up."""

from __future__ import annotations

from typing import Any

from distill.collapse.cases import gaussian_case
from distill.collapse.regimes import Regime

REGIMES = (
    Regime(name="replace"),
    Regime(name="keep", share=0.5),
    Regime(name="accumulate"),
)
HOSTILE = "</svg><script>window.owned = 1</script>\u202e\x1b[2J\" onload='x'"


def spread(mean: float) -> dict[str, float]:
    return {"mean": mean, "least": 0.9 * mean, "greatest": 1.1 * mean}


def told(**changes: Any) -> dict[str, Any]:
    """Return what a collapse of three regimes and four generations leaves."""
    return {
        "format": 1,
        "run_id": "0",
        "student": "ngram",
        "measure": "perplexity",
        "real": 200,
        "heldout": 50,
        "seeds_sha256": "a" * 64,
        "theory": gaussian_case(REGIMES, 3),
        "courses": [
            {
                "regime": regime.name,
                "share": None,
                "title": regime.title,
                "sentence": f"perplexity of {regime.name}",
                "generations": [
                    {
                        "number": number,
                        "examples": 200,
                        "heldout": spread(300.0 + 100 * number * (2 - at)),
                        "distinct_2": spread(0.5 - 0.05 * number * (2 - at)),
                        "less_varied": {"mean": alarm, "least": alarm, "greatest": alarm},
                        "support": spread(0.8 - 0.1 * number * (2 - at)),
                        "wrote": "…",
                    }
                    for number in range(4)
                    for alarm in [float(at == 0 and number > 1)]
                ],
            }
            for at, regime in enumerate(REGIMES)
        ],
    } | changes
