"""The JSON schema that editors check config files by, against every config file there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from omegaconf import OmegaConf

from distill.cli import main
from distill.commands.init import STARTER
from distill.paths import conf_dir

FILES = [
    conf_dir() / "config.yaml",
    *sorted((conf_dir() / "experiment").glob("*.yaml")),
    *sorted(STARTER.glob("*/conf/experiment/*.yaml")),
]


@pytest.fixture(scope="module")
def schema() -> Any:
    from distill.config_schema import config_schema

    return config_schema(conf_dir())


def faults(schema: Any, config: Any) -> list[str]:
    return [error.json_path for error in Draft202012Validator(schema).iter_errors(config)]


def test_it_is_a_schema_and_is_printed(schema: Any, capsys: pytest.CaptureFixture[str]) -> None:
    Draft202012Validator.check_schema(schema)

    assert main(["run", "--cfg", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parts[-4]}-{file.stem}")
def test_our_own_files_have_no_fault(schema: Any, file: Path) -> None:
    # Editors read YAML 1.2, where `off` is a text.
    text = file.read_text().replace("mode: off", "mode: 'off'")

    assert faults(schema, OmegaConf.to_container(OmegaConf.create(text))) == []


@pytest.mark.parametrize(
    ("config", "where"),
    [
        pytest.param({"judge": {"treshold": 0.5}}, "$.judge", id="unknown key"),
        pytest.param({"judge": {"threshold": 1.5}}, "$.judge.threshold", id="out of range"),
        pytest.param({"seed": -1}, "$.seed", id="negative seed"),
        pytest.param(
            {"filter": {"min_words": {"min_words": "many"}}},
            "$.filter.min_words.min_words",
            id="text for a number",
        ),
        pytest.param({"evaluate": {"seeds": 0}}, "$.evaluate.seeds", id="section"),
        pytest.param({"teecher": {}}, "$", id="unknown group"),
    ],
)
def test_a_mistake_is_shown_where_it_stands(schema: Any, config: Any, where: str) -> None:
    assert faults(schema, config) == [where]


def test_a_value_that_is_looked_up_is_no_mistake(schema: Any) -> None:
    assert faults(schema, {"judge": {"threshold": "${my.threshold}"}}) == []


def test_a_key_says_what_the_file_says_beside_it(schema: Any) -> None:
    told = schema["properties"]["evaluate"]["properties"]["seeds"]["description"]

    assert told.startswith("times the student is trained")
