"""The same question in other words."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from distill.augmenters.rewriting import Rewriting
from distill.augmenters.step import Chain, Flaw
from distill.component import Text, component

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

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
        keep_numbers: Drop a paraphrase whose numbers, written in digits, are not those of the
            question (`numbers_changed`): small models lose conditions first. One that writes `two`
            for `2` falls out too.
    """

    styles: Styles
    keep_reference: bool
    keep_numbers: bool

    def chains(self, seeds: int, *, seed: int) -> list[list[Chain]]:
        """Return one step for each paraphrase."""
        return self.single(list(self.styles.items()), seeds, seed)

    def fault(self, made: str, text: str) -> Flaw | None:
        """Return `numbers_changed` where numbers are to be kept and are not."""
        before, after = _numbers(text), _numbers(made)
        if not self.keep_numbers or before == after:
            return None
        told = ("lost", sorted(before - after)), ("added", sorted(after - before))
        words = [f"{what} {', '.join(numbers)}" for what, numbers in told if numbers]
        return Flaw("numbers_changed", "; ".join(words))

    def reference(self, parent: str | None) -> str | None:
        """Return the parent's reference where it is to be kept."""
        return parent if self.keep_reference else None


def _numbers(text: str) -> set[str]:
    """Return the numbers of a text; 1,200 is 1200."""
    return {found.replace(",", "") for found in _NUMBER.findall(text)}
