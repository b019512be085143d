"""Stops early where nearly everything fails: what is asked for then is a waste of a night."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from distill.errors import ModelError
from distill.models.protocol import Failure

# Of the last requests that were finished, this many at least and this share of them failed.
LOOKED_AT = 40
AT_LEAST = 20
FAILED_SHARE = 0.9
# An endpoint that never answered gets fewer.
UNANSWERED = 3


@dataclass
class Breaker:
    """Watches how requests end.

    Args:
        role: Whose they are, for the message.
    """

    role: str
    _last: deque[bool] = field(default_factory=lambda: deque(maxlen=LOOKED_AT))
    _answered: bool = False
    _unreached: int = 0

    def answered(self) -> None:
        """Count a request that was answered."""
        self._answered = True
        self._last.append(False)

    def failed(self, failure: Failure, *, reached: bool) -> None:
        """Count a request that failed for good.

        Args:
            failure: What became of it.
            reached: Whether the endpoint dealt with it and said no.

        Raises:
            ModelError: nearly everything fails.
        """
        self._last.append(True)
        self._unreached += not reached
        failures = sum(self._last)
        if not self._answered and self._unreached >= UNANSWERED:
            raise all_failed(self.role, len(self._last), failure)
        if failures >= max(AT_LEAST, FAILED_SHARE * len(self._last)):
            raise all_failed(self.role, failures, failure, of=len(self._last))


def all_failed(role: str, count: int, last: Failure, of: int | None = None) -> ModelError:
    """Return the error that nearly everything fails.

    Args:
        role: `teacher` or `judge`.
        count: Requests that failed.
        last: One of them.
        of: Requests that were looked at; `None` where all of them failed.
    """
    which = f"all {count} requests" if of in {None, count} else f"{count} of the last {of} requests"
    return ModelError(
        f"{role}: {which} failed. The last one: {last.detail}.",
        hint="see `distill doctor`; then run again: only what is missing is asked for",
    )
