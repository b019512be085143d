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
# An endpoint that never answered gets fewer: so many requests that were given up, or so many
# attempts, where one request at least has waited twice. An overload is no such attempt: it passes.
UNANSWERED = 3
FAILED_ATTEMPTS = 20
TRIED = 3
AGAIN = "see `distill doctor`; then run again: only what is missing is asked for"


@dataclass
class Breaker:
    """Watches how requests end.

    Args:
        role: Whose they are, for the message.
        total: Requests that there are to make.
    """

    role: str
    total: int = 0
    _last: deque[bool] = field(default_factory=lambda: deque(maxlen=LOOKED_AT))
    _answered: bool = False
    _unreached: int = 0
    _begun: int = 0
    _attempts: int = 0
    _counted: int = 0
    _elsewhere: int = 0

    def begun(self) -> None:
        """Count a request whose first attempt is made."""
        self._begun += 1

    def elsewhere(self, count: int) -> None:
        """Leave out requests that others have paid for in the meantime."""
        self._elsewhere += count

    def attempt_failed(self, failure: Failure, attempt: int, *, overloaded: bool) -> None:
        """Count an attempt that failed and would be followed by another one.

        Args:
            failure: What became of it.
            attempt: Which of its request it was, from 1.
            overloaded: Whether it says that less should be asked at once.

        Raises:
            ModelError: no attempt at all was answered.
        """
        self._attempts += 1
        self._counted += not overloaded
        if not self._answered and attempt >= TRIED and self._counted >= FAILED_ATTEMPTS:
            raise self._none_succeeded(failure)

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
        self._attempts += 1
        self._unreached += not reached
        failures = sum(self._last)
        if not self._answered and self._unreached >= UNANSWERED:
            raise self._none_succeeded(failure)
        if failures >= max(AT_LEAST, FAILED_SHARE * len(self._last)):
            raise all_failed(self.role, failures, failure, of=len(self._last))

    def _none_succeeded(self, last: Failure) -> ModelError:
        untried = max(0, self.total - self._begun - self._elsewhere)
        rest = f" {_counted(untried, 'request')} not tried." if untried else ""
        return ModelError(
            f"{self.role}: stopped early: {self._attempts} attempts at {self._begun} "
            f"request{'s' * (self._begun != 1)} failed and none succeeded.{rest} "
            f"The last one: {last.detail}.",
            hint=AGAIN,
        )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun} was" if number == 1 else f"{number} {noun}s were"


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
        hint=AGAIN,
    )
