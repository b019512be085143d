"""The same question in other words."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from distill.augmenters.rewriting import Rewriting
from distill.augmenters.step import Chain
from distill.component import Text, component

Styles = Annotated[dict[str, Text], Field(min_length=1, description="styles, a text each")]


@component
class Paraphrase(Rewriting):
    """Ask for each real question in other words, with the same meaning.

    Each request names a style, so that a model that is asked twice says two things even where it
    does not sample. A seed that wants more than there are styles has some of them asked again.

    Args:
        styles: How a user might put it, by name; dealt evenly.
        keep_reference: Hand the parent's reference on, for a verifier or judge that compares with
            it. A paraphrase that changes the meaning is then held against the wrong answer. The
            answer itself is the teacher's either way, also where the reference is a label: whether
            a paraphrase keeps its label is what nobody has checked.
    """

    styles: Styles
    keep_reference: bool

    def chains(self, seeds: int, *, seed: int) -> list[list[Chain]]:
        """Return one step for each paraphrase."""
        return self.single(list(self.styles.items()), seeds, seed)

    def reference(self, parent: str | None) -> str | None:
        """Return the parent's reference where it is to be kept."""
        return parent if self.keep_reference else None
