"""What came of watching a judge."""

from __future__ import annotations

from dataclasses import dataclass

from distill.judges.canaries import Canary
from distill.judges.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What a judge made of the known-bad answers.

    Args:
        wanted: How many were wanted; the rows may yield fewer.
        threshold: From which score on a row is kept.
        answers: Each known-bad answer with its verdict.
    """

    wanted: int
    threshold: float
    answers: tuple[tuple[Canary, Verdict], ...]

    @property
    def kept(self) -> list[tuple[Canary, Verdict]]:
        """Those that the judge would keep."""
        return [
            (canary, verdict)
            for canary, verdict in self.answers
            if verdict.score is not None and verdict.score >= self.threshold
        ]

    @property
    def unscored(self) -> int:
        """How many got no score: they fall out, so they are caught."""
        return sum(verdict.score is None for _, verdict in self.answers)

    def counts(self) -> dict[str, int]:
        """Return what the manifest says of them."""
        return {"asked": len(self.answers), "kept": len(self.kept), "unscored": self.unscored}
