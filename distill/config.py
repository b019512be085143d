"""The door to Hydra: overrides in, one plain resolved mapping out, every fault told at once.

Hydra composes; it does not judge. A plain override is handed over as a forced one, so that a
mistyped key reaches our own validation together with all other faults, instead of stopping at the
first with a message about struct flags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from distill.ablation import ablated
from distill.errors import ConfigError, Fault, shown
from distill.paths import conf_dir

Config = dict[str, Any]

# Mappings of a component's own that the user names afresh: given as a whole they replace the
# default, where Hydra would merge the two.
OWN_NAMES = (
    "augment.dimensions",
    "augment.styles",
    "augment.operations",
    "judge.dimensions",
    "judge.floors",
    "judge.criteria",
)
MISSING = "???"
# A choice that no default stands for: each name is the user's own.
FURTHER = "student@students."
NAMED_GROUPS = frozenset({"filter", "diversity", "guard", "handover"})
OPTIONAL_GROUPS = ("augment", "heldout", "judge", "student", *sorted(NAMED_GROUPS))
_PASSWORD = re.compile(r"(://[^/:@\s]*:)\S+(@)")
_SECRET_FIELD = re.compile(
    r"([?&][\w-]*(?:pass|pwd|token|secret|key)[\w-]*=)[^&\s#]+", re.IGNORECASE
)


def compose(overrides: Sequence[str], *, config_dir: Path | None = None) -> Config:
    """Compose the config of a run and resolve it.

    Args:
        overrides: Hydra overrides, `key=value`, `group=choice`, `~key`.
        config_dir: The user's own config folder, laid over the shipped one.

    Returns:
        Nested plain mappings; every interpolation resolved; groups that are off are `None` (one
        component) or empty (named components).

    Raises:
        ConfigError: an override cannot be read, a choice does not exist, or a value is missing.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from omegaconf import OmegaConf

    folders = [conf_dir(), *([config_dir.absolute()] if config_dir else [])]
    _check_syntax(overrides, folders)
    register_resolvers()
    GlobalHydra.instance().clear()
    if config_dir is not None and not config_dir.is_dir():
        raise ConfigError([Fault("--config-dir", "a folder that exists", shown(str(config_dir)))])
    searched = [f"hydra.searchpath=['file://{_quoted(folder)}']" for folder in folders[1:]]
    with (
        _told_by_us(overrides, folders),
        initialize_config_dir(str(conf_dir()), version_base="1.3", job_name="distill"),
    ):
        composed = hydra_compose(
            "config",
            overrides=[*searched, *(forced(override, folders) for override in overrides)],
            return_hydra_config=True,
        )
        choices = OmegaConf.to_container(composed.hydra.runtime.choices)
        OmegaConf.set_struct(composed, value=False)
        composed.pop("hydra")
        return plain(composed, choices, overrides)


def plain(composed: Any, choices: Any, overrides: Sequence[str]) -> Config:
    """Return a composed config, without its `hydra` node, as plain resolved mappings.

    Args:
        composed: OmegaConf mapping.
        choices: Chosen option by config group.
        overrides: As the user typed them.

    Raises:
        OmegaConfBaseException: an interpolation leads nowhere.

    A value that is missing stays `MISSING`; `build` tells it together with all other faults.
    """
    _replace_own_names(composed, overrides)
    config = _resolved(composed)
    _hand_down(config)
    typed = {override.lstrip("+~").split("=", 1)[0] for override in overrides}
    return ablated(_switch_off(config, choices, typed))


def _resolved(composed: Any) -> Config:
    """Return plain mappings; what is taken from a missing value is missing too."""
    from omegaconf import OmegaConf
    from omegaconf.errors import InterpolationToMissingValueError

    while True:
        try:
            config: Config = OmegaConf.to_container(composed, resolve=True)  # type: ignore[assignment]
        except InterpolationToMissingValueError as error:
            if not error.full_key:
                raise
            OmegaConf.update(composed, error.full_key, MISSING)
        else:
            return config


def _replace_own_names(composed: Any, overrides: Sequence[str]) -> None:
    """Take out of `OWN_NAMES` what a mapping that the user typed whole was merged with."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf

    OmegaConf.set_struct(composed, value=False)
    for name in OWN_NAMES:
        typed = [word for word in overrides if word.lstrip("+~").startswith(name)]
        parsed = OverridesParser.create().parse_overrides(typed)
        whole = [at for at, one in enumerate(parsed) if one.key_or_group == name]
        for one in parsed[whole[-1] :] if whole else ():
            key, _, leaf = one.key_or_group.rpartition(".")
            if one.is_delete():
                (OmegaConf.select(composed, key) or {}).pop(leaf, None)
            else:
                is_part = one.key_or_group != name
                OmegaConf.update(composed, one.key_or_group, one.value(), merge=is_part)


def register_resolvers() -> None:
    """Register what a config may look up.

    `${conf_file:NAME}` is the path of a file in the shipped config folder; `${lines:FILE}` is the
    lines of a file, so that they are saved with the config and a rebuild needs no file.
    """
    from omegaconf import OmegaConf

    OmegaConf.register_new_resolver("conf_file", lambda name: str(conf_dir() / name), replace=True)
    OmegaConf.register_new_resolver("lines", _lines, replace=True)


def _lines(name: str) -> list[str]:
    """Return the lines of a UTF-8 file that are not blank, without the space around them.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        text = Path(name).expanduser().read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ValueError(f"${{lines:{name}}}: {why or error}") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def forced(override: str, folders: Sequence[Path]) -> str:
    """Return an override in the form that Hydra takes without asking whether the key exists.

    Args:
        override: As the user typed it.
        folders: Config folders; `key=…` with a folder of that name chooses from a group.
    """
    key, equals, value = override.lstrip("+").partition("=")
    if key.startswith(FURTHER) and not override.startswith("~"):
        return f"+{override.lstrip('+')}"
    is_group = "@" in key or any((folder / key).is_dir() for folder in folders)
    if is_group or not equals or key.startswith(("~", "hydra")):
        return override
    return f"++{key}={value}"


def flatten(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield `(dotted key, value)` of every leaf; an empty mapping is a leaf."""
    if isinstance(config, Mapping) and config:
        for key, value in config.items():
            yield from flatten(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, config


def without_secrets(value: Any) -> Any:
    """Return `value` with every password of a URL replaced by `***`."""
    if isinstance(value, Mapping):
        return {key: without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    if not isinstance(value, str) or "://" not in value:
        return value
    return _SECRET_FIELD.sub(r"\1***", _PASSWORD.sub(r"\1***\2", value))


def to_yaml(config: Mapping[str, Any]) -> str:
    """Return the resolved config as it is saved: no passwords, keys in the order of the file."""
    import yaml

    return str(yaml.safe_dump(without_secrets(config), sort_keys=False, allow_unicode=True))


def _switch_off(config: Config, choices: Mapping[str, Any], set_by_user: set[str]) -> Config:
    """Make a group that is off `None` or empty, unless the user set a key below it by hand.

    An experiment may set keys of a group that the command line then switches off.
    """
    for group in OPTIONAL_GROUPS:
        touched = any(key.startswith(f"{group}.") for key in set_by_user)
        if choices.get(group) == "none" and not touched:
            config[group] = {} if group in NAMED_GROUPS else None
    return config


def _hand_down(config: Config) -> None:
    """Let the endpoint and the mode that a judge, student or metric is given be its model's.

    Where none is given, the model's own choice of a provider says which one it is.
    """
    groups = (config.get("metric"), config.get("students"))
    named = [node for group in groups if isinstance(group, dict) for node in group.values()]
    for asker in (config.get("judge"), config.get("student"), *named):
        if not isinstance(asker, dict) or not isinstance(asker.get("via"), dict):
            continue
        for key in ("base_url", "mode"):
            if asker.get(key) is not None:
                asker["via"][key] = asker[key]


def missing_value(key: str) -> Fault:
    """Return the fault of a key without a value."""
    hints = {
        "seeds.path": 'seeds.path=FILE.jsonl with {"question": …} on each line',
        "task.labels": "task.labels=[first,second,…]",
        "teacher.model": "teacher.model=ID, the exact id as the endpoint knows it",
        "student.model": "student.model=ID, the exact id as the endpoint knows it",
        "filter.format_regex.pattern": "filter.format_regex.pattern='…', what an answer must hold",
        "student.base.model": "student.base.model=ID, the exact id as the endpoint knows it",
    }
    wants = {"filter.format_regex.pattern": "a regular expression"}
    want = wants.get(key, "a value of your own, for there is no default")
    hint = hints.get(key)
    if key.startswith("students.") and key.endswith(".model"):
        hint = f"{key}=ID, the exact id as the endpoint knows it"
    return Fault(key, want, "nothing", hint)


def _check_syntax(overrides: Sequence[str], folders: Sequence[Path]) -> None:
    """Raise a `ConfigError` that names every override that cannot be read or contradicts itself."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser = OverridesParser.create()
    faults = []
    for override in overrides:
        try:
            if override.lstrip("+~").startswith("="):
                raise HydraException("no key")
            parsed = parser.parse_override(override)
            chosen = None if parsed.is_sweep_override() else parsed.value()
            is_group = any((folder / str(parsed.key_or_group)).is_dir() for folder in folders)
            if is_group and isinstance(chosen, list) and len(chosen) > 1 and "none" in chosen:
                got = f"[{','.join(map(str, chosen))}]"
                faults.append(Fault(parsed.key_or_group, "none alone or choices without it", got))
        except HydraException:
            hint = "quote what has spaces, commas or brackets for the shell: 'key=\"a b\"'"
            faults.append(Fault("override", "key=value or group=choice", shown(override), hint))
    if faults:
        raise ConfigError(faults)


@contextmanager
def _told_by_us(overrides: Sequence[str], folders: Sequence[Path]) -> Iterator[None]:
    """Turn an error of Hydra, OmegaConf or YAML into a `ConfigError`."""
    import yaml
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        yield
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        raise ConfigError([_fault(error, overrides, folders)]) from error


def _fault(error: BaseException, overrides: Sequence[str], folders: Sequence[Path]) -> Fault:
    text = " ".join(str(error).split()).removesuffix(".")
    # Hydra has other words for one choice of several.
    absent = re.search(r"Could not (?:find|load) '([^']+)/([^'/]+)'", text)
    if absent:
        known = choices_of(absent[1], folders) or _plugins(text)
        want = f"one of {', '.join(known)}"
        return Fault(absent[1], want, shown(absent[2]), _did_you_mean(absent[2], known))
    named = [word for word in overrides if word.lstrip("+~").split("=", 1)[0] in text]
    return Fault(named[0] if named else "config", text)


def _quoted(folder: Path) -> str:
    """Return a path as it stands between single quotes in an override."""
    return str(folder).replace("\\", "\\\\").replace("'", "\\'")


def choices_of(group: str, folders: Sequence[Path]) -> list[str]:
    """Return the options of a config group, sorted."""
    return sorted({file.stem for folder in folders for file in (folder / group).glob("*.yaml")})


def _plugins(text: str) -> list[str]:
    """Return the options that Hydra names itself, of a group that its plugins bring."""
    listed = re.search(r"Available options in '[^']+': (.*?) Config search path", text)
    return listed[1].split() if listed else []


def _did_you_mean(got: str, known: Sequence[str]) -> str | None:
    near = get_close_matches(got, known, n=1)
    return f"did you mean {near[0]}?" if near else None
