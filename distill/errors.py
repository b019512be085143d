"""Every error that a user can meet, and how it is told.

    DistillError            exit status 1
    ├── UserError           exit status 2: something that the user can mend; never a traceback
    │   ├── ConfigError     keys of the config, all faults at once
    │   ├── DataError       files, all faults with file and line
    │   ├── GuardError      a guard in mode `error` fired; evidence by row
    │   ├── BudgetError     the next request could pass `budget.max_usd`
    │   └── ExtraMissingError   what was asked for needs a package that is not installed
    ├── ModelError          a provider, an endpoint or the embedded model failed
    └── LedgerError         the ledger cannot be opened, read or written

A fault reads `where: got VALUE, want RULE.` with a hint on the next line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from distill.stages.guard import GuardResult

SHOWN_FAULTS = 25
SHOWN_CHARS = 120


@dataclass(frozen=True)
class Fault:
    """One thing to mend.

    Args:
        where: The whole config key, or `file:line`.
        got: What was found, as it will be shown; `None` leaves `got …, want …` out.
        want: The rule, or the whole sentence where `got` is `None`; without its full stop.
        hint: How to mend it, or `None`.
    """

    where: str
    want: str
    got: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        """Return the fault as it is printed, on one or two lines."""
        body = self.want if self.got is None else f"got {self.got}, want {self.want}"
        text = f"{self.where}: {body.rstrip('.')}."
        return f"{text}\n  hint: {self.hint}" if self.hint else text


def shown(value: Any) -> str:
    """Return `value` as a fault shows it: quoted where it is text, cut where it is long."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}… ({len(text)} characters)"


def printable(text: str) -> str:
    """Return a text of a foreign file without the control codes of a terminal."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)


class DistillError(Exception):
    """Anything that ends a command with one clear sentence.

    Args:
        message: The sentence.
        hint: How to mend it, or `None`.
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        """Return the message, with its hint on a line of its own."""
        message = super().__str__()
        return f"{message}\n  hint: {self.hint}" if self.hint else message


class UserError(DistillError):
    """Something that the user can mend."""

    exit_status: ClassVar[int] = 2


class FaultsError(UserError):
    """Several faults, told together.

    Args:
        faults: At least one; the first `SHOWN_FAULTS` are printed and the others counted.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        lines = [str(fault) for fault in self.faults[:SHOWN_FAULTS]]
        if len(self.faults) > SHOWN_FAULTS:
            lines.append(f"… and {len(self.faults) - SHOWN_FAULTS} more.")
        super().__init__("\n".join(lines))


class ConfigError(FaultsError):
    """Keys of the config are unknown, missing, of the wrong type or out of range."""


class DataError(FaultsError):
    """A seeds, held-out or dataset file has faults; each names its file and line."""


class GuardError(UserError):
    """A guard in mode `error` fired.

    Args:
        message: What they found; long evidence is cut.
        results: What every guard that looked found, by name, with all of its evidence.
    """

    def __init__(self, message: str, *, results: Mapping[str, GuardResult]) -> None:
        super().__init__(message)
        self.results = results


class BudgetError(UserError):
    """The next request could pass the dollar cap; nothing more was sent."""


class ExtraMissingError(UserError):
    """What was asked for needs an optional package that is not installed, or another of it."""


class ModelError(DistillError):
    """A model or its endpoint failed in a way that no retry mends."""


class LedgerError(DistillError):
    """The ledger cannot be opened, read or written."""
