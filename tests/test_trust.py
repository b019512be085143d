"""Configs from elsewhere: what a run saves passes, everything else is refused and named."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from distill.component import component
from distill.config import choices_of, compose, to_yaml
from distill.errors import ConfigError
from distill.filters import MinWords
from distill.paths import conf_dir
from distill.trust import (
    MAX_BYTES,
    PACKAGES,
    check_foreign,
    known_components,
    parse_foreign,
    read_foreign,
)

SEED = "seeds.path=x.jsonl"
# What else an experiment wants of its user.
WANTED = {
    "endpoint": ["student.model=m"],
    "numbers": [
        "teacher.path=student",
        "teacher.model=student-0",
        "task.labels=[a,b]",
        "heldout.path=h.jsonl",
    ],
}


def refused(config: dict[str, Any], **words: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        check_foreign(config, **words)
    return str(caught.value)


def unread(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_foreign(text, "config.yaml")
    return str(caught.value)


def shipped() -> list[list[str]]:
    experiments = [
        [f"experiment={name}", SEED, *WANTED.get(name, [])]
        for name in choices_of("experiment", [conf_dir()])
    ]
    tasks = [["task=qa", SEED], ["task=math", SEED], ["task=classify", SEED, "task.labels=[a,b]"]]
    return [*experiments, *tasks, [SEED, "teacher=openai", "teacher.model=m", "tracking=none"]]


@pytest.mark.parametrize("overrides", shipped(), ids=" ".join)
def test_what_a_run_saves_passes_and_means_the_same(overrides: list[str]) -> None:
    config = compose(overrides)

    read = parse_foreign(to_yaml(config), "config.yaml")

    assert read == config
    check_foreign(read)


def test_every_component_that_a_shipped_config_names_is_known() -> None:
    def targets(node: Any) -> set[str]:
        if isinstance(node, list):
            return {one for child in node for one in targets(child)}
        if not isinstance(node, dict):
            return set()
        own = {str(node["_target_"])} if "_target_" in node else set()
        return own | {one for child in node.values() for one in targets(child)}

    files = [yaml.safe_load(path.read_text()) for path in conf_dir().rglob("*.yaml")]

    named = {one for file in files for one in targets(file)}
    assert named
    assert named <= known_components()


def test_every_package_that_a_config_folder_stands_for_is_looked_through() -> None:
    singular = {
        "augment": "augmenters",
        "select": "selectors",
        "diversity": "diversity",
        "teacher": "models",
    }
    settings = {"budget", "engine", "examples", "experiment"}
    groups = {path.name for path in conf_dir().iterdir() if path.is_dir()} - settings

    for group in groups:
        names = {group, f"{group}s", singular.get(group, "")}
        assert names & set(PACKAGES), group


def test_only_components_under_their_public_names_are_known() -> None:
    for name in known_components():
        module, _, kind = name.rpartition(".")
        assert module.count(".") == 1
        assert getattr(importlib.import_module(module), kind).__name__ == kind
    assert "distill.filters.MinWords" in known_components()
    assert "distill.filters.min_words.MinWords" not in known_components()
    assert "distill.models.settings.ModelSettings" not in known_components()


@pytest.mark.parametrize(
    "target",
    [
        "builtins.open",
        "builtins.eval",
        "os.system",
        "pathlib.Path.write_text",
        "pathlib.Path",
        "distill.build.importlib.import_module",
        "distill.x.pathlib.Path",
        "distill.folder.Path",
        "distill.filters.min_words.pl.read_csv",
        "distill.filters.MinWords.__init__",
        "distill.filters.MinWords ",
        "distill.filters..MinWords",
        "distill.filters.minwords",
        "distill.filters.Filter",
        "distill.run.run",
        "MinWords",
        "",
        "${a}",
        "${oc.env:HOME}",
        None,
        7,
        True,
        ["distill.filters.MinWords"],
        {"_target_": "distill.filters.MinWords"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "nest",
    [
        pytest.param(lambda node: {"filter": {"x": node}}, id="in its place"),
        pytest.param(lambda node: {"judge": {"via": {"deep": [[node]]}}}, id="in lists"),
        pytest.param(lambda node: {"unknown": node}, id="under a key that nobody reads"),
        pytest.param(lambda node: node, id="at the top"),
    ],
)
def test_a_target_that_is_no_component_is_refused(target: Any, nest: Any) -> None:
    told = refused(nest({"_target_": target}))

    assert "_target_: got" in told
    assert "want a component of distill by its public name" in told


def test_a_foreign_name_is_never_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)

    refused({"filter": {"x": {"_target_": "planted.Filter"}}})

    assert "planted" not in sys.modules


def test_a_subclass_of_a_component_is_no_component_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import distill.filters

    class Sly(MinWords):
        """Not made by @component."""

    Sly.__module__ = "distill.filters.sly"
    made = component(type("Planted", (), {"__module__": "elsewhere"}))
    monkeypatch.setattr(distill.filters, "Sly", Sly, raising=False)
    monkeypatch.setattr(distill.filters, "Planted", made, raising=False)
    known_components.cache_clear()
    try:
        for name in ("distill.filters.Sly", "distill.filters.Planted"):
            assert "got 'distill.filters." in refused({"f": {"_target_": name}})
    finally:
        known_components.cache_clear()


def test_a_component_of_the_users_own_passes_when_the_user_names_it() -> None:
    config = {"filter": {"x": {"_target_": "my_pkg.NoUrls"}}}

    told = refused(config)
    check_foreign(config, trusted=["my_pkg.NoUrls"])

    assert "hint: if it is a component of your own: trust=[my_pkg.NoUrls]" in told
    assert "my_pkg.Other" in refused({"x": {"_target_": "my_pkg.Other"}}, trusted=["my_pkg.NoUrls"])


def test_what_a_config_trusts_itself_counts_for_nothing() -> None:
    config = {"trust": ["my_pkg.NoUrls"], "filter": {"x": {"_target_": "my_pkg.NoUrls"}}}

    assert "filter.x._target_: got 'my_pkg.NoUrls'" in refused(config)


def test_nobody_is_told_to_trust_the_standard_library() -> None:
    for target in ("builtins.open", "os.system", "distill.build.importlib.import_module"):
        assert "trust=" not in refused({"x": {"_target_": target}})


@pytest.mark.parametrize(
    "key", ["hydra", "hydra.callbacks", "hydra/job_logging", "Hydra", "hydra@x"]
)
def test_a_hydra_node_is_refused(key: str) -> None:
    assert f"{key}: no such key" in refused({key: {"callbacks": {"x": 1}}})


@pytest.mark.parametrize("key", ["_args_", "_partial_", "_recursive_", "_convert_"])
def test_other_keys_of_hydras_instantiate_are_refused(key: str) -> None:
    config = {"filter": {"x": {"_target_": "distill.filters.MinWords", key: True}}}

    assert f"filter.x.{key}: no such key" in refused(config)


@pytest.mark.parametrize(
    "value", ["${oc.env:HOME}", "a ${b} c", "${conf_file:x}", "$${x}", "\\${x}", "${"]
)
def test_an_interpolation_is_refused_wherever_it_stands(value: str) -> None:
    for config in ({"seed": value}, {"task": {"shots": [{"question": value}]}}):
        told = refused(config)
        assert "want a text without ${…}" in told
        assert repr(value) in told
    assert "a plain key" in refused({"task": {value: 1}})


@pytest.mark.parametrize("key", ["paths.out", "ledger.url", "tracking.uri", "tracking.deep"])
@pytest.mark.parametrize("value", ["../x", "a/../../x", "..", "a\\..\\b", "sqlite:///../x.db"])
def test_a_path_that_climbs_is_refused_unless_the_user_replaces_it(key: str, value: str) -> None:
    section, name = key.split(".")
    config = {section: {name: value}}

    assert f"{key}: got {value!r}, want a path without '..' in it" in refused(config)
    check_foreign(config, replaced=[key])


def test_what_merely_looks_like_a_path_that_climbs_passes() -> None:
    check_foreign({"paths": {"out": "/abs/a..b/...x"}, "task": {"prompt": "cd ../x {question}"}})
    check_foreign({"seeds": {"path": "../data/seeds.jsonl"}})


def test_all_faults_are_told_at_once() -> None:
    config = {"hydra": {}, "a": "${b}", "c": {"_target_": "os.system"}, "paths": {"out": ".."}}

    told = refused(config)

    for key in ("hydra: ", "a: got", "c._target_: got", "paths.out: got"):
        assert key in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("a: &x 1\nb: *x", "config.yaml:1: an anchor or alias", id="alias"),
        pytest.param("a: &x {b: 1}", "an anchor or alias", id="anchor"),
        pytest.param("a: 1\nb: 2\na: 3", "config.yaml:3: a key twice: 'a'", id="key twice"),
        pytest.param("x: {a: 1, a: 2}", "a key twice", id="key twice, deep"),
        pytest.param("1: 2", "a key that is no text", id="number as key"),
        pytest.param("x: {yes: 2}", "a key that is no text", id="bool as key"),
        pytest.param("? [a]\n: 1", "a key that is no text", id="list as key"),
        pytest.param("<<: {a: 1}", "a key that is no text", id="merge"),
        pytest.param("a: !!python/object/apply:os.system [x]", "constructor", id="python tag"),
        pytest.param("a: !mine x", "constructor", id="own tag"),
        pytest.param("a: [", "config.yaml:1", id="no YAML"),
        pytest.param("a: 1\n---\nb: 1", "another document", id="two documents"),
        pytest.param("- a", "want a mapping of keys", id="list"),
        pytest.param("", "want a mapping of keys", id="nothing"),
        pytest.param("a: " + "[" * 40 + "]" * 40, "more than 32 levels", id="deep"),
        pytest.param("a: " + "[" * 90_000, "more than 32 levels", id="very deep"),
        pytest.param("a: 2025-13-45", "config.yaml: no YAML", id="no date"),
        pytest.param("a: \x00", "config.yaml: no YAML", id="control code"),
    ],
)
def test_what_is_more_or_less_than_plain_yaml_is_refused(text: str, told: str) -> None:
    assert told in unread(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("a: 2025-11-01", "want text, a number, true, false or null", id="date"),
        pytest.param("a: !!binary aGk=", "want text, a number, true, false or null", id="bytes"),
        pytest.param("a: !!set {b}", "want text, a number, true, false or null", id="set"),
        pytest.param("a: .nan", "want a finite number", id="nan"),
        pytest.param("a: -.inf", "want a finite number", id="inf"),
        pytest.param("a: 0x" + "f" * 50, "want a number of at most 64 bits", id="huge"),
        pytest.param("a: 0x" + "f" * 9000, "want a number of at most 64 bits", id="very huge"),
        pytest.param('a: "\\ud800"', "want whole characters", id="half a character"),
        pytest.param('"a\\nb": 1', "a plain key", id="key of two lines"),
    ],
)
def test_values_that_no_run_saves_are_refused(text: str, told: str) -> None:
    assert told in refused(parse_foreign(text, "config.yaml"))


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 60)]

    assert "an anchor or alias" in unread("\n".join(lines))


def test_a_file_is_read_whole_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"

    with pytest.raises(ConfigError, match="no such file"):
        read_foreign(path)
    path.write_bytes(b"a: \xff")
    with pytest.raises(ConfigError, match="another encoding at byte 3"):
        read_foreign(path)
    path.write_text("a: " + "x" * MAX_BYTES)
    with pytest.raises(ConfigError, match="at most 1048576 bytes"):
        read_foreign(path)
    path.write_text("a: ü")
    assert read_foreign(path) == {"a": "ü"}


# PyYAML itself writes U+0085 so that it comes back as a space.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x85"), max_size=8)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXT, PLAIN, max_size=4))
def test_a_plain_mapping_comes_back_as_it_was_saved(config: dict[str, Any]) -> None:
    assert parse_foreign(yaml.safe_dump(config, allow_unicode=True), "config.yaml") == config


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_at_all_bring_the_reader_down(data: bytes) -> None:
    try:
        config = parse_foreign(data.decode(errors="replace"), "config.yaml")
        check_foreign(config)
    except ConfigError:
        pass
