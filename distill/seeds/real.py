"""Which labelled seeds become real training examples."""

from __future__ import annotations

import hashlib

import polars as pl

from distill.errors import ConfigError, Fault, shown
from distill.table import SYNTHETIC


def choose_real(frame: pl.DataFrame, real_labels: int | None, seed: int) -> list[str]:
    """Draw labelled seeds so that every number of them has the proportions of all.

    The draw is one fixed order of the labelled seeds, cut off: 25 of them are among the 50. First
    comes one seed a class, the frequent classes before the rare; then seats go to the classes as
    in a proportional election. Within a class a hash of `seed` and id decides, so that the order of
    the file does not matter. Synthetic inputs are never real examples, labelled or not.

    Args:
        frame: Seeds with `id`, `origin`, `reference`; ids differ.
        real_labels: How many to draw, >= 0; `None` draws all that are labelled.
        seed: The run's seed.

    Returns:
        Ids, in the order of the draw.

    Raises:
        ConfigError: there are fewer labelled seeds than `real_labels`.

    Source:
        Seats by the divisor method of Webster and Sainte-Laguë, with a first seat for every class.
        The method of largest remainders gives mostly the same numbers but is not monotone (a larger
        draw can take fewer of one class: the Alabama paradox), so its draws do not nest; Balinski
        and Young 1982, "Fair Representation".
    """
    labelled = frame.filter(
        pl.col("reference").is_not_null() & (pl.col("origin") != SYNTHETIC)
    ).select("id", "reference")
    if real_labels is not None and real_labels > labelled.height:
        raise ConfigError([_too_many(frame, real_labels, labelled.height)])
    chance = pl.Series("chance", [_chance(seed, name) for name in labelled["id"]], dtype=pl.String)
    turn = pl.col("chance").rank("ordinal").over("reference")
    order = labelled.with_columns(chance).with_columns(
        later=turn > 1, seat=(turn - 0.5) / pl.len().over("reference")
    )
    drawn = labelled.height if real_labels is None else real_labels
    return order.sort("later", "seat", "chance").head(drawn)["id"].to_list()


def _chance(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}\n{name}".encode()).hexdigest()


def _too_many(frame: pl.DataFrame, real_labels: int, labelled: int) -> Fault:
    return Fault(
        "seeds.real_labels",
        f"at most {labelled}: of {frame.height} seeds {labelled} are real and have "
        "a reference_answer, answer or label",
        shown(real_labels),
        "seeds.real_labels=null takes all that are labelled",
    )
