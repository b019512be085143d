"""`distill compare` from the command line: what it prints, and how it ends."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compared_runs import EVAL, IDS, answers, fallen, heldout_answers, make_run
from workbench import Ended, Workbench

WIDTH = 80
STUDENT = "real_and_distilled"
GOOD = (np.random.default_rng(0).random(120) < 0.9).astype(float)
POOR = np.where(np.random.default_rng(1).random(120) < 0.3, 0.0, GOOD)
# The keys of the object, in their order: programs rely on them.
KEYS = [
    "format",
    "a",
    "b",
    "same",
    "said",
    "unsaid",
    "settings",
    "funnel",
    "rejected",
    "rows",
    "models",
    "cost_usd",
    "diversity",
    "heldout",
]


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.setenv("NO_COLOR", "1")


def compare(bench: Workbench, *words: str) -> Ended:
    return bench.main(["compare", *words])


def as_json(bench: Workbench, *words: str) -> Any:
    ended = compare(bench, *words, "--json")
    assert ended.status == 0, ended.err
    return json.loads(ended.out)


def pair(**of_b: Any) -> tuple[str, str]:
    """Make two runs that differ in threshold, rows, answers and students."""
    b = answers(40)
    for i in range(0, 40, 4):
        b[i]["answer"] = f"another answer {i}"
    b[1] = fallen(b[1], "judge", "below_threshold", score=0.3, judge_reason="too vague")
    told = {"eval": EVAL}
    make_run(Path("a"), answers(40), manifest=told, heldout=heldout_answers({STUDENT: POOR}))
    make_run(
        Path("b"),
        b,
        side="b",
        **{
            "manifest": told,
            "config": {"judge": {"threshold": 0.7}, "teacher": {"concurrency": 9}},
            "heldout": heldout_answers({STUDENT: GOOD}),
            **of_b,
        },
    )
    return "a", "b"


def test_everything_is_on_the_terminal_in_eighty_columns(bench: Workbench) -> None:
    ended = compare(bench, *pair())

    assert ended.status == 0, ended.err
    text = " ".join(ended.out.split())
    for part in (
        "one setting that shapes the dataset differs (judge.threshold: 0.5 in A, 0.7 in B)",
        "39 are in both, 10 of them with another answer; 1 only in A; 0 only in B",
        "B's student is better: accuracy",
        "teacher.concurrency 4 9",
        "in B: judge/below_threshold 1",
        "too vague",
        "Minimum detectable difference",
        "distinct_2",
        "cost together $0.75 $0.75",
    ):
        assert part in text, part
    assert max(map(len, ended.out.splitlines())) <= WIDTH
    assert "\x1b" not in ended.out


def test_a_narrow_terminal_is_kept_to(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    ended = compare(bench, *pair())
    assert ended.status == 0
    assert max(map(len, ended.out.splitlines())) <= 50


def test_a_terminal_without_such_letters_gets_plain_ones(bench: Workbench) -> None:
    pair()
    command = ["-c", "import distill.cli, sys; sys.exit(distill.cli.main(['compare', 'a', 'b']))"]
    import os
    import subprocess
    import sys

    from workbench import REPOSITORY

    env = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, *command], env=env, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert b"What can be said" in done.stdout
    done.stdout.decode("ascii")


def test_the_object_has_its_keys_in_their_order(bench: Workbench) -> None:
    found = as_json(bench, *pair())
    assert list(found) == KEYS
    assert found["settings"] == [
        {"key": "teacher.concurrency", "a": 4, "b": 9, "in": "both", "shapes_dataset": False},
        {"key": "judge.threshold", "a": 0.5, "b": 0.7, "in": "both", "shapes_dataset": True},
    ]
    assert found["rejected"] == {"judge/below_threshold": [None, 1]}
    assert found["rows"]["why_not_in_b"] == {"judge/below_threshold": 1}
    assert found["rows"]["changed_answer"] == 10
    assert found["heldout"]["only_b_better"] == int((GOOD > POOR).sum())
    assert found["heldout"]["only_a_better"] == 0
    assert found["heldout"]["verdict"] == "helps"
    assert found["cost_usd"] == [0.75, 0.75]
    assert found["diversity"]["permutations"] == 999
    assert found["diversity"]["questions_swapped"] == 10


def test_the_documented_keys_are_those_that_are_written(bench: Workbench) -> None:
    from distill.compare import as_json as module

    documented = re.findall(r"^ {4}(\w+(?:, \w+)*) {2,}\S", module.__doc__ or "", re.MULTILINE)
    assert [key for keys in documented for key in keys.split(", ")] == KEYS
    found = as_json(bench, *pair())
    words = set(re.findall(r"\w+", module.__doc__ or ""))
    for part in ("a", "same", "rows", "diversity", "heldout"):
        assert set(found[part]) <= words, part


def test_the_same_comparison_twice_gives_the_same_bytes(bench: Workbench) -> None:
    first = compare(bench, *pair(), "--json").out
    assert compare(bench, "a", "b", "--json").out == first


def test_a_run_against_itself_is_told_to_be_one_run(bench: Workbench) -> None:
    pair()
    ended = compare(bench, "a", "a")
    assert ended.status == 0
    assert "A and B are one and the same run." in ended.out
    assert as_json(bench, "a", "a")["same"]["run"] is True


def test_two_runs_of_one_config_that_agree_are_identical(bench: Workbench) -> None:
    digests = {"dataset_sha256": "d" * 64, "config_sha256": "c" * 64}
    make_run(Path("a"), answers(9), manifest=digests)
    make_run(Path("b"), answers(9), side="b", manifest=digests)
    ended = compare(bench, "a", "b")
    assert ended.status == 0
    text = " ".join(ended.out.split())
    assert "The datasets are identical, byte for byte, and the configs ask for the same." in text
    found = as_json(bench, "a", "b")
    assert found["same"]["dataset"] is True
    assert found["rows"]["same_answer"] == 9


def test_one_config_and_two_datasets_are_told_with_what_else_differs(bench: Workbench) -> None:
    other = answers(9)
    other[0]["answer"] = "moved on"
    make_run(Path("a"), answers(9))
    manifest = {
        "implementation": {"stage.generate": "new!", "stage.judge": "c0de"},
        "versions": {"distill": "0.2.0", "polars": "2.1.0"},
    }
    make_run(Path("b"), other, side="b", manifest=manifest)
    text = " ".join(compare(bench, "a", "b").out.split())
    assert "The configs ask for the same, yet the datasets differ" in text
    assert "the code of stage.generate differs; 1 answer changed; the versions of distill" in text


def test_changes_that_came_together_are_not_told_apart(bench: Workbench) -> None:
    inputs = {"seeds": {"source": "other.jsonl", "sha256": "2" * 64, "rows": 40}}
    config = {"judge": {"threshold": 0.7, "model": "judge-2"}}
    text = " ".join(compare(bench, *pair(manifest={"inputs": inputs}, config=config)).out.split())
    assert "Which change made the difference: 2 settings, the seeds differ together." in text


def test_no_judge_and_no_student_are_no_obstacle(bench: Workbench) -> None:
    pair(config={"judge": None}, manifest={"judge": None}, heldout=None)
    ended = compare(bench, "a", "b")
    assert ended.status == 0, ended.err
    assert "Rubric, 3 keys" in ended.out
    assert "Only run A left held-out answers" in ended.out
    found = as_json(bench, "a", "b")
    assert found["models"]["judge"][1] is None
    assert found["cost_usd"] == [0.75, 0.5]


def test_an_unknown_price_stays_unknown(bench: Workbench) -> None:
    spent = {"model": "m", "requests": 3, "cost_usd": None}
    pair(manifest={"teacher": spent})
    assert as_json(bench, "a", "b")["cost_usd"] == [0.75, None]
    assert "unknown" in compare(bench, "a", "b").out


def test_different_tasks_are_compared_as_far_as_that_goes(bench: Workbench) -> None:
    pair(config={"task": {"_target_": "distill.tasks.Math"}})
    found = as_json(bench, "a", "b")
    assert found["diversity"]["why_not"] == "the runs have different tasks"
    assert "tasks differ" in found["heldout"]["why_not"]


def test_empty_datasets_are_compared(bench: Workbench) -> None:
    make_run(Path("a"), [])
    make_run(Path("b"), [], side="b")
    assert compare(bench, "a", "b").status == 0


def test_a_damaged_manifest_is_the_users_to_mend(bench: Workbench) -> None:
    pair()
    Path("b/manifest.json").write_text('{"run_id": "b')
    ended = compare(bench, "a", "b")
    assert ended.status == 2
    assert ended.err.startswith("distill: ")
    assert "damaged manifest.json" in ended.err
    assert not ended.has_traceback


def test_an_unknown_run_is_the_users_to_mend(bench: Workbench) -> None:
    pair()
    ended = compare(bench, "a", "c")
    assert ended.status == 2
    assert "no run is called 'c'" in ended.err
    assert not ended.has_traceback


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a"], "RUN_B"),
        (["a", "b", "--examples", "-1"], "--examples: got -1"),
        (["a", "b", "tracking.url=x"], "tracking.url: no such key here"),
        (["a", "b", "--html", "no/such/folder.html"], "--html: got 'no/such/folder.html'"),
        (["a", "b", "--html", ""], "--html: got '', want a file"),
    ],
)
def test_words_that_make_no_sense_are_the_users_to_mend(
    bench: Workbench, words: list[str], said: str
) -> None:
    pair()
    ended = compare(bench, *words)
    assert ended.status == 2
    assert said in ended.err
    assert not ended.has_traceback


def test_a_page_replaces_an_earlier_page_and_no_dataset(bench: Workbench) -> None:
    pair()
    bench.write("mine.jsonl", [{"question": "Which river is long?"}])
    before = Path("mine.jsonl").read_bytes()
    ended = compare(bench, "a", "b", "--html", "mine.jsonl")
    assert ended.status == 2
    assert "--html: got 'mine.jsonl', which is there and no page" in ended.err
    assert Path("mine.jsonl").read_bytes() == before

    for _ in range(2):
        assert compare(bench, "a", "b", "--html", "page.html").status == 0


def test_no_examples_are_shown_where_none_are_wanted(bench: Workbench) -> None:
    pair()
    assert "another answer 0" not in compare(bench, "a", "b", "--examples", "0").out
    assert as_json(bench, "a", "b", "--examples", "0")["rows"]["examples"]["only_a"] == []


def test_secrets_of_a_config_are_in_no_output(bench: Workbench) -> None:
    config = {
        "ledger": {"url": "postgresql://me:hunter2@db/x"},
        "teacher": {"api_key": "sk-hunter2"},
    }
    pair(config=config)
    printed = compare(bench, "a", "b", "--html", "page.html").out
    printed += compare(bench, "a", "b", "--json").out + Path("page.html").read_text()
    assert "hunter2" not in printed
    assert "***" in printed


def test_hostile_texts_do_not_act_on_the_terminal(bench: Workbench) -> None:
    a, b = answers(3), answers(3)
    a[0]["question"] = b[0]["question"] = "[red]\x1b[31mq\x07 \u202e [link=x]"
    b[0]["answer"] = "\x1b]0;owned\x07 [/]"
    make_run(Path("a"), a)
    make_run(Path("b"), b, side="b", manifest={"rejected": {"x/\x1b[2J": 3}})
    ended = compare(bench, "a", "b")
    assert ended.status == 0, ended.err
    assert "[red]␛[31mq␇" in ended.out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", ended.out)


def test_a_hundred_thousand_rows_are_compared_without_looking_at_each(bench: Workbench) -> None:
    import time

    a = answers(2)
    rows = [{**a[i % 2], "id": f"s{i}", "question": f"q{i}"} for i in range(100_000)]
    make_run(Path("a"), rows)
    make_run(Path("b"), [{**row, "answer": "other"} for row in rows[10:]], side="b")
    start = time.perf_counter()
    found = as_json(bench, "a", "b")
    # It takes two seconds; a loop over rows with a look-up in each takes minutes.
    assert time.perf_counter() - start < 20
    assert (found["rows"]["changed_answer"], found["rows"]["only_a"]) == (99_990, 10)


def test_two_real_runs_are_compared(bench: Workbench) -> None:
    first = bench.run("paths.out=runs/one")
    bench.api.grade = lambda prompt, body, attempt: 1 if "metals" in prompt else 5
    second = bench.run("paths.out=runs/two", "judge.threshold=0.9", "judge.via.max_tokens=512")
    assert (first.status, second.status) == (0, 0), first.err + second.err
    found = as_json(bench, "runs/one", "runs/two")
    assert {one["key"] for one in found["settings"] if one["shapes_dataset"]} >= {"judge.threshold"}
    assert found["rows"]["same_answer"] == 5
    assert found["rows"]["why_not_in_b"] == {"judge/below_threshold": 1}
    assert found["funnel"]["selected"] == [6, 5]
    assert found["models"]["teacher"][1]["cached"] == 6


def test_a_real_run_repeated_is_identical(bench: Workbench) -> None:
    bench.run("paths.out=runs/one")
    bench.run("paths.out=runs/two")
    ended = compare(bench, "runs/one", "runs/two")
    assert "The datasets are identical, byte for byte" in ended.out
    text = " ".join(ended.out.split())
    assert "12 of its 12 responses came free out of the ledger" in text


def test_runs_are_taken_out_of_a_tracking_store(bench: Workbench) -> None:
    from distill.tracking import mirror

    uri = f"sqlite:///{bench.folder / 'store' / 'mlflow.db'}"
    for name in pair():
        mirror(Path(name), uri, "tried")
    found = as_json(bench, IDS["a"], IDS["b"][:6], f"tracking.uri={uri}")
    assert [found["a"]["name"], found["b"]["name"]] == ["a", "b"]
    assert found["heldout"]["shared"] == 120


def test_latest_is_the_newest_folder_of_outputs(bench: Workbench) -> None:
    bench.run("paths.out=outputs/x/one")
    bench.run("paths.out=outputs/x/two", "select.max_rows=2")
    found = as_json(bench, "latest~1", "latest")
    assert [found["a"]["name"], found["b"]["name"]] == ["one", "two"]


def test_help_names_the_ways_to_name_a_run(bench: Workbench) -> None:
    ended = compare(bench, "--help")
    assert ended.status == 0
    assert "latest~1" in ended.out
    assert "compare" in bench.main(["--help"]).out
