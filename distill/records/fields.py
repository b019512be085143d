"""One row while it is read: every key is checked as it is taken, and what is left is `extra`."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from distill.errors import shown
from distill.ledger import canonical_json
from distill.records.faults import FaultLog
from distill.records.sources import Row

# White space, and characters without ink or width: a text of these alone says nothing.
INK = re.compile("[^\\s\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")

# Guessing at what was meant takes time that grows with what is compared.
MAX_GUESSES = 100
MAX_NAME_CHARS = 40


class Fields:
    """The keys of one row.

    Args:
        line: Where it stands.
        row: The keys and values; those that are taken are removed from it.
        log: Where faults go.
        untyped: Whether every value is text, as in CSV.
    """

    __slots__ = ("_log", "_row", "_untyped", "line")

    def __init__(self, line: int, row: Row, log: FaultLog, *, untyped: bool) -> None:
        self.line = line
        self._row = row
        self._log = log
        self._untyped = untyped

    def __contains__(self, key: str) -> bool:
        """Say whether the row has a value under `key` that was not taken yet."""
        return self._row.get(key) is not None

    @property
    def keys(self) -> list[str]:
        """The keys that were not taken yet, in the row's order."""
        return list(self._row)

    def fault(self, want: str, got: str | None = None, hint: str | None = None) -> None:
        """Note a fault of this row; the arguments are those of `Fault`."""
        self._log.add(self.line, want, got, hint)

    def text(
        self,
        key: str,
        *,
        required: bool = False,
        max_chars: int | None = None,
        hint: str | None = None,
    ) -> str | None:
        """Take a text; `None` where it is absent, null or faulty.

        Args:
            key: The key.
            required: Whether its absence is a fault.
            max_chars: Most characters, or `None` for any number.
            hint: How to mend its absence, or `None` to guess from the other keys.
        """
        value = self._row.pop(key, None)
        if value is None:
            if required:
                self.fault(f"text under {key}", f"no {key}", hint or self._likely(key))
            return None
        if not self.is_text(value, key, required=required):
            return None
        if max_chars is not None and len(value) > max_chars:
            raises = "max_question_chars raises the limit"
            self.fault(f"at most {max_chars}", f"{key} of {len(value)} characters", raises)
            return None
        text: str = value
        return text

    def is_text(self, value: Any, name: str, *, required: bool = True) -> bool:
        """Say whether `value` is a text that says something; note a fault where it is not.

        Args:
            value: Anything.
            name: What a fault calls it.
            required: Whether it could not just as well be left out.
        """
        if type(value) is not str:
            self.fault("text", f"{name} {shown(value)}", _quoted(value))
        elif not INK.search(value):
            want = "text" if required else f"text, or no {name}"
            self.fault(want, f"{name} {shown(value)}, which is blank")
        elif "\0" in value:
            self.fault("text", f"{name} with a NUL at character {value.index(chr(0)) + 1}")
        else:
            return True
        return False

    def take(self, key: str) -> Any:
        """Take any value, unchecked; `None` where it is absent."""
        return self._row.pop(key, None)

    def choice(self, key: str, allowed: tuple[str, ...], default: str) -> str | None:
        """Take one of some words; `default` where it is absent, `None` where it is faulty."""
        if key not in self:
            self._row.pop(key, None)
            return default
        value = self.text(key)
        if value is None or value in allowed:
            return value
        near = get_close_matches(value.strip().lower()[:MAX_NAME_CHARS], allowed, n=1)
        hint = f"did you mean {near[0]}?" if near else None
        self.fault(f"one of {', '.join(allowed)}", f"{key} {shown(value)}", hint)
        return None

    def share(self, key: str) -> float | None:
        """Take a number in [0, 1]; `None` where it is absent or faulty."""
        value = self._row.pop(key, None)
        if value is None:
            return None
        number = _number(value) if self._untyped else value
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1:
            self.fault("a number in [0, 1]", f"{key} {shown(value)}")
            return None
        return float(number)

    def label(self, key: str) -> float | None:
        """Take a number in [0, 1], or true or false as 1 or 0; `None` where absent or faulty."""
        value = self._row.get(key)
        word = value.strip().lower() if self._untyped and isinstance(value, str) else value
        if word in ("true", "false") and self._untyped:
            word = word == "true"
        if not isinstance(word, bool):
            return self.share(key)
        del self._row[key]
        return float(word)

    def extra(self, **more: Any) -> str | None:
        """Return what was not taken, and `more` where it is not `None`, as a JSON object.

        `None` where there is nothing, or where it is no JSON, as in Parquet it may be.
        """
        rest = {**self._row, **{key: value for key, value in more.items() if value is not None}}
        if not rest:
            return None
        try:
            return canonical_json(rest)
        except (TypeError, ValueError, RecursionError) as error:
            self.fault("text, numbers, lists and objects", f"a value that is no JSON ({error})")
            return None

    def _likely(self, key: str) -> str | None:
        """Guess which key was meant: one that is spelt nearly so, or a usual name of an input."""
        usual = ("text", "prompt", "input", "query", "instruction") if key == "question" else ()
        names = list(self._row)[:MAX_GUESSES]
        lowered = {name.strip().lower()[:MAX_NAME_CHARS]: name for name in names}
        near = get_close_matches(key, list(lowered), n=1) or [n for n in usual if n in lowered]
        return f"rename {lowered[near[0]]} to {key}" if near else None


def _quoted(value: Any) -> str | None:
    """Return the hint for a number where text is wanted."""
    if type(value) not in (int, float):
        return None
    return f'write it as text, "{shown(value)}"'


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
