"""A judge that keeps an answer known to be bad keeps others like it."""

from __future__ import annotations

from typing import ClassVar

from distill.component import component
from distill.guards.finding import Evidence, Finding, Mode, When

SHOWN_CHARS = 80


@component
class JudgeCanaries:
    """Fire when the judge would keep one of the known-bad answers that were mixed in.

    Where a judge would keep a share p of such answers, n of them catch it with probability
    1 - (1 - p)^n. An answer that it could not score falls out as a row would: caught, and told.

    Args:
        mode: `error`, `warn` or `off`.
    """

    when: ClassVar[When] = "after"
    mode: Mode

    def look(self, evidence: Evidence) -> Finding:
        """Look for canaries that score at the threshold or above."""
        if evidence.judge is None:
            return Finding(fires=False, sentence="No model judges.", untold="idle")
        watch = evidence.watch
        if watch is None or not watch.answers:
            return Finding(
                fires=False,
                sentence="The judge was not watched: no known-bad answers were mixed in "
                "(judge.canaries=12 does that for a rubric).",
                untold="idle",
            )
        asked, kept = len(watch.answers), watch.kept
        if watch.threshold == 0:
            return Finding(
                fires=False,
                sentence=f"judge.threshold=0 keeps every answer, so {asked} known-bad answers "
                "say nothing of the judge.",
                untold="unsure",
            )
        notes = f", {watch.unscored} of them for want of a score" if watch.unscored else ""
        if asked < watch.wanted:
            notes += f"; {watch.wanted} were wanted and the rows yield no more"
        if not kept:
            return Finding(
                fires=False,
                sentence=f"The judge turned down all {asked} known-bad answers{notes}.",
            )
        return Finding(
            fires=True,
            sentence=f"The judge would keep {len(kept)} of {asked} answers that are known to be "
            f"bad (a score of {watch.threshold:g} or more).",
            rows=tuple(
                f"{canary.kind}{f' ({canary.name})' if canary.name else ''} in place of the answer "
                f"to row {canary.row}: score {verdict.score:g}, {_shown(canary.answer)}"
                for canary, verdict in kept
            ),
            hint="take a stronger judge.model, raise judge.threshold or sharpen judge.system; a "
            "swapped answer that is right after all speaks against the seeds; "
            "guard.judge_canaries.mode=warn goes on",
        )


def _shown(answer: str) -> str:
    text = " ".join(answer.split())
    return repr(text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…")
