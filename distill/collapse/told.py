"""What `distill collapse` left, read again so that a run's report can show it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from distill.errors import UserError, printable, shown

NAME = "collapse.json"
MAX_BYTES = 16 * 2**20
MAX_CHARS = 400
MOST_COURSES, MOST_GENERATIONS = 3, 101

Words = Annotated[str, AfterValidator(lambda text: printable(text)[:MAX_CHARS])]
Count = Annotated[int, Field(ge=0, le=10**12)]
Value = Annotated[float, Field(ge=0, le=10**12)]


class _Read(BaseModel):
    """A part of `collapse.json`; keys that are not needed are not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class _Spread(_Read):
    mean: Value
    least: Value
    greatest: Value


class _Generation(_Read):
    number: Count
    examples: Count
    heldout: _Spread
    distinct_2: _Spread | None
    less_varied: _Spread | None
    support: _Spread


class _Course(_Read):
    title: Words
    sentence: Words
    generations: tuple[_Generation, ...] = Field(min_length=2, max_length=MOST_GENERATIONS)


class _TheoryCourse(_Read):
    title: Words
    measured: tuple[Value, ...] = Field(min_length=2, max_length=MOST_GENERATIONS)
    theory: tuple[Value, ...] | None

    @model_validator(mode="after")
    def _as_long(self) -> _TheoryCourse:
        if self.theory is not None and len(self.theory) != len(self.measured):
            raise ValueError("theory and measured differ in length")
        return self


class _Theory(_Read):
    samples: Count
    chains: Count
    courses: tuple[_TheoryCourse, ...] = Field(min_length=1, max_length=MOST_COURSES)


class _File(_Read):
    format: Literal[1]
    student: Words
    measure: Words
    real: Count
    heldout: Count
    # Folders of earlier releases have neither.
    seeds_sha256: Words | None = None
    theory: _Theory | None = None
    courses: tuple[_Course, ...] = Field(min_length=1, max_length=MOST_COURSES)

    @model_validator(mode="after")
    def _of_one_length(self) -> _File:
        if len({len(course.generations) for course in self.courses}) > 1:
            raise ValueError("courses differ in their number of generations")
        return self


def read_collapse(path: str | None, *, seeds_sha256: str) -> dict[str, Any] | None:
    """Read what `distill collapse` left.

    Args:
        path: Its folder or its `collapse.json`, or `None` where there is none.
        seeds_sha256: Digest of the run's seeds.

    Returns:
        `collapse.json` without examples of what was written, with `source`, the folder's name, and
        `same_seeds`, whether the chains learnt from the run's own seeds (null is not known);
        `None` without a path.

    Raises:
        UserError: the file cannot be read or is none of `distill collapse`.
    """
    if path is None:
        return None
    place = Path(path).expanduser()
    place = place / NAME if place.is_dir() else place
    found = _read(place, path)
    own = found.seeds_sha256
    return {
        "source": printable(place.absolute().parent.name)[:MAX_CHARS],
        "same_seeds": None if own is None else own == seeds_sha256,
        **found.model_dump(mode="json"),
    }


def plain(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return `collapse.json` as it would be read again: what the page shows, and no more."""
    return _File.model_validate(told).model_dump(mode="json")


def _read(place: Path, path: str) -> _File:
    want = f"report.collapse: got {shown(path)}, want the folder of a distill collapse"
    hint = f"distill collapse leaves {NAME} in its paths.out"
    try:
        if place.stat().st_size > MAX_BYTES:
            raise UserError(f"{want} ({NAME} is larger than {MAX_BYTES} bytes).", hint=hint)
        return _File.model_validate_json(place.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"{want} ({_cause(error, place.name)}).", hint=hint) from error


def _cause(error: OSError | ValueError, name: str) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or name
        return printable(f"{where}: {first['msg']}")[:MAX_CHARS]
    return printable(f"{name}: {getattr(error, 'strerror', None) or error}")[:MAX_CHARS]
