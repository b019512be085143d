"""Look for the named failure modes; in mode `error` a finding ends the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from distill.errors import GuardError
from distill.guards import Evidence, Finding, Guard, Moment, Untold

SHOWN_ROWS = 100


@dataclass(frozen=True, kw_only=True)
class GuardResult:
    """One guard's finding, with what it means for the run.

    Args:
        status: `pass`, `warn`, `fail` or `off`.
        finding: What was found; `None` where the guard is off.
    """

    status: Literal["pass", "warn", "fail", "off"]
    finding: Finding | None

    @property
    def told(self) -> str:
        """The status; of a guard that passed for want of evidence `unsure` or `idle`."""
        untold = None if self.finding is None else self.finding.untold
        return untold if self.status == "pass" and untold is not None else self.status

    def figures(self) -> dict[str, Any]:
        """Return what was found, with all of its evidence, as `manifest.json` has it."""
        finding = self.finding
        return {
            "status": self.told,
            "sentence": "" if finding is None else finding.sentence,
            "rows": [] if finding is None else list(finding.rows),
        }


def look(
    guards: Mapping[str, Guard], evidence: Evidence, *, when: Moment
) -> dict[str, GuardResult]:
    """Let every guard of this moment look.

    Raises:
        GuardError: guards in mode `error` fired; all of them are told, with their evidence.
    """
    results = {
        name: _result(guard, evidence)
        for name, guard in guards.items()
        if guard.when in (when, "twice")
    }
    failed = {name: r.finding for name, r in results.items() if r.status == "fail" and r.finding}
    if failed:
        message = "\n".join(told(name, finding) for name, finding in failed.items())
        raise GuardError(message, results=results)
    return results


def merged(
    before: Mapping[str, GuardResult], after: Mapping[str, GuardResult]
) -> dict[str, GuardResult]:
    """Return one result a guard; a guard that warned at either moment has warned.

    What a guard wants to have reviewed is what it saw last: the rows that are trained on.

    Args:
        before: What was found before anything was spent.
        after: What was found in the finished dataset.
    """
    both = {**before, **after}
    for name in before.keys() & after.keys():
        first, second = before[name].finding, after[name].finding
        if first is not None and second is not None:
            both[name] = GuardResult(
                status="warn" if first.fires else after[name].status,
                finding=Finding(
                    fires=first.fires or second.fires,
                    sentence=" ".join(dict.fromkeys((first.sentence, second.sentence))),
                    rows=(*first.rows, *second.rows),
                    hint=(first if first.fires else second).hint,
                    review=second.review,
                    untold=_untold(first, second),
                ),
            )
    return {name: both[name] for name in (*before, *(n for n in after if n not in before))}


def _untold(first: Finding, second: Finding) -> Untold | None:
    """Return what keeps two looks together from a word; the one that could tell counts."""
    reasons = {first.untold, second.untold}
    if first.fires or second.fires or reasons == {None, "idle"}:
        return None
    return "unsure" if "unsure" in reasons else first.untold


def told(name: str, finding: Finding) -> str:
    """Return a finding as it is printed: the sentence, the evidence by row, the hint."""
    lines = [f"guard.{name}: {finding.sentence}"]
    lines += [f"  {row}" for row in finding.rows[:SHOWN_ROWS]]
    if len(finding.rows) > SHOWN_ROWS:
        lines.append(f"  … and {len(finding.rows) - SHOWN_ROWS} more")
    if finding.hint:
        lines.append(f"  hint: {finding.hint}")
    return "\n".join(lines)


def _result(guard: Guard, evidence: Evidence) -> GuardResult:
    if guard.mode == "off":
        return GuardResult(status="off", finding=None)
    finding = guard.look(evidence)
    if not finding.fires:
        return GuardResult(status="pass", finding=finding)
    stops = guard.mode == "error" and not finding.mild
    return GuardResult(status="fail" if stops else "warn", finding=finding)
