"""A model that an endpoint does not list, told with the names that come near."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from distill.errors import ModelError, shown

SHOWN_NAMES = 5


def names_of(listed: Any) -> list[str]:
    """Return the ids of a page of models as an SDK returns it, those of aliases included.

    Raises:
        AttributeError, TypeError: it is none.
    """
    names: dict[str, None] = {}
    for card in listed.data or ():
        aliases = getattr(card, "aliases", None)
        for one in (card.id, *(aliases if isinstance(aliases, list) else ())):
            if isinstance(one, str):
                names[one] = None
    return list(names)


def unlisted(name: str, model: str, known: Sequence[str]) -> ModelError:
    """Return the error of an id that is none of `known`.

    Args:
        name: Who is asked, for messages: `teacher` or `judge`.
        model: The id.
        known: What the endpoint lists, at least one.
    """
    near = get_close_matches(model, known, n=SHOWN_NAMES, cutoff=0.4) or known[:SHOWN_NAMES]
    return ModelError(
        f"{name}.model: the endpoint does not know {model!r}.",
        hint=f"it lists {', '.join(shown(one) for one in near)}"
        f"{', …' if len(known) > len(near) else ''}; {_unchecked(name)} asks all the same",
    )


def _unchecked(name: str) -> str:
    """Return the override that lets an endpoint answer under a name of its own."""
    return f"{'teacher' if name == 'teacher' else f'{name}.via'}.served_check=record"
