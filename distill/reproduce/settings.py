"""The overrides that `distill reproduce` takes: where to look, and whom to ask with `--refresh`.

The run's own config says everything else, and only that config rebuilds its dataset.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated, Any

import pydantic
import yaml
from pydantic import Field

from distill.component import Count, NonNegativeFloat, Positive, PositiveFloat, Text
from distill.errors import ConfigError, Fault, shown


class Settings(pydantic.BaseModel):
    """Overrides by their whole keys; `None` where one was not given.

    Args:
        uri: `tracking.uri`.
        experiment: `tracking.experiment`.
        ledger_url: `ledger.url`.
        out: `paths.out`, the same as `--out`.
        seeds_path: `seeds.path`, for a config file.
        trust: `trust`, dotted names of the user's own components.
        max_usd: `budget.max_usd`, in dollars.
        base_url: `teacher.base_url`.
        api_key_env: `teacher.api_key_env`.
        concurrency: `teacher.concurrency`.
        timeout_s: `teacher.timeout_s`.
        max_retries: `teacher.max_retries`.
        given: The keys that were given.
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    uri: Text | None = Field(None, alias="tracking.uri")
    experiment: Text | None = Field(None, alias="tracking.experiment")
    ledger_url: Text | None = Field(None, alias="ledger.url")
    out: Text | None = Field(None, alias="paths.out")
    seeds_path: Text | None = Field(None, alias="seeds.path")
    trust: Annotated[tuple[Text, ...], Field(description="a list of dotted names")] = ()
    max_usd: NonNegativeFloat | None = Field(None, alias="budget.max_usd")
    base_url: Text | None = Field(None, alias="teacher.base_url")
    api_key_env: Text | None = Field(None, alias="teacher.api_key_env")
    concurrency: Positive | None = Field(None, alias="teacher.concurrency")
    timeout_s: PositiveFloat | None = Field(None, alias="teacher.timeout_s")
    max_retries: Count | None = Field(None, alias="teacher.max_retries")
    given: frozenset[str] = frozenset()


KEYS = tuple(
    field.alias or name for name, field in Settings.model_fields.items() if name != "given"
)
LISTS = ("trust",)
NUMBERS = ("budget.max_usd", "teacher.concurrency", "teacher.timeout_s", "teacher.max_retries")


def read_settings(words: Sequence[str]) -> Settings:
    """Return the overrides that were given.

    Args:
        words: `key=value` each; a later one wins.

    Raises:
        ConfigError: unknown keys and values of the wrong type, all at once.
    """
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for word in words:
        key, equals, text = word.lstrip("+").partition("=")
        if not equals:
            faults.append(Fault("override", "key=value", shown(word)))
        elif key not in KEYS:
            faults.append(Fault(key, "no such key here", hint=_hint(key)))
        else:
            values[key] = _value(key, text)
    try:
        settings = Settings(**values, given=frozenset(values))
    except pydantic.ValidationError as error:
        for detail in error.errors(include_url=False):
            want = detail["msg"].removeprefix("Input should be ")
            faults.append(Fault(str(detail["loc"][0]), want, shown(detail["input"])))
    if faults:
        raise ConfigError(faults)
    return settings


def _value(key: str, text: str) -> Any:
    """Return a value as its key wants it: most are texts, whatever they look like."""
    if key in LISTS:
        return tuple(name.strip() for name in text.strip("[]").split(",") if name.strip())
    if key in NUMBERS:
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError:
            return text
    return text


def _hint(key: str) -> str:
    near = get_close_matches(key, KEYS, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"a run is rebuilt from its own config; {', '.join(KEYS)} can be given"
