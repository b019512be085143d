"""The promises that every component keeps; components are found by globbing `conf/`."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from rich.console import Console
from tables import answered_table, claude, reply, seeds_table

from distill.augmenters import Augmenter
from distill.build import MAY_BE_OFF, NAMED, ONE, build, instantiate
from distill.component import is_component
from distill.config import compose
from distill.diversity import DiversityMetric, ReferencedMetric
from distill.diversity.contrast import Contrast, ContrastFigure
from distill.exports import Export
from distill.filters import Explains, Filter
from distill.guards import Evidence, Finding, Guard
from distill.handovers import Handover
from distill.heldout import Heldout
from distill.judges import Canary, Judge, Verdict, Watch
from distill.ledger import Ledger, canonical_json
from distill.metrics import AskingMetric, Metric
from distill.models import Model, Request
from distill.models.budget import Budget
from distill.models.client import ModelClient
from distill.models.protocol import Reply
from distill.paths import conf_dir
from distill.progress import Progress
from distill.seeds import Seeds
from distill.selectors import Selector
from distill.students import Student
from distill.table import JUDGED_COLUMNS, add_columns, drop
from distill.tasks import Task
from distill.tracking import Tracking

CONF = conf_dir()
GROUPS = sorted(folder.name for folder in CONF.iterdir() if folder.is_dir())
# Choices without a model of their own.
CHAT_API = [
    ("teacher", file.stem)
    for file in (CONF / "teacher").glob("*.yaml")
    if file.stem not in {"claude", "local", "trained"}
]
# What else a choice wants before a run can be built with it.
BESIDE = {
    **{choice: ["teacher.model=some-model"] for choice in CHAT_API},
    ("teacher", "trained"): ["teacher.path=student", "teacher.model=student-0"],
    ("task", "classify"): ["task.labels=[news,sport]"],
    ("judge", "confidence"): ["task=classify", "task.labels=[news,sport]"],
    ("judge", "agreement"): ["teacher.samples=3"],
    ("filter", "self_consistency"): ["teacher.samples=3"],
    ("judge", "pairwise"): ["teacher.samples=2"],
    ("export", "preference"): ["judge=pairwise", "teacher.samples=2", "seeds.real_labels=0"],
    ("filter", "format_regex"): ["filter.format_regex.pattern='####'"],
    ("student", "endpoint"): ["student.model=some-model"],
    ("student", "dpo"): ["judge=pairwise", "teacher.samples=2"],
    ("student", "step_by_step"): ["task=math"],
    ("student", "classifier"): ["task=classify", "task.labels=[news,sport]"],
    ("student", "soft_targets"): ["task=classify", "task.labels=[news,sport]"],
    ("student", "soft_targets_lm"): ["student.teacher=some/model"],
}


CHOICES = [
    (group, file.stem)
    for group in GROUPS
    for file in sorted((CONF / group).glob("*.yaml"))
    if group != "experiment"
]


def nodes(value: Any, key: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every mapping with a `_target_`, with its key."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from nodes(inner, f"{key}.{name}" if key else str(name))
        if "_target_" in value:
            yield key, value


@cache
def composed(group: str, choice: str) -> dict[str, Any]:
    own_seeds = (group, choice) in {("seeds", "bbc"), ("seeds", "none")}
    needed = [] if own_seeds else ["seeds.path=seeds.jsonl"]
    return compose([*needed, f"{group}={choice}", *BESIDE.get((group, choice), [])])


def named_by(group: str, choice: str) -> list[str]:
    """Return the targets that a file itself names."""
    text = (CONF / group / f"{choice}.yaml").read_text(encoding="utf-8")
    return [str(node["_target_"]) for _, node in nodes(yaml.safe_load(text))]


# Where each component is configured.
TARGETS = {target: where for where in CHOICES for target in named_by(*where)}


def configured(target: str) -> tuple[str, dict[str, Any]]:
    """Return the key and the resolved node of a component."""
    found = {str(node["_target_"]): (key, node) for key, node in nodes(composed(*TARGETS[target]))}
    key, node = found[target]
    return key, dict(node)


def made(target: str, **changes: Any) -> Any:
    key, node = configured(target)
    faults: list[Any] = []
    component = instantiate(node | changes, key, faults)
    assert not faults, faults
    return component


def of_package(name: str) -> list[Any]:
    """Return the components of one package."""
    return [
        pytest.param(target, id=target.rpartition(".")[2])
        for target in TARGETS
        if target.startswith(f"distill.{name}.")
    ]


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_composes_and_builds(group: str, choice: str) -> None:
    build(composed(group, choice))


@pytest.mark.parametrize("group", sorted({*ONE, *NAMED, "engine", "budget"}))
def test_every_group_has_a_folder_of_its_name(group: str) -> None:
    assert list((CONF / group).glob("*.yaml"))


@pytest.mark.parametrize(
    "group", ["filter", "judge", "heldout", "augment", "student", "diversity", "guard"]
)
def test_every_optional_group_has_a_none(group: str) -> None:
    assert (CONF / group / "none.yaml").is_file()


PACKAGES = {
    "augmenters": Augmenter,
    "filters": Filter,
    "judges": Judge,
    "guards": Guard,
    "exports": Export,
    "selectors": Selector,
    "students": Student,
    "tasks": Task,
    "models": Model,
    "metrics": Metric | AskingMetric,
    "diversity": DiversityMetric,
    "seeds": Seeds,
    "handovers": Handover,
    "heldout": Heldout,
    "tracking": Tracking,
}


@pytest.mark.parametrize(("package", "kind"), PACKAGES.items())
def test_every_component_of_a_package_has_a_choice_and_is_of_its_kind(
    package: str, kind: Any
) -> None:
    module = importlib.import_module(f"distill.{package}")
    classes = {
        f"distill.{package}.{name}" for name, value in vars(module).items() if is_component(value)
    }

    assert classes == {target for target in TARGETS if target.startswith(f"distill.{package}.")}
    assert all(isinstance(made(target), kind) for target in classes)


@pytest.mark.parametrize("file", sorted(CONF.rglob("*.yaml")), ids=lambda f: f.stem)
def test_every_config_file_says_first_what_it_is(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    said = [line for line in lines[:2] if line.startswith("# ") and "@package" not in line]

    assert said
    assert yaml.safe_load("\n".join(lines)) is not None


@pytest.mark.parametrize("target", TARGETS)
def test_a_component_has_a_docstring_that_names_its_fields(target: str) -> None:
    kind = type(made(target))
    doc = inspect.getdoc(kind) or ""

    assert doc
    assert not doc.startswith(f"{kind.__name__}(")
    inherited = "".join(inspect.getdoc(parent) or "" for parent in kind.__mro__)
    for field in dataclasses.fields(kind):
        assert f"{field.name}:" in inherited, field.name


@pytest.mark.parametrize("target", TARGETS)
def test_a_component_refuses_unknown_keys(target: str) -> None:
    key, node = configured(target)
    faults: list[Any] = []
    instantiate(node | {"no_such_key": 1}, key, faults)

    assert [fault.where for fault in faults] == [f"{key}.no_such_key"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_component_is_frozen_and_made_by_the_decorator(target: str) -> None:
    component = made(target)

    assert is_component(type(component))
    assert component == made(target)
    for field in dataclasses.fields(component):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(component, field.name, None)


@pytest.mark.parametrize("target", TARGETS)
def test_every_key_of_a_component_stands_in_its_yaml(target: str) -> None:
    _, node = configured(target)
    fields = {field.name for field in dataclasses.fields(type(made(target)))}

    assert fields == set(node) - {"_target_"}


ANSWERS = (
    "Restarting containers crashes nothing: the kubelet restarts a crashed container.",
    "I’m not sure. " * 30,
    "42",
    " word" * 200,
    "ÄÖÜ 雪 🙂",
    "\n",
)
QUESTIONS = ("Why restart containers?", "Why?", "How many mountains?", "word?", "雪", "Is it so?")


@pytest.fixture
def answered() -> pl.DataFrame:
    return answered_table(ANSWERS, question=QUESTIONS)


@pytest.mark.parametrize("target", of_package("filters"))
def test_a_filter_says_yes_or_no_of_every_row_and_changes_none(
    target: str, answered: pl.DataFrame
) -> None:
    before = answered.clone()
    component = made(target)
    for table in (answered, answered.head(1), answered.clear()):
        rejects = component.rejects(table)
        assert isinstance(rejects, pl.Series)
        assert rejects.dtype == pl.Boolean
        assert len(rejects) == table.height
        assert rejects.null_count() == 0
        if isinstance(component, Explains):
            details = component.details(table)
            assert details.dtype == pl.String
            assert details.is_not_null().to_list() == rejects.to_list()
    assert answered.equals(before)


GERMAN = "Der Pod wird vom Kubelet neu gestartet, sobald sein Container zu Ende ist."
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"
ZEROES = {
    "distill.filters.MinWords": {"min_words": 0},
    "distill.filters.KeywordOverlap": {"min_share": 0},
    "distill.filters.Uncertainty": {"markers": []},
    "distill.filters.Truncated": {"stop_reasons": []},
    "distill.filters.Refusal": {"markers": []},
    "distill.filters.Boilerplate": {"openers": []},
    "distill.filters.MaxWords": {"max_words": None},
    "distill.filters.Repetition": {"max_share": 1, "max_endings": None},
    "distill.filters.FormatRegex": {"pattern": ""},
    "distill.filters.Language": {"min_likelihood": 0},
    "distill.filters.LengthOutliers": {"max_deviations": None},
    "distill.filters.QuestionQuality": {
        "min_words": 0,
        "letters": False,
        "min_text": 0,
        "bare_urls": False,
        "placeholders": False,
        "references": [],
    },
    "distill.filters.SelfConsistency": {"majority": False, "min_agreement": 0},
    "distill.filters.Pii": {"kinds": []},
    "distill.filters.Secrets": {"kinds": []},
    "distill.filters.NearDuplicates": {"threshold": None},
    "distill.filters.SemanticDuplicates": {"threshold": None},
}


@pytest.mark.parametrize(("target", "zero"), ZEROES.items())
def test_a_filter_at_zero_keeps_everything(
    target: str, zero: dict[str, Any], answered: pl.DataFrame
) -> None:
    faulty = answered_table(
        ["I can't help.", "Certainly! So.", "word " * 900, "cut", GERMAN, "me@x.org", KEY],
        question=["How is the pod restarted by the kubelet?"] * 7,
        stop_reason=["end_turn", None, "end_turn", "max_tokens", None, None, None],
    )
    usual = answered_table(["so " * n for n in range(20, 60)], question=["Why is it so?"] * 40)
    table = pl.concat([answered, faulty, faulty, usual])
    assert made(target).rejects(table).any()
    assert not made(target, **zero).rejects(table).any()


def test_every_filter_with_numbers_was_tried_at_zero() -> None:
    with_keys = {
        target
        for target in TARGETS
        if target.startswith("distill.filters.") and dataclasses.fields(made(target))
    }
    assert with_keys == set(ZEROES)


@pytest.mark.parametrize("target", of_package("selectors"))
def test_a_selector_says_yes_or_no_of_every_row(target: str, answered: pl.DataFrame) -> None:
    table = add_columns(answered, JUDGED_COLUMNS)
    for rows in (table, table.clear()):
        rejects = made(target).rejects(rows)
        assert (rejects.dtype, len(rejects), rejects.null_count()) == (pl.Boolean, rows.height, 0)
    assert made(target).reason.isidentifier()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[ModelClient]:
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        yield ModelClient(ledger, Budget(None), Progress(Console(quiet=True)))


@pytest.mark.parametrize("target", of_package("judges"))
def test_a_judge_gives_every_row_a_verdict(
    target: str, client: ModelClient, answered: pl.DataFrame, bench: Any
) -> None:
    settings: dict[str, Any] = {}
    asks = target.endswith(("Rubric", "Pairwise"))
    if asks:
        _, node = configured(target)
        settings["via"] = node["via"] | {"base_url": bench.api.url, "max_retries": 0}
    judge = made(target, **settings)
    task = made("distill.tasks.Math")
    table = answered.with_columns(
        reference=pl.Series(["42", None, "42", "7", None, "x"]),
        label_probs=pl.Series([[0.9, 0.1], None, [0.5, 0.5], [1.0, 0.0], None, [0.3, 0.7]]),
    )
    for rows in (table, table.clear()):
        verdicts = judge.score(rows, task, client)
        assert len(verdicts) == rows.height
        for verdict in verdicts:
            assert verdict.score is None or 0 <= verdict.score <= 1
            assert verdict.reason
    assert (judge.endpoint is None) == (not asks)
    assert 0 <= judge.threshold <= 1


FIGURE = ContrastFigure(
    name="x", value=1, other=2, ratio=0.5, low=0.4, high=0.6, p_value=0.001, p_holm=0.001
)
NARROWER = Contrast(against="references", source="others", column="answer", figures=(FIGURE,))
LETTERS = "abcdefghijklmnopqrstuvwxyz"
# What a guard is given where its defaults have nothing to look at.
GUARDED: dict[str, dict[str, Any]] = {
    "distill.guards.DistributionShift": {"path": "inputs.jsonl", "min_auc": 0}
}


@pytest.mark.parametrize("mode", ["error", "warn", "off"])
@pytest.mark.parametrize("target", of_package("guards"))
def test_a_guard_finds_with_a_sentence_in_every_mode(
    target: str, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    inputs = [f'{{"question": "how is the weather in town {n}"}}\n' for n in LETTERS]
    Path("inputs.jsonl").write_text("".join(inputs), encoding="utf-8")
    guard = made(target, mode=mode, **GUARDED.get(target, {}))
    heldout = pl.DataFrame(
        {"id": ["h"], "question": ["A seed?"], "reference": ["x"], "origin": ["synthetic"]}
    )
    alias = claude(model="claude-opus-4-5")
    more = (f"please add item {n} to my list" for n in LETTERS)
    faulty = add_columns(seeds_table("a SEED", "another", *more), JUDGED_COLUMNS)
    faulty = faulty.with_columns(origin=pl.lit("synthetic"))
    faulty = drop(faulty, pl.col("id") == "another", stage="judge", reason="unscored")
    bait = Canary(kind="swapped", row="another", answer="x")
    full_marks = Verdict(score=1.0, reason="r")
    fooled = Watch(wanted=1, threshold=0.5, answers=((bait, full_marks),))
    cases = [
        Evidence(teacher=claude(), judge=None, table=seeds_table("A seed?"), heldout=None),
        Evidence(
            teacher=alias,
            judge=alias,
            table=faulty,
            heldout=heldout,
            watch=fooled,
            contrasts=(NARROWER,),
            student_base=alias.model,
        ),
    ]
    found = [guard.look(case) for case in cases]

    assert [finding.fires for finding in found] == [False, True]
    for finding in found:
        assert isinstance(finding, Finding)
        assert finding.sentence.endswith(".")
    assert found[1].hint
    assert guard.mode == mode
    assert guard.when in {"before", "after", "twice"}


@pytest.mark.parametrize("target", of_package("tasks"))
def test_a_task_asks_and_reads(target: str) -> None:
    task = made(target)
    for model in (claude(samples=3), made("distill.models.LocalModel")):
        requests = task.requests("What {braces} are there?", sample=2, model=model)
        assert requests
        assert all("What {braces} are there?" in request.prompt for request in requests)
        assert task.rows_per_seed(model) >= 1
        for request in requests:
            canonical_json(model.wire(request))
    for stop, reason in (("refusal", "refusal"), ("max_tokens", "max_tokens")):
        assert task.read([reply("", stop_reason=stop)]).reason == reason
    assert task.read([reply("")]).reason
    assert task.final("") is None
    assert task.name in {"qa", "math", "classify"}
    assert task.finish(answered_table([])).is_empty()


@pytest.mark.parametrize("target", of_package("models"))
def test_a_model_says_what_it_sends_and_reads_only_its_own_responses(target: str) -> None:
    model = made(target)
    plain, asked = Request(prompt="p"), Request(prompt="p", system="s", shots=(("q", "a"),))
    schema = Request(prompt="p", schema={"type": "object", "properties": {}})

    bodies = [canonical_json(model.wire(request)) for request in (plain, asked, schema)]
    assert len(set(bodies)) == 3
    assert bodies[0] == canonical_json(model.wire(plain))
    assert all(model.model in body for body in bodies)
    assert "127.0.0.1" not in model.namespace
    for body in ({}, {"error": "x"}, {"content": None, "usage": {}}, {"choices": []}):
        with pytest.raises(ValueError, match="no "):
            model.read(body)


def test_no_endpoint_stands_in_what_is_sent_or_in_its_namespace() -> None:
    here, there = claude(base_url="http://a.example"), claude(base_url="http://b.example")

    assert here.wire(Request(prompt="p")) == there.wire(Request(prompt="p"))
    assert here.namespace == there.namespace != claude(base_url=None).namespace


@pytest.mark.parametrize("target", of_package("exports"))
def test_an_export_writes_one_json_object_a_row(target: str, answered: pl.DataFrame) -> None:
    export = made(target)
    answered = answered.with_columns(rejected_answer=pl.lit("A worse one."))
    lines = list(export.lines(answered))

    assert len(lines) == answered.height
    for line, question, answer in zip(lines, QUESTIONS, ANSWERS, strict=True):
        text = canonical_json(line)
        assert canonical_json(question)[1:-1] in text
        assert canonical_json(answer)[1:-1] in text
    assert list(export.lines(answered.clear())) == []


class _Marker(ModelClient):
    """Marks an answer as the same where it is the reference to the letter."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger, Budget(None), Progress(Console(quiet=True)))

    def ask(self, role: str, model: Model, requests: Sequence[Request]) -> list[Reply]:
        replies = []
        for request in requests:
            found = re.search(r"^{.*}$", request.prompt, re.MULTILINE)
            assert found is not None
            material = json.loads(found[0])
            same = material["answer"] == material["reference"]
            verdict = {"reason": "r", "verdict": "same" if same else "different"}
            replies.append(reply(json.dumps(verdict), key="k"))
        return replies


@pytest.mark.parametrize("target", of_package("metrics"))
def test_a_metric_summarises_in_the_unit_interval(target: str, tmp_path: Path) -> None:
    metric = made(target)
    if isinstance(metric, AskingMetric):
        metric = metric.on(["2 + 2", "1 + 1"], _Marker(Ledger(str(tmp_path / "ledger.db"))))

    assert metric.summary(["4", "2"], ["4", "2"]) == 1
    assert metric.summary(["5", None], ["4", "2"]) == 0


@pytest.mark.parametrize("target", of_package("diversity"))
def test_a_measure_of_diversity_says_nothing_of_nothing(target: str) -> None:
    measure = made(target)
    beside = [[f"{i} {j}" for i in range(12) for j in range(12)]]
    beside = beside if isinstance(measure, ReferencedMetric) else []

    assert measure.measure([]) is None
    assert measure.measure([], *beside) is None
    value = measure.measure(["a b c", "a b d e"], *beside)
    assert value is not None
    assert np.isfinite(value)
    assert measure.name


@pytest.mark.parametrize("target", of_package("students"))
def test_a_student_names_tasks_that_exist(target: str) -> None:
    assert made(target).tasks <= {"qa", "math", "classify"}


def test_what_may_be_off_and_what_may_not() -> None:
    assert {"heldout", "augment", "judge", "student"} == MAY_BE_OFF
