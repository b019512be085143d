"""Is an answer by the judge's own family?"""

from __future__ import annotations

from distill.guards.lineage import family_of
from distill.models.pins import KNOWN_PINS


def is_kin(author: str, judge: str) -> bool:
    """Say whether two models are the same, share their base, or come from one vendor.

    Args:
        author: The model that answered, as the labels name it.
        judge: The judge's model id.

    Note:
        A model that `conf/lineage.yaml` does not list is only kin to itself.
    """
    if _plain(author) == _plain(judge):
        return True
    one, other = family_of(author), family_of(judge)
    if one is None or other is None:
        return False
    return one.vendor == other.vendor or (one.base is not None and one.base == other.base)


def _plain(model: str) -> str:
    name = model.rpartition("/")[2].strip().lower()
    return KNOWN_PINS.get(name, name)
