"""Students that were trained elsewhere, evaluated over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import polars as pl
import pytest
from fake_api import Message, Status
from replayed import Replay, replaying
from workbench import KEY, Ended, Workbench

from distill.statistics import wilson

SHARED = Path(__file__).parents[2] / "shared"
REPLAY = SHARED / "tools" / "replay_api.py"
RECORDED = SHARED / "data" / "gsm8k" / "recorded_answers.jsonl"
HELDOUT = SHARED / "data" / "gsm8k" / "heldout.jsonl"

SUMS = [
    {"id": f"h{i}", "question": f"What is {i} plus {i}?", "reference_answer": str(2 * i)}
    for i in range(20)
]


def evaluate(bench: Workbench, *words: str, url: str = "", task: str = "math") -> Ended:
    return bench.main(
        ["run", "experiment=endpoint", f"task={task}", "teacher@student.via=claude",
         "heldout.path=heldout.jsonl", "student.model=tuned-1", "student.via.max_retries=0",
         f"student.base_url={url or bench.api.url}", "tracking=none", "ledger.url=ledger.db",
         "ledger.synchronous=NORMAL", "paths.out=runs/one", *words]
    )  # fmt: skip


def base(bench: Workbench) -> list[str]:
    return [
        "teacher@student.base=claude",
        "student.base.model=base-1",
        f"student.base.base_url={bench.api.url}",
        "student.base.max_retries=0",
    ]


def adds(prompt: str, body: Mapping[str, Any], attempt: int) -> str:
    """Answer every sum rightly as the tuned model, the first half as its base."""
    number = int(prompt.split("What is ")[1].split()[0])
    right = body["model"] == "tuned-1" or number < 10
    return f"It is {number} and {number}.\n#### {2 * number if right else 99}"


@pytest.fixture
def sums(bench: Workbench) -> Workbench:
    bench.write("heldout.jsonl", SUMS)
    bench.api.teacher = adds
    return bench


def test_a_model_is_evaluated_with_no_seeds_and_no_teacher(sums: Workbench) -> None:
    ended = evaluate(sums)

    assert ended.status == 0, ended.err
    made = sums.manifest
    assert made["funnel"]["seeds"] == made["rows"] == made["teacher"]["requests"] == 0
    assert made["student"]["requests"] == sums.api.count("teacher") == 20
    assert list(made["eval"]["arms"]) == ["endpoint"]
    assert made["eval"]["accuracy"] == 1.0
    assert made["eval"]["low"] == pytest.approx(wilson(20, 20).low, abs=1e-6)
    assert made["verdict"] == "inconclusive"
    assert "student.base" in made["verdict_reason"]
    assert [path.name for path in (sums.out / "student").iterdir()] == ["heldout.parquet"]
    for name in ("README.md", "report.html"):
        text = (sums.out / name).read_text(encoding="utf-8")
        assert "no control: the model before its training was not asked" in text
        assert "only evaluated" in text
        assert "All students are of one kind" not in text
        assert "Rows in the dataset" not in text


def test_the_bare_question_is_asked_unless_the_task_asks(sums: Workbench) -> None:
    evaluate(sums, "student.system='Add.'")
    bare = sums.api.bodies("teacher")[0]
    assert bare["messages"][-1]["content"] == SUMS[0]["question"]
    assert "Add." in json.dumps(bare["system"])

    sums.api.forget()
    evaluate(sums, "student.ask=task")
    asked = sums.api.bodies("teacher")[0]
    assert "Solve the problem step by step" in json.dumps(asked["messages"])
    assert "system" not in asked


def test_a_base_that_is_never_right_may_just_speak_in_another_form(sums: Workbench) -> None:
    sums.api.teacher = lambda prompt, body, n: (
        adds(prompt, body, n) if body["model"] == "tuned-1" else "I would have to think of that."
    )
    evaluate(sums, *base(sums))

    assert sums.manifest["verdict"] == "helps"
    for name in ("README.md", "report.html"):
        text = (sums.out / name).read_text(encoding="utf-8")
        assert "base is right on no held-out item: it may know nothing, or its answers" in text
        assert "student.ask=task would say which" in text
        assert "endpoint is right on no" not in text


def test_the_base_is_the_control_of_the_verdict(sums: Workbench) -> None:
    ended = evaluate(sums, *base(sums))

    assert ended.status == 0, ended.err
    made = sums.manifest
    assert (made["eval"]["arm"], made["eval"]["baseline"]) == ("endpoint", "base")
    assert made["eval"]["arms"]["base"]["accuracy"] == 0.5
    assert made["verdict"] == "helps"
    assert made["verdict_reason"].startswith("The tuning helps: +50.0 pp against base")
    assert "is found 80% of the time" in made["verdict_reason"]
    assert made["eval"]["arms"]["base"]["comparison"]["difference"] == 0.5
    smallest = f"{100 * made['eval']['comparison']['minimum_detectable']:.1f} pp"
    assert f"true difference of {smallest} would be found" in " ".join(ended.out.split())
    card = (sums.out / "README.md").read_text(encoding="utf-8")
    assert "| `base` | +50.0 pp |" in card
    assert f"| {smallest} |" in card
    assert made["student_base"]["model"] == "base-1"
    assert made["student_base"]["requests"] == made["student"]["requests"] == 20


def test_slices_of_an_endpoints_answers_are_told(sums: Workbench) -> None:
    rows = [row | {"slice": "low" if i < 10 else "high"} for i, row in enumerate(SUMS)]
    sums.write("heldout.jsonl", rows)
    evaluate(sums, *base(sums))

    slices = {part["name"]: part for part in sums.manifest["eval"]["slices"]}
    assert [(slices[name]["n"], slices[name]["baseline"]) for name in ("low", "high")] == [
        (10, 1.0),
        (10, 0.0),
    ]


def test_an_openai_compatible_endpoint_is_asked_without_any_key(
    sums: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    ended = evaluate(sums, "teacher@student.via=vllm", url=f"{sums.api.url}/v1")

    assert ended.status == 0, ended.err
    assert sums.manifest["eval"]["accuracy"] == 1.0
    assert {seen.path for seen in sums.api.seen if seen.kind == "teacher"} == {
        "/v1/chat/completions"
    }


def test_doctor_looks_at_student_and_base_and_not_at_a_teacher_that_is_not_asked(
    sums: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    words = [
        "doctor", "experiment=endpoint", "task=math", "heldout.path=heldout.jsonl",
        "student.model=tuned-1", "tracking=none", "ledger.url=ledger.db",
        "student.base.model=base-1", "student.base.api_key_env=BASE_KEY",
    ]  # fmt: skip
    ended = sums.main([*words, "teacher@student.via=vllm", "teacher@student.base=claude"])

    assert ended.status == 1
    assert "fault  student base key    BASE_KEY is not set" in ended.out
    assert "ok  student key         none needed" in ended.out
    assert "teacher" not in ended.out


def test_labels_are_voted_on_with_the_tasks_prompt(bench: Workbench) -> None:
    bench.write("heldout.jsonl", [{"question": "A goal", "reference_answer": "sport"}])
    bench.api.teacher = lambda *_: '{"label": "sport"}'
    ended = evaluate(
        bench, "task.labels=[sport,tech]", "student.ask=task", "student.via.samples=3",
        task="classify",
    )  # fmt: skip

    assert ended.status == 0, ended.err
    assert bench.manifest["student"]["requests"] == 3
    assert bench.manifest["eval"]["accuracy"] == 1.0


def test_a_second_evaluation_is_free(sums: Workbench) -> None:
    evaluate(sums, *base(sums))
    first = sums.manifest
    evaluate(sums, *base(sums), "student.concurrency=3")

    again = sums.manifest
    assert again["student"]["requests"] == again["student_base"]["requests"] == 0
    assert again["student"]["cached"] == 20
    assert again["eval"] == first["eval"]
    assert again["config_sha256"] == first["config_sha256"]


def test_what_failed_was_refused_or_cut_counts_as_wrong_and_is_counted(sums: Workbench) -> None:
    def teacher(prompt: str, body: Mapping[str, Any], attempt: int) -> Any:
        if "What is 3 " in prompt:
            return Status(500)
        return " " if "What is 4 " in prompt else adds(prompt, body, attempt)

    sums.api.teacher = teacher
    ended = evaluate(sums)

    assert ended.status == 0, ended.err
    made = sums.manifest
    assert made["student"]["failed"] == 1
    assert made["eval"]["accuracy"] == 0.9
    assert made["eval"]["arms"]["endpoint"]["unanswered"] == 2
    answers = pl.read_parquet(sums.out / "student" / "heldout.parquet")
    assert answers.filter(pl.col("answer/endpoint").is_null())["id"].to_list() == ["h3", "h4"]
    assert "2 held-out items without an answer" in (sums.out / "README.md").read_text()


def test_the_dollar_cap_holds_for_student_and_base_together(sums: Workbench) -> None:
    words = [*base(sums), "student.base.model=claude-haiku-4-5-20251001"]
    words += ["student.model=claude-sonnet-4-6", "guard.lineage.mode=off"]
    ended = evaluate(sums, *words, "budget.max_usd=0.02")

    assert ended.status == 2
    assert "budget.max_usd" in ended.err
    assert 0 < sums.api.count("teacher") < 40


def test_another_model_than_was_asked_for_stops_the_run(sums: Workbench) -> None:
    sums.api.teacher = lambda *_: Message("#### 2", model="another")
    ended = evaluate(sums)

    assert ended.status == 1
    assert "served 'another' instead" in ended.err
    assert "student.via.served_check" in ended.err


def test_the_key_is_written_nowhere(sums: Workbench) -> None:
    assert evaluate(sums).status == 0
    for name, content in sums.files().items():
        assert KEY.encode() not in content, name


def test_labels_are_read_from_bare_answers_and_beside_the_commonest(bench: Workbench) -> None:
    bench.write(
        "heldout.jsonl",
        [{"question": f"A goal in match {i}", "reference_answer": "sport"} for i in range(6)]
        + [{"question": f"A chip of maker {i}", "reference_answer": "tech"} for i in range(6)],
    )
    bench.api.teacher = lambda prompt, *_: " Sport\n" if "goal" in prompt else "gadgets"
    ended = evaluate(bench, "task.labels=[sport,tech]", task="classify")

    assert ended.status == 0, ended.err
    assert list(bench.manifest["eval"]["arms"]) == ["endpoint"]
    assert bench.manifest["eval"]["accuracy"] == 0.5


def test_an_endpoint_stands_beside_the_teacher_of_a_whole_run(
    sums: Workbench, cut_off: Callable[[], None]
) -> None:
    sums.write("seeds.jsonl", [{"question": "What is 70 plus 70?"}])
    ended = sums.run_unjudged(
        "task=math", "student=endpoint", "teacher@student.via=claude", "student.model=tuned-1",
        f"student.base_url={sums.api.url}", "heldout.path=heldout.jsonl",
    )  # fmt: skip

    assert ended.status == 0, ended.err
    made = sums.manifest
    assert list(made["eval"]["arms"]) == ["teacher", "endpoint"]
    assert "Against teacher, +50.0 pp" in made["verdict_reason"]
    assert made["rows"] == 1

    cut_off()
    ended = sums.main(["reproduce", str(sums.out), "--out", "again"])
    assert ended.status == 0, ended.err
    assert "dataset: identical" in ended.out


def test_beside_real_examples_the_commonest_label_is_an_arm(bench: Workbench) -> None:
    rows = [{"question": f"A goal in match {i}", "reference_answer": "sport"} for i in range(9)]
    rows += [{"question": f"A chip of maker {i}", "reference_answer": "tech"} for i in range(3)]
    bench.write("heldout.jsonl", rows)
    bench.write("seeds.jsonl", [{"question": f"chip {i}", "label": "tech"} for i in range(3)])
    bench.api.teacher = lambda *_: "sport"
    ended = bench.run_unjudged(
        "task=classify", "task.labels=[sport,tech]", "seeds.real_labels=3", "student=endpoint",
        "teacher@student.via=claude", "student.model=tuned-1", "evaluate.teacher=false",
        f"student.base_url={bench.api.url}", "heldout.path=heldout.jsonl",
    )  # fmt: skip

    assert ended.status == 0, ended.err
    arms = bench.manifest["eval"]["arms"]
    assert {name: arm["accuracy"] for name, arm in arms.items()} == {
        "majority": 0.25,
        "endpoint": 0.75,
    }


def test_estimate_and_ledger_know_what_a_run_would_ask(sums: Workbench) -> None:
    words = [
        "experiment=endpoint", "task=math", "teacher@student.via=claude", "ledger.url=ledger.db",
        "heldout.path=heldout.jsonl", "student.model=tuned-1", "tracking=none",
        f"student.base_url={sums.api.url}", *base(sums),
    ]  # fmt: skip
    made = json.loads(sums.main(["estimate", *words, "--json"]).out)
    assert {(line["role"], line["requests"]) for line in made["lines"]} == {
        ("student", 20),
        ("student_base", 20),
    }

    evaluate(sums)
    told = json.loads(sums.main(["ledger", "explain", *words, "--json"]).out)
    assert told["roles"]["student"] == {"answered": 20, "missing": 0}
    assert told["roles"]["student_base"] == {"answered": 0, "missing": 20}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["heldout.path=null"], "heldout.path: got nothing"),
        (["budget.max_usd=1"], "price of student.via.model tuned-1 is not known"),
        (["student.ask=task", "student.system=x"], "student.system: "),
        (["student.base=x"], "want a model, teacher@student.base=PROVIDER"),
        (["student.ask=maybe"], "student.ask: got 'maybe'"),
        (["student.base_url=http://u:p@h"], "student.base_url: "),
        (["~student.via.samples"], "student.via.samples: got nothing"),
    ],
)
def test_faults_are_told_before_anything_is_asked(
    sums: Workbench, words: list[str], said: str
) -> None:
    ended = evaluate(sums, *words)

    assert ended.status == 2, ended.err
    assert said in ended.err
    assert not ended.has_traceback
    assert sums.api.count("teacher") == 0


def test_an_alias_of_the_student_or_of_its_base_is_no_pin(sums: Workbench) -> None:
    ended = evaluate(
        sums, *base(sums), "student.model=claude-opus-4-5", "student.base.model=claude-opus-4-5"
    )

    assert ended.status == 2
    assert "student.via.model: got 'claude-opus-4-5', an alias" in ended.err
    assert "student.base.model: got 'claude-opus-4-5', an alias" in ended.err
    assert "student.via.allow_alias=true" in ended.err


def test_lineage_compares_the_base_with_teacher_and_judge(sums: Workbench) -> None:
    words = [*base(sums), "student.base.model=claude-haiku-4-5-20251001"]
    ended = evaluate(sums, *words, "guard.lineage.mode=warn")

    assert ended.status == 0, ended.err
    assert sums.manifest["guards"]["lineage"] == "warn"
    assert "student.base claude-haiku-4-5-20251001" in (sums.out / "README.md").read_text()


def test_a_run_that_only_evaluates_is_reproduced_without_a_call(
    sums: Workbench, cut_off: Callable[[], None]
) -> None:
    evaluate(sums, *base(sums))
    cut_off()
    ended = sums.main(["reproduce", str(sums.out), "--out", "again"])

    assert ended.status == 0, ended.err
    assert "dataset: identical" in ended.out
    assert "no model was asked" in ended.out


def test_the_answers_reach_the_tracking_store_and_no_model_does(sums: Workbench) -> None:
    from mlflow import MlflowClient

    store = f"sqlite:///{sums.folder / 'mlflow.db'}"
    ended = evaluate(sums, "tracking=mlflow", f"tracking.uri={store}")

    assert ended.status == 0, ended.err
    client = MlflowClient(tracking_uri=store)
    run = client.get_run(sums.manifest["run_id"])
    assert run.data.tags["distill.student.model"] == "tuned-1"
    assert run.data.metrics["eval/accuracy"] == 1.0
    assert client.list_artifacts(run.info.run_id, "student")[0].path == "student/heldout.parquet"
    assert not client.search_logged_models([run.info.experiment_id])


def test_generations_cannot_learn_from_an_endpoint(sums: Workbench) -> None:
    sums.write("labelled.jsonl", [{"question": f"q {i}", "answer": f"{i}"} for i in range(4)])
    ended = sums.main(
        ["collapse", "task=math", "seeds.path=labelled.jsonl", "seeds.real_labels=2",
         "heldout.path=heldout.jsonl", "student=endpoint", "student.model=tuned-1",
         "tracking=none", "paths.out=out"]
    )  # fmt: skip

    assert ended.status == 2
    assert "cannot be trained here" in ended.err


# What the recordings say of themselves: right answers of 700.
RIGHT = {
    "6b_finetuning": 153,
    "6b_verification": 280,
    "175b_finetuning": 241,
    "175b_verification": 398,
}
recorded = pytest.mark.skipif(
    not (REPLAY.is_file() and RECORDED.is_file() and HELDOUT.is_file()),
    reason="no recorded answers beside the project",
)


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    with replaying(REPLAY, RECORDED, "6b_finetuning") as server:
        yield server


def replayed(bench: Workbench, replay: Replay, field: str, *words: str) -> Any:
    data = json.dumps({"field": field}).encode()
    with urlopen(Request(f"{replay.url}/config", data=data, method="POST")):
        pass
    bench.out = bench.folder / "runs" / f"{field}{len(words)}"
    ended = evaluate(
        bench, f"heldout.path={HELDOUT}", f"student.model={field}", *words,
        f"paths.out={bench.out}", url=replay.url,
    )  # fmt: skip
    assert ended.status == 0, ended.err
    return bench.manifest


@recorded
def test_recorded_models_come_out_as_they_were_recorded(bench: Workbench, replay: Replay) -> None:
    found = {field: replayed(bench, replay, field)["eval"] for field in RIGHT}

    for field, right in RIGHT.items():
        exact = wilson(right, 700)
        for name, value in (("accuracy", exact.value), ("low", exact.low), ("high", exact.high)):
            assert found[field][name] == pytest.approx(value, abs=1e-6), field
    assert [round(found[field]["accuracy"], 3) for field in RIGHT] == [0.219, 0.4, 0.344, 0.569]
    assert sorted(found, key=lambda field: found[field]["accuracy"]) == [
        "6b_finetuning",
        "175b_finetuning",
        "6b_verification",
        "175b_verification",
    ]

    # Out of the ledger: the one model as the control of the other.
    before = replay.stats()["requests"]
    made = replayed(
        bench, replay, "175b_finetuning", "teacher@student.base=claude",
        "student.base.model=6b_verification", f"student.base.base_url={replay.url}",
    )  # fmt: skip
    assert replay.stats()["requests"] == before
    test = made["eval"]["comparison"]
    assert made["verdict"] == "hurts"
    assert test["difference"] == pytest.approx((241 - 280) / 700, abs=1e-6)
    assert test["high"] < 0
    assert test["p_value"] < 0.05
    assert 0 < test["minimum_detectable"] < 0.1
    assert f"{100 * test['minimum_detectable']:.1f} pp is found 80%" in made["verdict_reason"]

    runs = (
        str(bench.folder / "runs" / f"{field}0") for field in ("6b_verification", "175b_finetuning")
    )
    compared = bench.main(["compare", *runs, "--json"])
    assert compared.status == 0, compared.err
    assert json.loads(compared.out)["said"][0].startswith("Neither run made a dataset")
    told = json.loads(compared.out)["heldout"]
    assert told["difference"] == pytest.approx(test["difference"], abs=1e-6)
    assert told["p_value"] == pytest.approx(test["p_value"], abs=1e-6)
    assert told["minimum_detectable"] == pytest.approx(test["minimum_detectable"], abs=1e-6)


@recorded
@pytest.mark.parametrize("field", ["6b_finetuning", "175b_verification"])
def test_a_model_against_itself_on_two_halves_is_inconclusive(
    bench: Workbench, replay: Replay, field: str
) -> None:
    rows = [json.loads(line) for line in HELDOUT.read_text(encoding="utf-8").splitlines()]
    runs = []
    for at, half in enumerate((rows[::2], rows[1::2])):
        name = str(bench.write(f"half{at}.jsonl", half))
        replayed(bench, replay, field, f"heldout.path={name}", *["seed=0"] * at)
        runs.append(str(bench.out))

    ended = bench.main(["compare", *runs])
    told = " ".join(ended.out.split())
    assert ended.status == 0, ended.err
    assert "The runs share no held-out item. As two samples of different items, B less A" in told
    assert "n = 350 and 350): inconclusive; a true difference under" in told
