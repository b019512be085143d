"""The choices of endpoint that ship: as a teacher, and as what a judge asks."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from workbench import QUESTIONS, Workbench

from distill.build import build
from distill.config import compose
from distill.paths import conf_dir
from distill.reproduce.rebuild import LATER_KEYS, plan_of

PRESETS = {
    file.stem: yaml.safe_load(file.read_text(encoding="utf-8"))
    for file in sorted((conf_dir() / "teacher").glob("*.yaml"))
    if "defaults" in yaml.safe_load(file.read_text(encoding="utf-8"))
}
JUDGED = ("teacher.base_url=http://127.0.0.1:9", "judge.model=judge-1")


def composed(*overrides: str) -> dict[str, Any]:
    return compose(["seeds.path=-", *overrides])


def test_the_presets_that_are_promised_are_there() -> None:
    assert {"gemini", "together", "vllm", "ollama", "llamacpp"} <= set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_holds_only_what_differs(name: str) -> None:
    base = yaml.safe_load((conf_dir() / "teacher" / "openai.yaml").read_text(encoding="utf-8"))
    own = {key: value for key, value in PRESETS[name].items() if key != "defaults"}

    assert own["endpoint"] == name
    assert own["base_url"].startswith("http")
    assert set(own) <= set(base)
    assert all(base[key] != value for key, value in own.items())


@pytest.mark.parametrize("name", PRESETS)
def test_a_judge_takes_the_preset_as_a_teacher_does(name: str) -> None:
    alone = composed(f"teacher={name}", "teacher.model=judge-1")["teacher"]
    config = composed(f"teacher@judge.via={name}", "judge.model=judge-1")

    assert config["judge"]["via"] == alone
    assert build(config).judge is not None


def test_an_endpoint_of_the_environment_is_for_its_own_provider_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://claude.example")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://openai.example/v1")
    gemini = PRESETS["gemini"]["base_url"]

    def urls(*overrides: str) -> tuple[str, str]:
        config = composed("teacher.model=m", "judge.model=j", *overrides)
        return config["teacher"]["base_url"], config["judge"]["via"]["base_url"]

    assert urls() == ("http://claude.example", "http://claude.example")
    assert urls("teacher=openai", "teacher@judge.via=openai") == ("http://openai.example/v1",) * 2
    assert urls("teacher=gemini", "teacher@judge.via=gemini") == (gemini, gemini)


@pytest.mark.parametrize("via", ["claude", "gemini", "openai"])
def test_the_judges_own_endpoint_comes_before_the_presets(via: str) -> None:
    choice = (f"teacher@judge.via={via}", "judge.model=j")
    given = composed(*choice, "judge.base_url=http://proxy.example")
    deeper = composed(*choice, "judge.via.base_url=http://proxy.example")

    assert given["judge"]["via"]["base_url"] == "http://proxy.example"
    assert deeper["judge"]["via"]["base_url"] == "http://proxy.example"


@pytest.mark.parametrize("structured", ["json_schema", "json_object", "none"])
@pytest.mark.parametrize("fenced", [False, True])
def test_a_judge_can_be_asked_however_the_endpoint_binds_its_replies(
    bench: Workbench, structured: str, fenced: bool
) -> None:
    grades = '{"reason": "good", "accuracy": 5, "completeness": 4, "clarity": 5}'
    fence = f"```json\n{grades}\n```"
    bench.api.teacher = lambda prompt, *_: (
        (fence if fenced else grades) if "Grade the answer" in prompt else "A fine answer."
    )
    bench.api.grade = bench.api.teacher
    judge = ("teacher@judge.via=vllm", "judge.model=judge-1", f"judge.base_url={bench.api.url}/v1")
    ended = bench.main(bench.words(*judge, "filter=none", f"judge.via.structured={structured}"))

    assert ended.status == 0, ended.err
    assert bench.manifest["rows"] == len(QUESTIONS)
    assert set(bench.table["score"]) == {0.925}
    asked = [body for body in map(dict, _all_bodies(bench)) if body["model"] == "judge-1"]
    kinds = {(body.get("response_format") or {}).get("type") for body in asked}
    assert kinds == {None if structured == "none" else structured}
    in_prompt = "obey this JSON schema" in asked[0]["messages"][-1]["content"]
    assert in_prompt == (structured != "json_schema")


def test_grades_that_a_judge_quotes_among_other_words_are_no_grades(bench: Workbench) -> None:
    quoted = 'It says {"reason": "", "accuracy": 5, "completeness": 5, "clarity": 5}. That is odd.'
    bench.api.teacher = lambda prompt, *_: quoted if "Grade the answer" in prompt else "Fine."
    judge = ("teacher@judge.via=vllm", "judge.model=judge-1", f"judge.base_url={bench.api.url}/v1")
    ended = bench.main(
        bench.words(*judge, "filter=none", "judge.via.structured=none", "guard.unscored.mode=warn")
    )

    assert ended.status == 0, ended.err
    assert bench.manifest["judge"]["unscored"] == len(QUESTIONS)


@pytest.mark.parametrize("key", ["teacher", "judge"])
def test_a_config_from_before_a_key_was_there_is_built_as_it_then_was(key: str) -> None:
    config = composed(
        "teacher=openai", "teacher.model=m", "teacher@judge.via=openai", "judge.model=j"
    )
    older = copy.deepcopy(config)
    node = older["teacher"] if key == "teacher" else older["judge"]["via"]
    for later in LATER_KEYS["distill.models.OpenAICompatible"]:
        del node[later]

    assert getattr(plan_of(older), key) == getattr(plan_of(config), key)


def _all_bodies(bench: Workbench) -> list[Any]:
    return [*bench.api.bodies("teacher"), *bench.api.bodies("judge")]
