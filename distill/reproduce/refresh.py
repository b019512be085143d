"""The live teacher, asked the questions of a run again.

Fresh answers never meet old ones: they go into a ledger of their own below `outputs/refresh/`. A
refresh that was cut off goes on where it stopped when it is started again; one that came to its end
keeps its ledger under the time of its end, and the next one asks everything anew. Where the user
names a ledger, `ledger.url=…`, fresh answers go there and what it holds is not asked again.

The run's config is foreign: an endpoint that it names is never asked, and a key is only read from a
variable that is a provider's own, or that the user names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from distill.config import Config
from distill.errors import ConfigError, Fault, UserError, printable, shown
from distill.ledger import Ledger, now_utc
from distill.models.budget import Budget, Spend
from distill.models.client import ModelClient
from distill.plan import BudgetSettings, Plan
from distill.progress import Progress
from distill.reproduce.differ import excerpts
from distill.reproduce.rebuild import CLAUDE, StoredSeeds, stored_plan, stored_seeds
from distill.reproduce.settings import Settings
from distill.reproduce.stored import Stored, read_stored
from distill.runs import OUTPUTS
from distill.stages import augment
from distill.stages.generate import STAGE, generate
from distill.stages.read import read_seeds
from distill.table import TEACHER

FOLDER = OUTPUTS / "refresh"
UNFINISHED = "unfinished.db"
# Variables that hold a key for the provider that the config names, and nothing else.
KEY_VARIABLES = frozenset({"ANTHROPIC_API_KEY", "OPENAI_API_KEY", None})
SHOWN_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True)
class Changed:
    """One answer that is not what it was.

    Args:
        row: The row's id.
        then: The answer of the run, as it is shown.
        now: The fresh one.
    """

    row: str
    then: str
    now: str


@dataclass(frozen=True, kw_only=True)
class Refreshed:
    """What came of asking again.

    Args:
        model: The teacher.
        asked: Answers that were compared.
        changed: Those whose text is another, the first `SHOWN_EXAMPLES`.
        changed_count: How many there are.
        other_final: Those among them that come to another final answer, as the task reads it.
        failed: Requests that failed for good; nothing is known of their answers.
        spend: What it cost.
        kept: Where the fresh answers are.
    """

    model: str
    asked: int
    changed: tuple[Changed, ...]
    changed_count: int
    other_final: int
    failed: int
    spend: Spend
    kept: str


def refresh(folder: Path, settings: Settings, console: Console) -> Refreshed:
    """Ask the live teacher of a run again and compare its answers.

    Args:
        folder: The run's folder; nothing is written there.
        settings: The user's overrides.
        console: For progress.

    Raises:
        UserError: the endpoint or the key is not for the config to say.
        BudgetError: the next request could pass the cap; what was paid for is kept.
        ModelError: the teacher cannot be reached, or another model answers.
    """
    stored = read_stored(folder, trusted=settings.trust, replaced=settings.given)
    plan = stored_plan(stored, teacher=endpoint(stored.config, settings))
    asked = stored.examples.filter(pl.col("stage").ne_missing(augment.STAGE))
    own = StoredSeeds(records=stored_seeds(asked), real_labels=plan.seeds.real_labels)
    table, _ = read_seeds(own, seed=plan.seed)
    with _fresh_ledger(stored, settings) as (ledger, kept):
        client = ModelClient(ledger, Budget(cap(stored.config, settings)), Progress(console))
        fresh = generate(table, task=plan.task, teacher=plan.teacher, client=client)
    return _compared(fresh, stored, plan, client.spend["teacher"], kept)


def told(made: Refreshed) -> list[str]:
    """Return what is printed."""
    spend = made.spend
    cost = "unknown" if spend.cost_usd is None else f"${spend.cost_usd:.4f}"
    before = f", {spend.cached} more were paid for before" if spend.cached else ""
    lines = [
        f"{printable(made.model)} was asked again: {made.changed_count} of {made.asked} answers "
        f"changed, {made.other_final} of them come to another final answer."
    ]
    if made.failed:
        lines.append(f"{made.failed} requests failed; nothing is known of their answers.")
    lines += [f"  row {one.row}: {one.now} now, {one.then} then" for one in made.changed]
    lines.append(f"Cost: {cost} for {spend.requests} requests{before}.")
    lines.append(f"The fresh answers are in {made.kept}")
    return lines


def endpoint(config: Config, settings: Settings) -> dict[str, Any]:
    """Return the keys of the teacher that say whom to ask and how, as the user wants them.

    Raises:
        UserError: only the config says which endpoint or which key.
    """
    node = config.get("teacher")
    stored: dict[str, Any] = node if isinstance(node, dict) else {}
    base_url = settings.base_url
    if base_url is None and stored.get("_target_") == CLAUDE:
        base_url = os.environ.get("ANTHROPIC_BASE_URL")
    if base_url is None and stored.get("base_url") is not None:
        raise UserError(
            f"teacher.base_url: the run asked an endpoint of its own, "
            f"{shown(stored['base_url'])}, which a stored config is not followed to.",
            hint="say whom to ask: teacher.base_url=URL",
        )
    variable = settings.api_key_env or stored.get("api_key_env")
    if settings.api_key_env is None and variable not in KEY_VARIABLES:
        raise UserError(
            f"teacher.api_key_env: the run read its key from {shown(variable)}, which a stored "
            "config is not followed to.",
            hint=f"say which variable to read: teacher.api_key_env={printable(str(variable))}",
        )
    how = {
        "base_url": base_url,
        "api_key_env": variable,
        "concurrency": settings.concurrency,
        "timeout_s": settings.timeout_s,
        "max_retries": settings.max_retries,
    }
    return {key: value for key, value in how.items() if value is not None or key == "base_url"}


def cap(config: Config, settings: Settings) -> float | None:
    """Return the dollar cap: the user's, else the run's own."""
    if "budget.max_usd" in settings.given:
        return settings.max_usd
    node = config.get("budget")
    stored = node.get("max_usd") if isinstance(node, dict) else None
    try:
        return BudgetSettings(max_usd=stored).max_usd
    except ValueError:
        fault = Fault("budget.max_usd", "dollars, or null", shown(stored), "budget.max_usd=…")
        raise ConfigError([fault]) from None


@contextmanager
def _fresh_ledger(stored: Stored, settings: Settings) -> Iterator[tuple[Ledger, str]]:
    """Yield the ledger of this refresh and where it will be; it is finished with the block."""
    if settings.ledger_url is not None:
        with Ledger(settings.ledger_url) as ledger:
            yield ledger, settings.ledger_url
        return
    unfinished = FOLDER / stored.facts.run_id / UNFINISHED
    finished = unfinished.with_name(f"{now_utc().replace(':', '-')}.db")
    with Ledger(str(unfinished)) as ledger:
        yield ledger, str(finished)
    # Two at once share the unfinished one; the first to come to its end has moved it.
    if unfinished.exists():
        unfinished.replace(finished)


def _compared(
    fresh: pl.DataFrame, stored: Stored, plan: Plan, spend: Spend, kept: str
) -> Refreshed:
    failed = ((pl.col("stage") == STAGE) & (pl.col("reason") == "error")).fill_null(value=False)
    then = stored.examples.filter(~failed).select("id", then="answer")
    known = fresh.filter(~failed & (pl.col("source") == TEACHER)).join(
        then, on="id", how="inner", maintain_order="left"
    )
    changed = known.filter(~pl.col("answer").eq_missing(pl.col("then")))
    other = sum(
        final(plan, now) != final(plan, was)
        for now, was in changed.select("answer", "then").iter_rows()
    )
    return Refreshed(
        model=plan.teacher.model,
        asked=known.height,
        changed=tuple(_changed(*row) for row in _first(changed)),
        changed_count=changed.height,
        other_final=other,
        failed=spend.failed,
        spend=spend,
        kept=kept,
    )


def final(plan: Plan, answer: str | None) -> str | None:
    """Return what makes two answers the same; no answer is the same as no answer."""
    return None if answer is None else plan.task.final(answer)


def _first(changed: pl.DataFrame) -> Iterator[tuple[str, str | None, str | None]]:
    yield from changed.select("id", "then", "answer").head(SHOWN_EXAMPLES).iter_rows()


def _changed(row: str, then: str | None, now: str | None) -> Changed:
    was, found = excerpts(then, now)
    return Changed(row=printable(row), then=was, now=found)
