"""What the ledger's commands print: lines for people, plain values for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from distill.ledger.parts import printable

if TYPE_CHECKING:
    from distill.ledger.claimants import Claimant
    from distill.ledger.contents import Contents, Vacuumed
    from distill.ledger.explain import Cause, Explained

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
UNITS = ("bytes", "kB", "MB", "GB", "TB")
STEP = 1000
KEY_CHARS = 12
SHOWN_CAUSES = 20
ROLES = ("augment", "teacher", "judge", "student", "student_base", "students", "metric_judge")


def contents_lines(contents: Contents) -> Iterator[str]:
    """Yield what `distill ledger stats` prints."""
    settings = ", ".join(f"{name} {value}" for name, value in contents.settings.items())
    yield f"Ledger     {contents.where}"
    yield f"Database   {NAMES[contents.database]}: {settings}"
    yield f"Responses  {contents.responses:,}, {size(contents.bytes)} on disk"
    if contents.held:
        yield f"Came in    {contents.oldest} to {contents.newest}"
    if contents.batches:
        number = f"{len(contents.batches):,}"
        yield f"Batches    {number} under way; the command that sent one fetches it"
    for batch in contents.batches:
        name = "without a receipt" if batch.batch_id is None else printable(batch.batch_id)
        yield f"           {name}: {batch.expected:,} still to come, sent {batch.created_at}"
    yield f"Claims     {_claims(contents.claimants)}"
    for claimant in contents.claimants:
        yield f"           {_claimant(claimant)}"
    if not contents.held:
        return
    yield ""
    heads = ("provider", "model", "served", "responses", "input tokens", "output tokens", "dollars")
    rows = [
        (
            printable(held.provider),
            printable(held.model),
            "as asked" if held.served_model == held.model else printable(held.served_model),
            f"{held.responses:,}",
            f"{held.input_tokens:,}",
            f"{held.output_tokens:,}",
            "unknown" if held.cost_usd is None else f"{held.cost_usd:,.4f}",
        )
        for held in contents.held
    ]
    yield from _table(heads, rows, texts=3)
    yield ""
    unpriced = f"; the price of {contents.unpriced:,} is not known" if contents.unpriced else ""
    batches = (
        " Batches cost half; the ledger does not know which answers came in one."
        if contents.known_usd
        else ""
    )
    yield f"At today's list prices, online, ${contents.known_usd:,.4f}{unpriced}.{batches}"


def contents_json(contents: Contents) -> dict[str, Any]:
    """Return the same for programs; what is not known is null."""
    about = asdict(contents)
    return {
        "ledger": about["where"],
        "database": about["database"],
        "settings": about["settings"],
        "responses": contents.responses,
        "bytes": contents.bytes,
        "oldest": contents.oldest,
        "newest": contents.newest,
        "models": list(about["held"]),
        "known_usd": contents.known_usd,
        "unpriced_responses": contents.unpriced,
        "claims": list(about["claimants"]),
        "batches": list(about["batches"]),
    }


def vacuumed_lines(done: Vacuumed) -> Iterator[str]:
    """Yield what `distill ledger vacuum` prints."""
    yield f"Ledger     {done.where}"
    yield f"Responses  {done.responses:,}, all kept"
    yield f"Claims     {done.claims:,} lapsed ones dropped"
    yield f"Size       {size(done.bytes_before)} before, {size(done.bytes_after)} after"
    if done.in_use:
        yield "           the ledger is being read; the rest is given back when nobody does"


def vacuumed_json(done: Vacuumed) -> dict[str, Any]:
    """Return the same for programs."""
    about = asdict(done)
    return {"ledger": about.pop("where"), **about}


def explained_lines(explained: Explained) -> Iterator[str]:
    """Yield what `distill ledger explain` prints."""
    questions = explained.questions
    yield f"Ledger     {explained.where}, {explained.responses:,} responses"
    for role in ROLES:
        answered, missing = questions.answered.get(role), questions.missing(role)
        if answered is not None:
            name = role.replace("_", " ").capitalize()
            yield (
                f"{name:<9}  {answered + missing:,} requests: {answered:,} answered, "
                f"{missing:,} missing"
            )
        if fetched := explained.fetched.get(role):
            yield (
                f"           {fetched:,} of these are in batches under way and will be fetched, "
                "not sent again"
            )
        if again := explained.asked_again.get(role):
            yield (
                f"           {again:,} of these are in batches under way; this run asks online and "
                "would pay once more, mode=batch fetches them"
            )
    if questions.unwritten:
        yield (
            f"           {questions.unwritten:,} new questions are not written; what the teacher "
            "would be asked about them is not known yet"
        )
    if questions.waiting:
        yield (
            f"           {questions.waiting:,} rows lack an answer; what the judge would be asked "
            "about them is not known yet"
        )
    if not explained.causes:
        if explained.fetched:
            yield "Everything else that the run asks is in the ledger."
            return
        yield "Everything that the run asks is in the ledger."
        return
    yield ""
    yield "Misses by cause, each beside the nearest stored request"
    width = len(f"{explained.causes[0].count:,}")
    for cause in explained.causes[:SHOWN_CAUSES]:
        yield from _cause(cause, width)
    others = explained.causes[SHOWN_CAUSES:]
    if others:
        misses = sum(cause.count for cause in others)
        yield f"  … and {misses:,} of {len(others):,} rarer causes; --json has them all"


def explained_json(explained: Explained) -> dict[str, Any]:
    """Return the same for programs."""
    questions = explained.questions
    return {
        "ledger": explained.where,
        "responses": explained.responses,
        "roles": {
            role: {"answered": questions.answered[role], "missing": questions.missing(role)}
            for role in ROLES
            if role in questions.answered
        },
        "in_batches": {
            "fetched": dict(explained.fetched),
            "asked_again": dict(explained.asked_again),
        },
        "questions_unwritten": questions.unwritten,
        "rows_waiting": questions.waiting,
        "causes": [
            {
                "role": cause.role,
                "misses": cause.count,
                "fields": [
                    {
                        "field": one.field,
                        "here": one.here,
                        "ledger": one.ledger,
                        "at": one.at,
                        "told": one.told,
                    }
                    for one in cause.differences
                ],
                "example": {
                    "key": cause.key,
                    "prompt": cause.prompt,
                    "nearest": cause.nearest,
                    "answered_at": cause.created_at,
                },
            }
            for cause in explained.causes
        ],
    }


def size(count: int) -> str:
    """Return a number of bytes as people read it."""
    value, at = float(count), 0
    while value >= STEP and at < len(UNITS) - 1:
        value, at = value / STEP, at + 1
    return f"{count:,} {UNITS[0]}" if at == 0 else f"{value:,.1f} {UNITS[at]}"


def _cause(cause: Cause, width: int) -> Iterator[str]:
    lead = f"  {cause.count:>{width},}  {cause.role:<7}  "
    for at, told in enumerate(cause.told):
        yield f"{lead if at == 0 else ' ' * len(lead)}{told}"
    near = ""
    if cause.nearest is not None:
        near = f", nearest {cause.nearest[:KEY_CHARS]}… answered {cause.created_at}"
    yield f"{' ' * len(lead)}for example {cause.prompt!r} ({cause.key[:KEY_CHARS]}…{near})"


def _claims(claimants: Sequence[Claimant]) -> str:
    live = sum(one.claims for one in claimants if one.live)
    lapsed = sum(one.claims for one in claimants if not one.live)
    told = [f"{live:,} being paid for"] if live else []
    told += [f"{lapsed:,} lapsed"] if lapsed else []
    return ", ".join(told) or "none"


def _claimant(one: Claimant) -> str:
    who = printable(one.host if one.pid is None else f"{one.host}, process {one.pid}")
    if one.live:
        return f"{one.claims:,} by {who}, for another {one.lapses_in_s:,.0f} s"
    why = "lapsed" if one.lapses_in_s <= 0 else "the process is gone"
    return f"{one.claims:,} by {who}: {why}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int) -> Iterator[str]:
    """Yield the lines of a table; the first `texts` columns are texts, the others numbers."""
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    for row in (heads, *rows):
        cells = (
            f"{cell:<{width}}" if at < texts else f"{cell:>{width}}"
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield f"  {'  '.join(cells)}".rstrip()
