"""The check itself: ask again, pair, test, and say what was found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from distill.drift.answers import Asked, measures_of, paired
from distill.drift.baseline import Baseline, read_baseline
from distill.drift.draw import Draw, begin
from distill.drift.shift import Shift, least_p_value, shifts
from distill.errors import DistillError
from distill.ledger import Ledger
from distill.models.budget import Budget, Spend
from distill.models.client import ModelClient
from distill.progress import Progress
from distill.reproduce.refresh import cap
from distill.reproduce.settings import Settings
from distill.stages.canaries import Canaries, ask_samples
from distill.statistics import ALPHA


@dataclass(frozen=True, kw_only=True)
class Drift:
    """What came of asking again.

    Args:
        run_id: The run whose canaries were asked.
        task: Its task.
        model: The id that its teacher is pinned to.
        samples: Replies that were asked for each question.
        asked: The questions that could be compared.
        not_compared: Questions without a reply on one side.
        failed: Replies that are missing now because a request failed for good.
        served_then: Ids that answered in the run, sorted.
        served_now: Ids that answered now, sorted.
        shifts: One a measure that could have moved.
        can_show: Whether so few replies could show any change at all.
        constant_then: Whether all replies to each question were the same in the run.
        changed: Questions of which a reply is none that the run had.
        spend: What it cost.
        checked_at: When the check began, UTC, ISO 8601.
    """

    run_id: str
    task: str
    model: str
    samples: int
    asked: tuple[Asked, ...]
    not_compared: int
    failed: int
    served_then: tuple[str, ...]
    served_now: tuple[str, ...]
    shifts: tuple[Shift, ...]
    can_show: bool
    constant_then: bool
    changed: int
    spend: Spend
    checked_at: str

    @property
    def strangers(self) -> tuple[str, ...]:
        """Served ids that the run did not see."""
        return tuple(one for one in self.served_now if one not in self.served_then)

    @property
    def found(self) -> tuple[Shift, ...]:
        """What moved."""
        return tuple(shift for shift in self.shifts if shift.found)

    @property
    def drifted(self) -> bool:
        """Whether the teacher is not the one that it was."""
        return bool(self.strangers or self.found)

    @property
    def p_value(self) -> float:
        """Of all measures together, adjusted; 1 where nothing could have moved."""
        return min((shift.p_holm for shift in self.shifts), default=1.0)


def check(folder: Path, settings: Settings, console: Console) -> tuple[Drift, Draw]:
    """Ask a run's teacher its canary questions again.

    Args:
        folder: The run's folder; nothing is written there.
        settings: The user's overrides.
        console: For progress.

    Returns:
        What was found, and the draw, which is still to be finished.

    Raises:
        UserError: the run has no canaries, or only its config says whom to ask.
        BudgetError: the next request could pass the cap; what was paid for is kept.
        ModelError: the teacher cannot be reached.
        DistillError: no question could be compared.
    """
    baseline = read_baseline(folder, settings)
    draw = begin(baseline.facts.run_id)
    with Ledger(settings.ledger_url or draw.ledger_url) as ledger:
        client = ModelClient(ledger, Budget(cap(baseline.config, settings)), Progress(console))
        fresh = ask_samples(
            baseline.replies.select("seed_id", "question").unique(
                "question", keep="first", maintain_order=True
            ),
            samples=baseline.drift.samples,
            first_sample=draw.first_sample,
            task=baseline.plan.task,
            teacher=baseline.plan.teacher,
            client=client,
        )
    return compared(baseline, fresh, client.spend["teacher"], draw.started_at), draw


def compared(baseline: Baseline, fresh: Canaries, spend: Spend, checked_at: str) -> Drift:
    """Test whether the fresh replies are of the distribution of the run's own."""
    asked = paired(baseline.replies, fresh.replies)
    if not asked:
        raise DistillError(
            "drift: no question has replies of both times, so nothing could be compared.",
            hint="see `distill doctor`; then start again: only what is missing is asked for",
        )
    task = baseline.plan.task
    sizes = [(len(one.then), len(one.now)) for one in asked]
    found = shifts(measures_of(asked, task), sizes)
    return Drift(
        run_id=baseline.facts.run_id,
        task=task.name,
        model=baseline.plan.teacher.model,
        samples=baseline.drift.samples,
        asked=tuple(asked),
        not_compared=fresh.questions - len(asked),
        failed=fresh.failed,
        served_then=tuple(sorted(set(baseline.replies["served_model"]))),
        served_now=tuple(sorted(set(fresh.replies["served_model"]))),
        shifts=tuple(found),
        can_show=least_p_value(sizes) * max(1, len(found)) <= ALPHA,
        constant_then=all(len(said(one.then)) == 1 for one in asked),
        changed=sum(bool(said(one.now).keys() - said(one.then).keys()) for one in asked),
        spend=spend,
        checked_at=checked_at,
    )


def said(replies: tuple[dict[str, object], ...]) -> Counter[str]:
    """Count equal replies: by their label where there is one, else by their text."""
    return Counter(
        str(reply["answer"] if reply["label_probs"] is not None else reply["text"])
        for reply in replies
    )
