"""What makes a class usable from config: the `@component` decorator and the field types.

A component is a frozen dataclass whose fields are its keys in YAML. Types and ranges stand in
the annotations and are checked when the config is read, long before anything is spent. Only
classes that bear the decorator's mark can be named by `_target_`, so that a config can build
parts of a pipeline and nothing else.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, TypeGuard, TypeVar, dataclass_transform

import pydantic.dataclasses
from pydantic import ConfigDict, Field, Strict

T = TypeVar("T")
MARK = "__distill_component__"

Share = Annotated[float, Field(ge=0, le=1, description="a share in [0, 1]")]
Count = Annotated[int, Field(ge=0, description="a whole number of 0 or more")]
Positive = Annotated[int, Field(ge=1, description="a whole number of 1 or more")]
PositiveFloat = Annotated[float, Field(gt=0, description="a number above 0")]
NonNegativeFloat = Annotated[float, Field(ge=0, description="a number of 0 or more")]
Seed = Annotated[int, Field(ge=0, lt=2**32, description="a whole number from 0 to 2**32 - 1")]
Text = Annotated[str, Field(min_length=1, description="a text that is not empty")]
# YAML knows lists only; a tuple keeps the component hashable and unchangeable.
Texts = Annotated[tuple[str, ...], Strict(False), Field(description="a list of texts")]

# Few of the components are used in a run: the others are never got ready.
CONFIG = ConfigDict(
    extra="forbid",
    strict=True,
    arbitrary_types_allowed=True,
    allow_inf_nan=False,
    defer_build=True,
)


@dataclass_transform(
    kw_only_default=True, frozen_default=True, field_specifiers=(Field, dataclasses.field)
)
def component(cls: type[T]) -> type[T]:
    """Make `cls` a frozen, keyword-only, validated dataclass that a config may build.

    Raises:
        pydantic.ValidationError: on construction, for an unknown key, a wrong type or a value out
            of range. `distill.build` turns it into a `ConfigError` with the whole key.
    """
    made: Any = pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=CONFIG)(cls)
    setattr(made, MARK, made)
    checked: type[T] = made
    return checked


def is_component(candidate: object) -> TypeGuard[type]:
    """Say whether `candidate` itself (not merely a parent of it) was made by `@component`."""
    return isinstance(candidate, type) and candidate.__dict__.get(MARK) is candidate
