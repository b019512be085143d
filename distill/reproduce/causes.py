"""Why a rebuilt dataset may differ: which code and which libraries are not those of then."""

from __future__ import annotations

from dataclasses import dataclass

from distill.errors import printable
from distill.fingerprint import implementation, versions
from distill.plan import Plan
from distill.reproduce.differ import Difference
from distill.reproduce.facts import Facts
from distill.stages import augment, filter, generate, judge, select

STAGE_PREFIX = "stage."
# Which config keys' code makes up a stage, beside `stage.<name>` itself.
PARTS = {
    augment.STAGE: ("augment",),
    generate.STAGE: ("task", "teacher"),
    filter.STAGE: ("filter",),
    judge.STAGE: ("judge",),
    select.STAGE: ("select",),
}


@dataclass(frozen=True, kw_only=True)
class Causes:
    """What is not as it was when the dataset was made.

    Args:
        parts: Parts of the pipeline whose code is another, by config key or `stage.<name>`.
        libraries: What was and what is installed, `(name, then, now)`; `None` for nothing.
    """

    parts: tuple[str, ...]
    libraries: tuple[tuple[str, str | None, str | None], ...]

    def __bool__(self) -> bool:
        """Say whether there is any."""
        return bool(self.parts or self.libraries)


def causes(facts: Facts, plan: Plan) -> Causes:
    """Compare code and libraries with those that made the dataset.

    Args:
        facts: Of the run.
        plan: The run's parts, as they are built today.
    """
    then, now = facts.implementation, implementation(plan)
    here = versions()
    return Causes(
        parts=tuple(sorted(key for key in now if key in then and then[key] != now[key])),
        libraries=tuple(
            (name, facts.versions.get(name), here.get(name))
            for name in here
            if name in facts.versions and _changed(name, facts.versions[name], here[name])
        ),
    )


def told(found: Causes, first: Difference | None) -> list[str]:
    """Return the causes in words, the one that explains the first difference first.

    Args:
        found: What is not as it was.
        first: The first difference, or `None` where the tables are the same.
    """
    order = sorted(found.parts, key=lambda part: not _explains(part, first))
    lines = [f"{_named(part)}: its code is not the code that made this dataset." for part in order]
    lines += [
        f"{name}: {printable(str(then))} made this dataset, {now} is installed."
        for name, then, now in found.libraries
    ]
    return lines


def noted(found: Causes) -> str:
    """Return in one line what has changed without changing the dataset."""
    parts = [f"other code ({', '.join(map(_named, found.parts))})"] if found.parts else []
    other = ", ".join(
        f"{name} {now}, then {printable(str(then))}" for name, then, now in (found.libraries)
    )
    parts += [f"other libraries ({other})"] if other else []
    return f"Made with {' and '.join(parts)}: the result is the same."


def _named(part: str) -> str:
    if part.startswith(STAGE_PREFIX):
        return f"the stage {part.removeprefix(STAGE_PREFIX)}"
    return part


def _explains(part: str, first: Difference | None) -> bool:
    if first is None:
        return part in {"export", f"{STAGE_PREFIX}export"}
    if first.stage == filter.STAGE and first.reason is not None:
        return part == f"filter.{first.reason}"
    if part == f"{STAGE_PREFIX}{first.stage}":
        return True
    return part.partition(".")[0] in PARTS.get(first.stage, ())


def _changed(name: str, then: str, now: str) -> bool:
    # The last number of an interpreter mends faults; it changes no behaviour.
    if name == "python":
        return then.split(".")[:2] != now.split(".")[:2]
    return then != now
