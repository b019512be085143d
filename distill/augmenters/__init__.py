"""Augmenters: how new questions are made out of real ones. One class and one YAML each.

An augmenter says which rewritings it wants and how a model is asked for one; the stage asks, reads,
screens and keeps the book. What comes out are seeds of origin `synthetic` with a real parent: they
are never answered with their parent's answer, and never evidence of how a student does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from distill.augmenters.evolve import Evolve
from distill.augmenters.grid import Grid
from distill.augmenters.paraphrase import Paraphrase
from distill.augmenters.persona import Persona
from distill.augmenters.step import Chain, Flaw, Step
from distill.models.protocol import Model, Request

__all__ = ["Augmenter", "Chain", "Evolve", "Flaw", "Grid", "Paraphrase", "Persona", "Step"]


@runtime_checkable
class Augmenter(Protocol):
    """Something that makes new questions out of real ones."""

    via: Model | None
    heldout_cosine: float | None

    def chains(self, seeds: int, *, seed: int) -> Sequence[Sequence[Chain]]:
        """Return the chains of every seed; each step of them is one request.

        Args:
            seeds: How many real questions there are.
            seed: Of every draw.
        """

    def request(self, text: str, step: Step) -> Request:
        """Return what the model is asked, so that it rewrites `text`."""

    def fault(self, made: str, text: str) -> Flaw | None:
        """Return why `made` is no good rewriting of `text`; `None` if it is."""

    def reference(self, parent: str | None) -> str | None:
        """Return the reference that a rewriting has, given its parent's."""
