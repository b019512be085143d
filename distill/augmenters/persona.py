"""The question that somebody else would ask."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from distill.augmenters.rewriting import Rewriting
from distill.augmenters.step import Chain
from distill.component import Texts, component

# A saved config holds them all, and is read back only up to a megabyte.
MOST_BYTES = 500_000


def _sound(personas: tuple[str, ...]) -> tuple[str, ...]:
    if not personas or not all(persona.strip() for persona in personas):
        raise ValueError("want one persona or more, none of them blank")
    if len(set(personas)) < len(personas):
        raise ValueError("want personas that differ")
    if sum(len(persona.encode()) for persona in personas) > MOST_BYTES:
        raise ValueError(f"want at most {MOST_BYTES} bytes in all")
    return personas


Personas = Annotated[
    Texts, Field(description="a list of texts, or ${lines:FILE}"), AfterValidator(_sound)
]


@component
class Persona(Rewriting):
    """Ask what certain people would ask in the place of whoever asked the real question.

    Args:
        personas: Who asks, in a phrase each; dealt evenly, so that any two are asked for as often,
            give or take one. `${lines:FILE}` reads them from a file, one a line.

    Source:
        Persona Hub (arXiv:2406.20094). There personas stand alone and the model invents the
        question; here a real question anchors each one.
    """

    personas: Personas

    def chains(self, seeds: int, *, seed: int) -> list[list[Chain]]:
        """Return one step for each question."""
        return self.single([(persona, persona) for persona in self.personas], seeds, seed)
