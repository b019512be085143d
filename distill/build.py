"""The only module that makes objects out of config; all its faults are found before anything runs.

A mapping with `_target_` becomes the component that it names. Only classes that were made by
`@component` can be named, so that a config can build the parts of a pipeline and nothing else.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pydantic
from pydantic.fields import FieldInfo

from distill.across import faults_across
from distill.augmenters import Augmenter
from distill.component import is_component
from distill.config import MISSING, Config, flatten, missing_value
from distill.diversity import DiversityMetric
from distill.errors import ConfigError, Fault, shown
from distill.exports import Export
from distill.filters import Filter
from distill.guards import Guard
from distill.handovers import Handover
from distill.heldout import Heldout
from distill.judges import Judge
from distill.metrics import AskingMetric, Metric
from distill.models import Model
from distill.plan import (
    BaselineSettings,
    BudgetSettings,
    CalibrateSettings,
    CollapseSettings,
    DriftSettings,
    EngineSettings,
    EvaluateSettings,
    JudgeCalibrationSettings,
    LedgerSettings,
    PathSettings,
    Plan,
    ReportSettings,
)
from distill.seeds import Seeds
from distill.selectors import Selector
from distill.students import Student
from distill.tasks import Task
from distill.tracking import Tracking

TARGET = "_target_"
ONE: dict[str, Any] = {
    "task": Task,
    "seeds": Seeds,
    "heldout": Heldout,
    "augment": Augmenter,
    "teacher": Model,
    "judge": Judge,
    "select": Selector,
    "export": Export,
    "student": Student,
    "tracking": Tracking,
}
NAMED: dict[str, Any] = {
    "filter": Filter,
    "metric": Metric,
    "diversity": DiversityMetric,
    "guard": Guard,
    "handover": Handover,
}
# Named parts that are choices of a group of another name.
MORE_NAMED: dict[str, Any] = {"students": Student}
SETTINGS: dict[str, Any] = {
    "evaluate": EvaluateSettings,
    "drift": DriftSettings,
    "collapse": CollapseSettings,
    "calibrate": CalibrateSettings,
    "judge_calibration": JudgeCalibrationSettings,
    "baseline": BaselineSettings,
    "report": ReportSettings,
    "budget": BudgetSettings,
    "ledger": LedgerSettings,
    "engine": EngineSettings,
    "paths": PathSettings,
}
MAY_BE_OFF = frozenset({"heldout", "augment", "judge", "student"})
PERCENT = 100


def build(config: Config) -> Plan:
    """Build every part of a run.

    Args:
        config: As `config.compose` returns it.

    Raises:
        ConfigError: every fault of the whole config at once, each with its whole key.
    """
    told = [key for key, value in flatten(config) if value == MISSING]
    # What a provider is handed is missing where it comes from; there it is told.
    faults = [missing_value(key) for key in told if _own(key) == key or _own(key) not in told]
    missing = len(faults)
    known = [*ONE, *NAMED, *MORE_NAMED, *SETTINGS, "seed"]
    faults += [_no_such_key(key, key, known) for key in config if key not in known]
    one = {key: _slot(config.get(key), key, kind, faults) for key, kind in ONE.items()}
    named = {
        key: {
            name: _slot(node, f"{key}.{name}", kind, faults, siblings=config.get(key) or {})
            for name, node in _named(config.get(key), key, faults).items()
        }
        for key, kind in (NAMED | MORE_NAMED).items()
    }
    settings = {key: _make(kind, config.get(key), key, faults) for key, kind in SETTINGS.items()}
    seed = config.get("seed")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        faults.append(Fault("seed", "a whole number from 0 to 2**32 - 1", shown(seed)))
    if not faults:
        faults += faults_across(one, named, settings)
    if faults:
        # A missing value is told once, as that.
        rest = (fault for fault in faults[missing:] if fault.where not in told)
        raise ConfigError([*faults[:missing], *rest])
    return Plan(
        config=config,
        seed=config["seed"],
        filters=named["filter"],
        metrics=named["metric"],
        students=named["students"],
        diversity=named["diversity"],
        guards=named["guard"],
        handovers=named["handover"],
        **one,
        **settings,
    )


def _own(key: str) -> str:
    """Return the key whose value the provider of a judge, metric or student is handed."""
    return key.replace(".via.", ".")


def instantiate(node: Any, key: str, faults: list[Fault]) -> Any:
    """Make the component that `node` names, its children first.

    Args:
        node: A resolved mapping with `_target_`.
        key: The node's whole key, for messages.
        faults: Where faults are added; the result is `None` if there are any below `key`.
    """
    target = node[TARGET]
    kind = _component_class(target, f"{key}.{TARGET}", faults)
    values: dict[str, Any] = {}
    broken: set[str] = set()
    for name, value in node.items():
        if name == TARGET:
            continue
        if isinstance(value, Mapping) and TARGET in value:
            before = len(faults)
            values[name] = instantiate(value, f"{key}.{name}", faults)
            if len(faults) > before:
                broken.add(name)
        else:
            values[name] = value
    return None if kind is None else _make(kind, values, key, faults, broken=broken)


def _slot(
    node: Any, key: str, kind: Any, faults: list[Fault], *, siblings: Iterable[str] = ()
) -> Any:
    """Build one slot of the plan and see that what came out fits it."""
    if node is None and key in MAY_BE_OFF:
        return None
    if not isinstance(node, Mapping):
        faults.append(Fault(key, f"a choice of the group, {key.split('.')[0]}=…", shown(node)))
        return None
    if TARGET not in node:
        if key in ONE and key not in MAY_BE_OFF:
            faults.append(Fault(key, f"a choice of the group, {key}=…", "none"))
            return None
        if key.startswith("students."):
            want, hint = f"a student, student@{key}=CHOICE", "leave it out if none is wanted"
            got = "none" if node == {"student": None} else "keys without a choice"
            faults.append(Fault(key, want, got, hint))
            return None
        name = key.rpartition(".")[2]
        others = [other for other in siblings if other != name]
        hint = _did_you_mean(name, others) or f"{key} is switched off: choose one to set its keys"
        faults += [Fault(f"{key}.{leaf}", "no such key", hint=hint) for leaf, _ in flatten(node)]
        return None
    made = instantiate(node, key, faults)
    # A selector looks like a filter, but it answers for all rows at once.
    stranger = kind is Filter and isinstance(made, Selector)
    fits = isinstance(made, kind) or (kind is Metric and isinstance(made, AskingMetric))
    if made is not None and (stranger or not fits):
        want = f"a {kind.__name__.lower()}"
        faults.append(Fault(f"{key}.{TARGET}", want, shown(node[TARGET])))
        return None
    return made


def _named(node: Any, key: str, faults: list[Fault]) -> Mapping[str, Any]:
    if node is None:
        return {}
    if not isinstance(node, Mapping) or TARGET in node:
        faults.append(Fault(key, f"named components, {key}.NAME.KEY", shown(node)))
        return {}
    return node


def _component_class(target: Any, key: str, faults: list[Fault]) -> Any:
    """Return the class that `target` names, if it is a component that bears this very name."""
    want = "the dotted name of a class made by @component"
    module_name, _, name = str(target).rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), name) if module_name else None
    # A module of the user's own may fail in any way.
    except Exception as error:
        faults.append(Fault(key, want, shown(target), hint=str(error)))
        return None
    if not is_component(found) or not _bears_name(found, module_name):
        faults.append(Fault(key, want, shown(target)))
        return None
    return found


def _bears_name(kind: type, module_name: str) -> bool:
    """Say whether `kind` is at home in the module, or in a package that hands its name on."""
    return kind.__module__ == module_name or kind.__module__.startswith(f"{module_name}.")


def _make(
    kind: Any, values: Any, key: str, faults: list[Fault], *, broken: Iterable[str] = ()
) -> Any:
    """Construct `kind`; tell each fault with its whole key, those of broken children aside."""
    if not isinstance(values, Mapping):
        faults.append(Fault(key, "a mapping of keys", shown(values)))
        return None
    try:
        return kind(**{str(name): value for name, value in values.items()})
    except pydantic.ValidationError as error:
        told = [
            _fault(kind, key, detail)
            for detail in error.errors(include_url=False)
            if not detail["loc"] or str(detail["loc"][0]) not in broken
        ]
    except ConfigError as error:
        told = list(error.faults)
    faults += told
    return None


def _fault(kind: Any, key: str, detail: Any) -> Fault:
    fields = kind.__pydantic_fields__
    loc = [str(part) for part in detail["loc"]]
    where = ".".join([key, *loc])
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "unexpected_keyword_argument":
        return _no_such_key(where, loc[-1], list(fields))
    if detail["type"] == "extra_forbidden":  # below a key that holds several
        return Fault(where, "no such key", shown(detail["input"]))
    if detail["type"] == "missing":
        return Fault(where, _rule(fields, loc, "a value"), "nothing")
    if not loc:
        field, _, rest = message.partition(": ")
        return Fault(f"{key}.{field}" if field in fields else key, rest or message)
    if detail["type"] == "value_error":
        return Fault(where, message.removeprefix("want "), shown(detail["input"]))
    otherwise = message.removeprefix("Input should be ")
    if detail["type"] == "tuple_type":
        otherwise = "a list of texts"
    rule = _rule(fields, loc, otherwise)
    return Fault(where, rule, shown(detail["input"]), _unit_hint(rule, detail["input"]))


def _rule(fields: Mapping[str, Any], loc: list[str], otherwise: str) -> str:
    """Return the rule of a field in words: its description where it has one."""
    field = fields.get(loc[0]) if len(loc) == 1 else None
    if field is None:
        return otherwise
    return field.description or _rule_or_null(field.annotation) or otherwise


def _rule_or_null(annotation: Any) -> str | None:
    """Return the rule in words of a described type that may be null, too."""
    if not isinstance(annotation, UnionType) and get_origin(annotation) is not Union:
        return None
    described = (
        about.description
        for one in get_args(annotation)
        for about in getattr(one, "__metadata__", ())
        if isinstance(about, FieldInfo) and about.description
    )
    rule = next(described, None)
    return rule if rule is None or "null" in rule else f"{rule}, or null"


def _unit_hint(rule: str, value: Any) -> str | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if "share in [0, 1]" in rule and is_number and 1 < value <= PERCENT:
        return f"{value:g} percent is written {value / PERCENT:g}"
    return None


def _no_such_key(where: str, name: str, known: list[str]) -> Fault:
    hint = _did_you_mean(name, known) or f"known here: {', '.join(sorted(known)) or 'nothing'}"
    return Fault(where, "no such key", hint=hint)


def _did_you_mean(name: str, known: Iterable[str]) -> str | None:
    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else None
