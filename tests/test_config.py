"""Config: what it resolves to, and its faults, told all at once with their whole keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from workbench import Ended, Workbench

from distill.build import build
from distill.config import choices_of, compose, without_secrets
from distill.errors import ConfigError
from distill.identity import config_sha256
from distill.paths import conf_dir

SEEDS = "seeds.path=seeds.jsonl"


def told(*overrides: str, config_dir: Path | None = None) -> str:
    """Return what is told of a config that cannot be built."""
    with pytest.raises(ConfigError) as caught:
        build(compose(overrides, config_dir=config_dir))
    return str(caught.value)


def refused(ended: Ended) -> str:
    assert ended.status == 2, ended.err
    assert not ended.has_traceback, ended.err
    assert ended.err.startswith("distill: ")
    return ended.err


FAULTS = [
    pytest.param("judge.treshold=0.5", "judge.treshold", "did you mean threshold?", id="typo"),
    pytest.param("+judge.treshold=0.5", "judge.treshold", "no such key", id="typo with plus"),
    pytest.param("++judge.treshold=0.5", "judge.treshold", "no such key", id="typo forced"),
    pytest.param(
        "judge.via.max_tokns=1", "judge.via.max_tokns", "did you mean max_tokens?", id="nested typo"
    ),
    pytest.param("taecher.model=x", "taecher", "did you mean teacher?", id="group typo"),
    pytest.param("nothing=1", "nothing", "no such key", id="unknown group"),
    pytest.param("+nothing.at.all=1", "nothing", "no such key", id="unknown group with plus"),
    pytest.param("filter.min_wrods.min_words=3", "filter.min_wrods", "min_words", id="component"),
    pytest.param("judge.threshold=60", "judge.threshold", "0.6", id="percent"),
    pytest.param("judge.threshold=-0.1", "judge.threshold", "a share in [0, 1]", id="negative"),
    pytest.param("judge.threshold=nan", "judge.threshold", "got nan", id="not a number"),
    pytest.param("judge.threshold=true", "judge.threshold", "got true", id="boolean share"),
    pytest.param("judge.threshold='0.5'", "judge.threshold", "got '0.5'", id="text for a number"),
    pytest.param("judge.threshold=null", "judge.threshold", "got nothing", id="null"),
    pytest.param("+judge.threshold=60", "judge.threshold", "0.6", id="range with plus"),
    pytest.param("teacher.max_tokens=0", "teacher.max_tokens", "1 or more", id="zero"),
    pytest.param("teacher.max_tokens=1.5", "teacher.max_tokens", "1 or more", id="broken number"),
    pytest.param("teacher.max_tokens=many", "teacher.max_tokens", "got 'many'", id="words"),
    pytest.param("teacher.concurrency=true", "teacher.concurrency", "got true", id="boolean count"),
    pytest.param("teacher.timeout_s=0", "teacher.timeout_s", "above 0", id="timeout"),
    pytest.param("teacher.timeout_s=inf", "teacher.timeout_s", "got inf", id="infinite"),
    pytest.param(
        "teacher.base_url=host:80",
        "teacher.base_url",
        "want an address that begins with http:// or https://, without a user or password, or null",
        id="no URL",
    ),
    pytest.param("teacher.model=''", "teacher.model", "not empty", id="empty text"),
    pytest.param("teacher.model=5", "teacher.model", "got 5", id="number for a text"),
    pytest.param("teacher.served_check=maybe", "teacher.served_check", "strict", id="literal"),
    pytest.param("teacher.allow_alias=1", "teacher.allow_alias", "got 1", id="number for boolean"),
    pytest.param("guard.contamination.mode=eror", "guard.contamination.mode", "error", id="mode"),
    pytest.param("filter.min_words.min_words=-1", "filter.min_words.min_words", "0", id="count"),
    pytest.param("filter.uncertainty.markers=x", "filter.uncertainty.markers", "list", id="list"),
    pytest.param("filter.uncertainty.markers=[1]", "filter.uncertainty.markers", "", id="list of"),
    pytest.param("filter.keyword_overlap.min_share=20", "min_share", "0.2", id="share in percent"),
    pytest.param("guard.contamination.ngram=101", "guard.contamination.ngram", "100", id="ngram"),
    pytest.param("filter=format_regex", "filter.format_regex.pattern", "expression", id="pattern"),
    pytest.param("budget.max_usd=-1", "budget.max_usd", "0", id="budget"),
    pytest.param("select.max_rows=-1", "select.max_rows", "0", id="rows"),
    pytest.param("seed=-1", "seed", "2**32", id="seed"),
    pytest.param("seed=1.0", "seed", "got 1.0", id="broken seed"),
    pytest.param("seed=true", "seed", "got true", id="boolean seed"),
    pytest.param("ledger.synchronous=OFF", "ledger.synchronous", "FULL", id="ledger"),
    pytest.param("engine.name=ray", "engine.name", "local", id="engine"),
    pytest.param("paths.out=null", "paths.out", "got nothing", id="paths"),
    pytest.param("judge.dimensions.accuracy.weight=0.9", "judge.dimensions", "1.5", id="weights"),
    pytest.param("judge.floors.accuracy=6", "judge.floors.accuracy", "5", id="floor"),
    pytest.param("judge.floors.charm=3", "judge.floors", "charm", id="floor of nothing"),
    pytest.param("judge.prompt=hello", "judge.prompt", "a text that contains", id="judge's prompt"),
    pytest.param("task.prompt=hello", "task.prompt", "{question}", id="task's prompt"),
    pytest.param("judge=confidence", "judge", "task=qa", id="a judge of another task"),
    pytest.param("judge=agreement", "teacher.samples", "2 or more", id="agreement of one"),
    pytest.param("student=classifier", "student", "task=qa", id="a student of another task"),
    pytest.param("~metric.token_f1 ~metric.containment", "metric", "", id="no metric"),
]


@pytest.mark.parametrize(("overrides", "key", "rule"), FAULTS)
def test_a_fault_is_told_with_its_whole_key_and_the_rule(
    overrides: str, key: str, rule: str
) -> None:
    words = overrides.split(" ") if overrides.startswith("~") else [overrides]
    message = told(SEEDS, *words)

    assert key in message
    assert rule in message


@pytest.mark.parametrize(
    ("override", "key", "said"),
    [
        pytest.param("judge=rubrik", "judge", "did you mean rubric?", id="choice"),
        pytest.param("teacher=gpt", "teacher", "claude, gemini, llamacpp", id="far choice"),
        pytest.param("filter=[min_words,nope]", "filter", "nope", id="one of several"),
        pytest.param("filter=[uncertanty,empty]", "filter", "mean uncertainty?", id="near of two"),
        pytest.param("filter=[empty,nope]", "filter", "one of boilerplate, classify", id="listed"),
        pytest.param("filter=[none,strict]", "filter", "none alone", id="none and another"),
        pytest.param("experiment=dmeo", "experiment", "did you mean demo?", id="experiment"),
        pytest.param("judge.threshold", "judge.threshold", "key=value", id="no value"),
        pytest.param("=5", "=5", "key=value", id="no key"),
        pytest.param("teacher.model=a b [", "a b [", "quote", id="brackets"),
        pytest.param("~filter.no_such", "filter.no_such", "", id="nothing to delete"),
        pytest.param("~teacher", "teacher", "choice", id="a teacher must be"),
        pytest.param("teacher.model=${nothing}", "nothing", "", id="interpolation"),
        pytest.param("seeds.path=${oc.env:NO_SUCH_VARIABLE}", "NO_SUCH_VARIABLE", "", id="env"),
    ],
)
def test_what_cannot_be_composed_is_told_without_a_stack(
    bench: Workbench, override: str, key: str, said: str
) -> None:
    message = refused(bench.run(override))

    assert key in message
    assert said in message
    assert set(bench.files()) == {"seeds.jsonl"}
    assert bench.api.count() == 0


def test_all_faults_are_told_at_once(bench: Workbench) -> None:
    message = refused(
        bench.run(
            "judge.threshold=60",
            "+teacher.temprature=1",
            "filter.min_words.min_words=-3",
            "guard.contamination.mode=no",
            "seed=x",
            "nonsense=1",
        )
    )

    keys = (
        "judge.threshold",
        "teacher.temprature",
        "filter.min_words.min_words",
        "guard.contamination.mode",
        "seed",
        "nonsense",
    )
    assert [key for key in keys if f"{key}: " not in message] == []
    assert bench.api.count() == 0
    assert set(bench.files()) == {"seeds.jsonl"}


def test_a_missing_value_does_not_hide_the_other_faults(bench: Workbench) -> None:
    message = refused(bench.main(["run", "teacher=openai", "judge.threshold=60", "nonsense=1"]))

    for key in ("seeds.path", "teacher.model", "judge.threshold", "nonsense"):
        assert f"{key}: " in message


def test_a_missing_value_is_told_with_an_example(bench: Workbench) -> None:
    message = refused(bench.main(["run"]))

    assert "seeds.path" in message
    assert "seeds.path=FILE.jsonl" in message
    assert set(bench.files()) == {"seeds.jsonl"}


def test_an_endpoint_without_a_model_is_told_with_an_example_and_once(bench: Workbench) -> None:
    words = ["run", "experiment=endpoint", "task=math", "student@students.more=endpoint"]

    message = refused(bench.main([*words, "judge.threshold=60"]))

    for key in ("student.model", "students.more.model"):
        assert f"{key}: got nothing" in message
        assert f"hint: {key}=ID" in message
    assert ".via.model" not in message
    assert "judge.threshold" in message


@pytest.mark.parametrize(
    "target",
    [
        "builtins.open",
        "pathlib.Path.write_text",
        "pathlib.Path",
        "os.system",
        "subprocess.run",
        "distill.build.importlib.import_module",
        "distill.build.pydantic.dataclasses.dataclass",
        "distill.models.anthropic.connect_messages",
        "distill.models.settings.Literal",
        "distill.filters.Filter",
        "distill.filters.min_words.component",
        "distill.filters.uncertainty.MinWords",
        "distill.filters.Nothing",
        "nowhere.to.be.Found",
        "MinWords",
        ".MinWords",
        "..",
        "",
        "a b.c",
        "distill.filters.",
    ],
)
def test_only_components_can_be_named_by_a_config(bench: Workbench, target: str) -> None:
    name = f"filter.min_words._target_='{target}'"
    message = refused(bench.run(name, "judge.threshold=60"))

    assert "filter.min_words._target_" in message
    assert "judge.threshold" in message


def test_a_target_that_is_no_text_is_a_fault(bench: Workbench) -> None:
    for target in ("5", "null", "[a]", "{a: 1}"):
        assert "filter.min_words._target_" in refused(
            bench.run(f"filter.min_words._target_={target}")
        )


def test_a_component_of_another_kind_does_not_fit() -> None:
    message = told(SEEDS, "judge._target_=distill.judges.Verifier")
    assert "judge." in message

    message = told(SEEDS, "filter.number._target_=distill.exports.Completion")
    assert "filter.number._target_: got 'distill.exports.Completion', want a filter" in message


OWN = '''
from distill.component import component
from distill.filters import MinWords
import polars as pl

@component
class Shout:
    """Drop quiet answers.

    Args:
        marks: Fewest marks.
    """

    marks: int

    def rejects(self, table):
        return table["answer"].str.count_matches("!") < self.marks

class Undecorated(MinWords):
    """A subclass that no decorator has seen."""
'''


@pytest.fixture
def own(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    code = bench.folder / "code"
    code.mkdir()
    (code / "own_filters.py").write_text(OWN)
    monkeypatch.setenv("PYTHONPATH", str(code))
    monkeypatch.syspath_prepend(code)
    conf = bench.folder / "my-conf" / "filter"
    conf.mkdir(parents=True)
    (conf / "shout.yaml").write_text("shout:\n  _target_: own_filters.Shout\n  marks: 1\n")
    return bench


@pytest.mark.parametrize("at_front", [True, False])
def test_a_filter_of_the_users_own_runs(own: Workbench, at_front: bool) -> None:
    own.api.teacher = lambda prompt, *_: "quiet" if "metals" in prompt else "loud!"
    words = own.with_judge("filter=[shout,uncertainty]")
    flag = ["--config-dir", "my-conf"]
    ended = own.process([words[0], *flag, *words[1:]] if at_front else [*words, *flag])

    assert ended.status == 0, ended.err
    assert own.reasons == {"s3": "filter/shout"}


def test_a_subclass_without_the_decorator_is_no_component(own: Workbench) -> None:
    message = refused(own.run("filter.mine._target_=own_filters.Undecorated"))

    assert "filter.mine._target_" in message


def test_the_faults_of_the_users_own_filter_are_told_with_its_key(own: Workbench) -> None:
    message = refused(
        own.run("filter=shout", "filter.shout.marks=x", "--config-dir", "my-conf", "seed=x")
    )

    assert "filter.shout.marks" in message
    assert "seed" in message


def test_a_module_of_the_users_own_that_is_broken_ends_in_a_sentence(own: Workbench) -> None:
    (own.folder / "code" / "broken_filters.py").write_text("class Shout(:\n")
    message = refused(own.run("filter.mine._target_=broken_filters.Shout"))

    assert "filter.mine._target_" in message


def test_a_config_folder_that_is_not_there_is_told(bench: Workbench) -> None:
    message = refused(bench.main([*bench.words(), "--config-dir", "nowhere"]))

    assert "nowhere" in message


def test_a_config_folder_may_have_spaces_in_its_name(own: Workbench) -> None:
    (own.folder / "my-conf").rename(own.folder / "my conf, 100% mine")
    ended = own.run("filter=shout", "--config-dir", "my conf, 100% mine")

    assert ended.status == 0, ended.err


def test_yaml_of_the_users_own_that_is_broken_ends_in_a_sentence(own: Workbench) -> None:
    (own.folder / "my-conf" / "filter" / "broken.yaml").write_text("broken: [\n")
    refused(own.run("filter=broken", "--config-dir", "my-conf"))


def test_off_in_yaml_switches_a_guard_off(own: Workbench) -> None:
    folder = own.folder / "my-conf" / "experiment"
    folder.mkdir()
    (folder / "calm.yaml").write_text(
        "# @package _global_\nguard:\n  judge_independence:\n    mode: off\n"
    )
    ended = own.run("experiment=calm", "--config-dir", "my-conf")

    assert ended.status == 0, ended.err
    assert own.manifest["guards"]["judge_independence"] == "off"


NONES: list[tuple[str, Any]] = [
    ("filter", {}),
    ("judge", None),
    ("heldout", None),
    ("augment", None),
    ("student", None),
    ("diversity", {}),
    ("guard", {}),
]


@pytest.mark.parametrize(("group", "off"), NONES)
def test_every_optional_group_can_be_switched_off(group: str, off: Any) -> None:
    config = compose([SEEDS, f"{group}=none"])

    assert config[group] == off
    build(config)


def test_everything_optional_can_be_switched_off_together(bench: Workbench) -> None:
    ended = bench.main(bench.words(*(f"{group}=none" for group, _ in NONES)))

    assert ended.status == 0, ended.err
    assert bench.manifest["rejected"] == bench.manifest["guards"] == {}
    assert bench.manifest["diversity"] == {}
    assert "judge" not in bench.manifest


@pytest.mark.parametrize("group", ["filter", "judge", "student", "heldout", "guard"])
def test_the_keys_of_a_group_that_an_experiment_sets_do_not_stop_its_none(group: str) -> None:
    config = compose(["experiment=demo", f"{group}=none"])

    assert not config[group]


def test_a_key_of_a_group_that_is_off_is_a_fault_and_not_ignored() -> None:
    assert "judge.threshold" in told(SEEDS, "judge=none", "judge.threshold=0.5")
    assert "filter.min_words" in told(SEEDS, "filter=none", "filter.min_words.min_words=5")


def test_filters_are_chosen_removed_and_set_by_name() -> None:
    def names(*overrides: str) -> list[str]:
        return list(build(compose([SEEDS, *overrides])).filters)

    assert names() == ["uncertainty", "min_words", "keyword_overlap"]
    assert names("filter=[min_words]") == ["min_words"]
    assert names("filter=[keyword_overlap,min_words]") == ["keyword_overlap", "min_words"]
    assert names("~filter.min_words") == ["uncertainty", "keyword_overlap"]
    assert names("filter=none") == []
    plan = build(compose([SEEDS, "filter.min_words.min_words=0"]))
    assert plan.filters["min_words"].min_words == 0  # type: ignore[attr-defined]


OWN_DIMENSIONS = "augment.dimensions={cluster: [one node, a hundred nodes], fault: [disk, network]}"


@pytest.mark.parametrize("prefix", ["", "+", "++"])
def test_a_whole_mapping_of_the_users_own_replaces_the_default(prefix: str) -> None:
    config = compose([SEEDS, "augment=grid", prefix + OWN_DIMENSIONS])

    assert list(config["augment"]["dimensions"]) == ["cluster", "fault"]
    build(config)
    rubric = compose(
        [
            SEEDS,
            "judge.dimensions={truth: {weight: 0.5, question: Is it true?}}",
            "judge.dimensions.tone={weight: 0.5, question: Is it kind?}",
            "judge.dimensions.charm={weight: 0.5, question: Is it charming?}",
            "~judge.dimensions.charm",
            "judge.floors={}",
        ]
    )
    assert list(rubric["judge"]["dimensions"]) == ["truth", "tone"]
    assert rubric["judge"]["floors"] == {}
    build(rubric)


@pytest.mark.parametrize(
    ("choice", "word"),
    [
        ("filter=language", "filter.language.languages=en"),
        ("augment=grid", "augment.dimensions={a: x}"),
    ],
)
def test_one_text_in_the_place_of_several_is_told_so(choice: str, word: str) -> None:
    assert ", want a list of texts" in told(SEEDS, choice, word)


def test_one_key_of_such_a_mapping_leaves_the_others_alone() -> None:
    dimensions = compose([SEEDS, "augment=grid", "augment.dimensions.fault=[disk]"])["augment"]

    assert list(dimensions["dimensions"]) == ["who asks", "length", "edge", "fault"]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("augment=grid augment.dimensions={}", id="grid"),
        pytest.param("augment=paraphrase augment.styles={}", id="paraphrase"),
        pytest.param("augment=evolve augment.operations={}", id="evolve"),
        pytest.param("judge.dimensions={}", id="rubric"),
        pytest.param("judge=pairwise teacher.samples=2 judge.criteria={}", id="pairwise"),
    ],
)
def test_an_empty_mapping_of_the_users_own_is_refused_and_never_ignored(words: str) -> None:
    key = words.split()[-1].removesuffix("={}")

    assert f"{key}: got {{}}, want" in told(SEEDS, *words.split())


@pytest.mark.parametrize("judge", ["rubric", "verifier", "agreement"])
def test_a_task_takes_each_of_its_judges(judge: str) -> None:
    plan = build(compose([SEEDS, "task=math", f"judge={judge}", "teacher.samples=2"]))

    assert type(plan.judge).__name__.lower() == judge


def test_each_task_brings_its_own_filters_judge_and_metric() -> None:
    assert list(build(compose([SEEDS, "task=math"])).metrics) == ["exact_number"]
    plan = build(compose([SEEDS, "task=classify", "task.labels=[a,b]"]))
    assert (plan.filters, type(plan.judge).__name__) == ({}, "Confidence")
    assert next(iter(plan.metrics)) == "accuracy"
    assert "task.labels" in told(SEEDS, "task=classify", "task.labels=[a,a]")


def test_teacher_and_judge_are_different_pinned_models_by_default() -> None:
    plan = build(compose([SEEDS]))

    assert plan.judge is not None
    assert plan.judge.endpoint is not None
    assert plan.judge.endpoint.model != plan.teacher.model


def test_the_defaults_are_those_of_the_design() -> None:
    config = compose([SEEDS])
    weights = {name: d["weight"] for name, d in config["judge"]["dimensions"].items()}

    assert config["judge"]["threshold"] == 0.75
    assert weights == {"accuracy": 0.4, "completeness": 0.3, "clarity": 0.3}
    assert config["filter"]["min_words"]["min_words"] == 50
    assert config["filter"]["keyword_overlap"]["min_share"] == 0.2
    assert config["filter"]["keyword_overlap"]["min_letters"] == 5
    assert config["ledger"]["url"] == "outputs/ledger.db"


def test_the_environment_names_the_endpoint_and_the_store(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", bench.api.url)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///there.db")
    config = compose([SEEDS])
    assert config["tracking"]["uri"] == "sqlite:///there.db"
    assert config["teacher"]["base_url"] == config["judge"]["via"]["base_url"] == bench.api.url

    ended = bench.main(["run", SEEDS, "tracking=none", "ledger.url=l.db", "paths.out=runs/one"])
    assert ended.status == 0, ended.err
    assert bench.api.count("teacher") == bench.api.count("judge") == 6


def test_an_override_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://wrong")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://wrong")
    config = compose([SEEDS, "teacher.base_url=http://right", "tracking.uri=http://right"])

    assert config["teacher"]["base_url"] == config["tracking"]["uri"] == "http://right"


@pytest.mark.parametrize(
    "override",
    [
        "paths.out=elsewhere",
        "ledger.url=elsewhere.db",
        "ledger.synchronous=NORMAL",
        "tracking=none",
        "tracking.experiment=other",
        "budget.max_usd=3",
        "teacher.concurrency=2",
        "teacher.timeout_s=5",
        "teacher.max_retries=0",
        "teacher.base_url=http://127.0.0.1:1",
        "teacher.api_key_env=OTHER",
        "judge.concurrency=2",
        "judge.base_url=http://127.0.0.1:1",
        "judge.via.timeout_s=5",
        "judge.via.max_retries=0",
        "judge.via.api_key_env=OTHER",
        "guard.distribution_shift.path=FILE",
    ],
)
def test_place_and_speed_are_no_part_of_the_identity(override: str) -> None:
    assert config_sha256(compose([SEEDS, override])) == config_sha256(compose([SEEDS]))


@pytest.mark.parametrize(
    "override",
    [
        "judge.threshold=0.5",
        "teacher.max_tokens=5",
        "teacher.samples=2",
        "teacher.model=claude-opus-5",
        "judge.model=claude-opus-5",
        "judge.via.samples=2",
        "judge.floors.accuracy=2",
        "~filter.min_words",
        "filter=none",
        "select.max_rows=1",
        "export.system=x",
        "export=completion",
        "seed=1",
        "task.system=x",
        "seeds.real_labels=3",
    ],
)
def test_what_shapes_the_dataset_is_part_of_the_identity(override: str) -> None:
    assert config_sha256(compose([SEEDS, override])) != config_sha256(compose([SEEDS]))


def test_the_seeds_of_an_experiment_have_the_same_identity_wherever_it_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = compose(["experiment=kubernetes"])
    elsewhere = compose(["experiment=kubernetes"])
    path = Path(here["seeds"]["path"]).relative_to(conf_dir())
    elsewhere["seeds"]["path"] = f"/other/place/conf/{path}"
    identity = config_sha256(here)
    monkeypatch.setattr("distill.identity.conf_dir", lambda: Path("/other/place/conf"))

    assert config_sha256(elsewhere) == identity


def test_values_that_yaml_could_misread_keep_their_type() -> None:
    config = compose([SEEDS, "teacher.temperature=0", "export.system='007'", "judge.threshold=0"])

    assert config["export"]["system"] == "007"
    assert config["judge"]["threshold"] == 0
    build(config)


@pytest.mark.parametrize(
    ("value", "saved"),
    [
        pytest.param("postgresql://me:pw@h/db", "postgresql://me:***@h/db", id="password"),
        pytest.param("postgresql://me@h/db", "postgresql://me@h/db", id="no password"),
        pytest.param("outputs/ledger.db", "outputs/ledger.db", id="path"),
        pytest.param("at 5:00 mail me@x.org", "at 5:00 mail me@x.org", id="prose"),
        pytest.param(["a://u:pw@h"], ["a://u:***@h"], id="list"),
        pytest.param({"k": "a://u:pw@h"}, {"k": "a://u:***@h"}, id="mapping"),
        pytest.param(5, 5, id="number"),
    ],
)
def test_passwords_are_taken_out_of_urls_and_nothing_else(value: Any, saved: Any) -> None:
    assert without_secrets(value) == saved


def test_choices_are_the_files_of_all_folders(tmp_path: Path) -> None:
    (tmp_path / "filter").mkdir()
    (tmp_path / "filter" / "own.yaml").touch()

    assert {"own", "min_words"} <= set(choices_of("filter", [conf_dir(), tmp_path]))
