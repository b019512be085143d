"""Two runs beside each other, all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from distill.compare.diversity import DiversityCompared, compare_diversity
from distill.compare.heldout import HeldoutCompared, compare_heldout
from distill.compare.rows import RowsCompared, compare_rows
from distill.compare.settings import Setting, differing
from distill.compare.side import Side

EXAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What two runs have in common and what differs; all differences are B minus A.

    Args:
        a: One run.
        b: The other.
        settings: Config keys that differ.
        rows: Their datasets, row by row.
        diversity: Their datasets' variety.
        heldout: Their students, or in a sentence why these cannot be compared.
    """

    a: Side
    b: Side
    settings: tuple[Setting, ...]
    rows: RowsCompared
    diversity: DiversityCompared
    heldout: HeldoutCompared | str

    @property
    def same_run(self) -> bool:
        """Whether both are one run; a copy that was changed since is another."""
        is_one = self.a.figures.run_id == self.b.figures.run_id
        return is_one and self.a.table.equals(self.b.table)

    @property
    def same_dataset(self) -> bool:
        """Whether both wrote the very same `dataset.jsonl`."""
        return self.a.figures.dataset_sha256 == self.b.figures.dataset_sha256

    @property
    def same_config(self) -> bool:
        """Whether both configs ask for the same dataset."""
        return self.a.figures.config_sha256 == self.b.figures.config_sha256

    @property
    def inputs(self) -> dict[str, bool]:
        """Whether the rows of each input are the same, by its name; inputs of one side count."""
        left, right = self.a.figures.inputs, self.b.figures.inputs
        return {
            name: name in left and name in right and left[name].digest == right[name].digest
            for name in dict.fromkeys((*left, *right))
        }

    @property
    def code(self) -> tuple[str, ...]:
        """Parts of the pipeline that both have and whose code differs."""
        left, right = self.a.figures.implementation, self.b.figures.implementation
        return tuple(key for key in left if key in right and left[key] != right[key])

    @property
    def versions(self) -> dict[str, tuple[str | None, str | None]]:
        """Libraries of unequal versions, (A's, B's)."""
        return _unequal(self.a.figures.versions, self.b.figures.versions)


def compare(a: Side, b: Side, *, examples: int = EXAMPLES) -> Comparison:
    """Compare two runs.

    Args:
        a: One run.
        b: The other.
        examples: Rows and items that are shown of each kind, >= 0.
    """
    return Comparison(
        a=a,
        b=b,
        settings=differing(a.config, b.config),
        rows=compare_rows(a, b, examples=examples),
        diversity=compare_diversity(a, b),
        heldout=compare_heldout(a, b, examples=examples),
    )


def _unequal(
    left: Mapping[str, str], right: Mapping[str, str]
) -> dict[str, tuple[str | None, str | None]]:
    return {
        name: (left.get(name), right.get(name))
        for name in dict.fromkeys((*left, *right))
        if left.get(name) != right.get(name)
    }
