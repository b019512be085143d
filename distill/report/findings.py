"""What the guards found, cut to what a reader can take in."""

from __future__ import annotations

from dataclasses import dataclass

from distill.record import RunRecord
from distill.report.wording import one_line

SHOWN_ROWS = 20
ROW_CHARS = 200
SENTENCE_CHARS = 600
WORDS = {"unsure": "could not tell", "idle": "nothing to look at"}


@dataclass(frozen=True, kw_only=True)
class GuardLine:
    """One guard.

    Args:
        name: As in the config.
        status: `pass`, `warn`, `fail`, `off`, or of one that passed for want of evidence
            `unsure` (there was too little) or `idle` (there was none).
        sentence: What it found; "" where it is off.
        rows: The first lines of its evidence.
        more_rows: How many lines there are besides.
        hint: How to mend it; "" where there is nothing to mend.
    """

    name: str
    status: str
    sentence: str
    rows: tuple[str, ...]
    more_rows: int
    hint: str

    @property
    def word(self) -> str:
        """The status in words."""
        return WORDS.get(self.status, self.status)


def guard_lines(record: RunRecord, most_rows: int = SHOWN_ROWS) -> list[GuardLine]:
    """Return the guards in the order of the run.

    Args:
        record: Of a finished run.
        most_rows: Lines of evidence for each.
    """
    lines = []
    for name, result in record.guards.items():
        finding = result.finding
        rows = () if finding is None else finding.rows
        lines.append(
            GuardLine(
                name=name,
                status=result.told,
                sentence=one_line(finding.sentence if finding else None, SENTENCE_CHARS),
                rows=tuple(one_line(row, ROW_CHARS) for row in rows[:most_rows]),
                more_rows=max(0, len(rows) - most_rows),
                hint=one_line(finding.hint if finding and finding.fires else None, SENTENCE_CHARS),
            )
        )
    return lines


def guards_with(record: RunRecord, *statuses: str) -> list[str]:
    """Return the names of the guards with one of `statuses`, those of a `GuardLine`."""
    return [name for name, result in record.guards.items() if result.told in statuses]
