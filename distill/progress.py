"""Progress of model calls: rate, cost and time left, on the terminal's error stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text


class RateColumn(ProgressColumn):
    """Requests a second over the last moments."""

    def render(self, task: Task) -> Text:
        """Return the rate, or a dash before there is one."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f}/s" if speed else "–/s", style="cyan")


class Progress:
    """Shows each role's calls while they run; silent where there is nothing to wait for.

    Args:
        console: Where to draw; a console that is no terminal gets no bars.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: RichProgress | None = None
        self._tasks: dict[str, TaskID] = {}

    @contextmanager
    def task(self, role: str, *, total: int, done: int) -> Iterator[None]:
        """Show one role's calls while the block runs.

        Args:
            role: `teacher` or `judge`.
            total: Responses wanted.
            done: Those that the ledger gave.
        """
        if total == done or not self._console.is_terminal:
            yield
            return
        with RichProgress(
            TextColumn("{task.description:>8}"),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            TextColumn("{task.fields[cost]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        ) as bars:
            self._bars = bars
            self._tasks[role] = bars.add_task(role, total=total, completed=done, cost="")
            try:
                yield
            finally:
                self._bars = None

    @contextmanager
    def steps(self, role: str) -> Iterator[Callable[[int, int, str], None]]:
        """Yield what shows `(done, total, note)` of a work that is counted in steps."""
        if not self._console.is_terminal:
            yield lambda done, total, note: None
            return
        with RichProgress(
            TextColumn("{task.description:>8}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        ) as bars:
            self._bars, task = bars, bars.add_task(role, total=None, note="getting ready")
            try:
                yield lambda done, total, note: bars.update(
                    task, completed=done, total=total, note=note
                )
            finally:
                self._bars = None

    def tell(self, text: str) -> None:
        """Say something that stays on the screen."""
        (self._bars.console if self._bars is not None else self._console).print(
            text, highlight=False, soft_wrap=True
        )

    def advance(self, role: str, count: int = 1, *, cost_usd: float | None, failed: int) -> None:
        """Count `count` more responses of `role`."""
        if self._bars is None:
            return
        cost = "cost unknown" if cost_usd is None else f"${cost_usd:.4f}"
        text = f"{cost}, {failed} failed" if failed else cost
        self._bars.update(self._tasks[role], advance=count, cost=text)
