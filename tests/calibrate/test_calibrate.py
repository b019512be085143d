"""`distill calibrate` from the command line, the judge behind a real HTTP server."""

from __future__ import annotations

import json
import random
import re
import signal
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from fake_api import Hang, Message, Status, filled
from workbench import QUESTIONS, Ended, Workbench

from distill.config import compose
from distill.identity import config_sha256

RIGHT, WRONG = "It is so, and here is why.", "It is not so."
HIGH, LOW = 5, 1


def labels(items: int, *, right: float = 0.6, seed: int = 0, **more: Any) -> list[dict[str, Any]]:
    """Make labelled rows; the answer's text tells the fake judge what a human says."""
    draw = random.Random(seed)
    return [
        {
            "question": f"Question {i}?",
            "answer": f"{RIGHT if good else WRONG} ({i})",
            "human_score": int(good),
        }
        | more
        for i, good in enumerate(draw.random() < right for _ in range(items))
    ]


def judging(noise: float) -> Any:
    """Return a judge that errs in this share of answers, the same way each time."""

    def grade(prompt: str, body: Mapping[str, Any], attempt: int) -> int:
        del body, attempt
        good = RIGHT in prompt
        answer = re.search(r"\(\d+\)", prompt)
        assert answer is not None
        errs = random.Random(f"noise {answer[0]}").random() < noise
        return HIGH if good != errs else LOW

    return grade


def calibrate(bench: Workbench, *words: str) -> Ended:
    return bench.main(
        [
            "calibrate",
            "tracking=none",
            "ledger.url=ledger.db",
            "ledger.synchronous=NORMAL",
            "paths.out=out",
            f"judge.base_url={bench.api.url}",
            "judge.via.max_retries=0",
            *words,
        ]
    )


def told(bench: Workbench) -> Any:
    return json.loads((bench.folder / "out" / "calibration.json").read_text(encoding="utf-8"))


ON_LABELS = ("calibrate.path=labels.jsonl", "calibrate.repeats=0")


def test_a_judge_that_says_what_humans_say_passes(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(300))
    bench.api.grade = judging(0.0)

    ended = calibrate(bench, *ON_LABELS, "calibrate.gate=true")

    assert ended.status == 0, ended.out + ended.err
    assert ended.err == ""
    assert "passes the recommended gate: kappa 1.00" in " ".join(ended.out.split())
    made = told(bench)
    assert made["gate"] == {"passed": True, "failures": []}
    assert made["recommended"]["threshold"] == 0.75
    assert made["recommended"]["by"] == "limit"
    assert made["confusion"]["kept_wrong"] == made["confusion"]["dropped_right"] == 0
    assert bench.api.count("judge") == made["judge"]["requests"] == 300


def test_the_error_rate_of_a_noisy_judge_lies_within_its_interval(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(300))
    bench.api.grade = judging(0.1)
    calibrate(bench, *ON_LABELS)

    made = told(bench)
    for name in ("error_rate", "false_keep_rate", "false_drop_rate"):
        assert made[name]["low"] <= 0.1 <= made[name]["high"]
    assert made["auc"]["low"] <= 0.9 <= made["auc"]["high"]
    assert made["labels"]["n"] == 300
    assert [point[2] for point in made["roc"]] == [None, 1.0, 0.0]


def test_the_recommended_threshold_has_its_precision_in_the_other_half(bench: Workbench) -> None:
    rows = labels(800, right=0.7)
    # Grades between: of those with a 3 some are wrong, of those with a 4 hardly any.
    chance = {2: 0.1, 3: 0.6, 4: 0.97, 5: 0.99}
    draw = random.Random(1)
    grades = [draw.choice(list(chance)) for _ in rows]
    for row, grade in zip(rows, grades, strict=True):
        row["human_score"] = int(draw.random() < chance[grade])

    def grade_of(prompt: str, body: Mapping[str, Any], attempt: int) -> int:
        found = re.search(r"Question (\d+)\?", prompt)
        assert found is not None
        return grades[int(found[1])]

    bench.api.grade = grade_of
    bench.write("labels.jsonl", rows[:400])
    calibrate(bench, *ON_LABELS)
    found = told(bench)["recommended"]
    assert (found["by"], found["threshold"]) == ("limit", 0.75)

    bench.write("labels.jsonl", rows[400:])
    calibrate(bench, *ON_LABELS, f"judge.threshold={found['threshold']}")
    assert told(bench)["precision"]["value"] >= 0.9


def test_a_second_look_costs_nothing_whatever_threshold_and_precision(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(30))
    bench.api.grade = judging(0.2)
    calibrate(bench, "calibrate.path=labels.jsonl", "calibrate.repeats=2")
    assert bench.api.count("judge") == 30 * 3
    first = told(bench)
    bench.api.forget()

    ended = calibrate(
        bench,
        "calibrate.path=labels.jsonl",
        "calibrate.repeats=2",
        "judge.threshold=0.1",
        "calibrate.precision=0.5",
    )

    assert ended.status == 0, ended.err
    assert bench.api.count() == 0
    again = told(bench)
    assert again["judge"]["cached"] == 90
    assert again["judge"]["sha256"] == first["judge"]["sha256"]
    assert again["kappa"] == first["kappa"]


def test_another_rubric_is_another_judge(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(10))
    calibrate(bench, *ON_LABELS)
    first = told(bench)["judge"]["sha256"]
    calibrate(bench, *ON_LABELS, "judge.floors.accuracy=2")
    assert told(bench)["judge"]["sha256"] != first


def test_few_labels_bring_the_warning_and_no_pass(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(40))
    bench.api.grade = judging(0.0)

    assert calibrate(bench, *ON_LABELS).status == 0
    ended = calibrate(bench, *ON_LABELS, "calibrate.gate=true")

    assert ended.status == 1
    assert "Do not gate on kappa" in " ".join(ended.out.split())
    assert "40 labels, fewer than 200" in " ".join(ended.out.split())


def test_no_threshold_that_reaches_the_precision_is_said(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(250))
    bench.api.grade = judging(0.5)

    ended = calibrate(bench, *ON_LABELS)

    assert ended.status == 0
    said = " ".join(ended.out.split())
    assert "No threshold reaches a precision of 90.0% (calibrate.precision). The best is" in said
    assert told(bench)["recommended"] is None
    assert calibrate(bench, *ON_LABELS, "calibrate.gate=true").status == 1


def test_a_judge_that_wavers_is_found(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(30))
    bench.api.grade = lambda prompt, body, attempt: HIGH if attempt % 2 else LOW

    calibrate(
        bench, "calibrate.path=labels.jsonl", "calibrate.repeats=1", "calibrate.repeat_rows=20"
    )

    assert bench.api.count("judge") == 50
    found = told(bench)["bias"]["repeats"]
    assert (found["flip_rate"], found["rows"], found["judgements"]) == (1, 20, 40)
    assert found["deviation"] == pytest.approx(0.5**0.5)


def test_two_humans_are_compared_and_a_judge_below_them_fails(bench: Workbench) -> None:
    rows = [row | {"human_score_2": row["human_score"]} for row in labels(300)]
    bench.write("labels.jsonl", rows)
    bench.api.grade = judging(0.15)

    ended = calibrate(bench, *ON_LABELS, "calibrate.precision=0.5")

    made = told(bench)
    assert made["human_kappa"]["value"] == 1
    assert made["kappa"]["low"] > 0.4
    assert made["gate"]["failures"] == [
        "The judge agrees with a human less than a second human does."
    ]
    assert "Two humans agree with kappa 1.00" in " ".join(ended.out.split())


def test_own_answers_are_told_by_their_author(bench: Workbench) -> None:
    rows = labels(100)
    for i, row in enumerate(rows):
        row["model"] = "claude-opus-4-5" if i % 2 else "gpt-5"
    bench.write("labels.jsonl", rows)

    def grade(prompt: str, body: Mapping[str, Any], attempt: int) -> int:
        found = re.search(r"Question (\d+)\?", prompt)
        assert found is not None
        return (4 if RIGHT in prompt else 3) + int(found[1]) % 2

    bench.api.grade = grade
    calibrate(bench, *ON_LABELS)
    found = told(bench)["bias"]["self_preference"]
    assert found["excess"]["value"] == pytest.approx(0.25)
    assert (found["own"], found["others"]) == (50, 50)
    assert found["authors"] == ["claude-opus-4-5"]


def test_unlabelled_answers_of_the_file_narrow_the_accuracy(bench: Workbench) -> None:
    rows = labels(600)
    truth = sum(row["human_score"] for row in rows) / len(rows)
    for row in rows[150:]:
        row["human_score"] = None
    bench.write("labels.jsonl", rows)
    bench.api.grade = judging(0.1)

    ended = calibrate(bench, *ON_LABELS)

    found = told(bench)["accuracy"]
    assert (found["labelled"], found["unlabelled"]) == (150, 450)
    corrected, human = found["corrected"], found["human_only"]
    assert corrected["low"] <= truth <= corrected["high"]
    assert corrected["high"] - corrected["low"] < 0.9 * (human["high"] - human["low"])
    assert "corrected for the judge's errors" in " ".join(ended.out.split())


def judged_run(bench: Workbench, items: int) -> list[dict[str, Any]]:
    """Leave a judged run, and return its answers with labels."""
    seeds = [{"id": f"s{i}", "question": f"{QUESTIONS[i % 6]} Case ({i})."} for i in range(items)]
    bench.write("seeds.jsonl", seeds)
    bench.api.grade = lambda prompt, body, attempt: (
        HIGH if int(re.findall(r"\((\d+)\)", prompt)[0]) % 3 else LOW
    )
    ended = bench.run("filter=none", "student=none")
    assert ended.status == 0, ended.err
    return [
        {"question": row["question"], "answer": row["answer"], "human_score": row["score"]}
        for row in bench.table.iter_rows(named=True)
    ]


def test_the_answers_of_a_run_are_the_unlabelled_ones(bench: Workbench) -> None:
    rows = judged_run(bench, 60)
    bench.write("labels.jsonl", rows[:20])
    bench.api.forget()

    ended = calibrate(bench, *ON_LABELS, "calibrate.run=runs/one")

    assert ended.status == 0, ended.err
    assert bench.api.count() == 0  # the run has paid for its answers
    found = told(bench)["accuracy"]
    assert (found["labelled"], found["unlabelled"]) == (20, 40)
    assert found["naive"]["value"] == pytest.approx(40 / 60)
    assert found["run"] == bench.manifest["run_id"]


def test_the_scores_of_another_judge_are_refused_before_anything_is_asked(
    bench: Workbench,
) -> None:
    bench.write("labels.jsonl", judged_run(bench, 6))
    bench.api.forget()

    ended = calibrate(
        bench, *ON_LABELS, "calibrate.run=runs/one", "judge.model=claude-haiku-4-5-20251001"
    )

    assert ended.status == 2
    assert "judge.model: got 'claude-haiku-4-5-20251001', want 'claude-sonnet-4-6'" in ended.err
    assert bench.api.count() == 0


def test_a_run_without_a_judge_has_no_scores(bench: Workbench) -> None:
    bench.run_unjudged()
    bench.write("labels.jsonl", labels(5))
    ended = calibrate(bench, *ON_LABELS, "calibrate.run=runs/one")
    assert ended.status == 2
    assert "calibrate.run: the run in runs/one has no judged answer" in ended.err


def test_labels_that_were_not_drawn_at_random_are_told(bench: Workbench) -> None:
    rows = [row for row in labels(200, right=0.5) if row["human_score"] == 1]
    unlabelled = [
        row | {"question": f"Other {i}", "human_score": None}
        for i, row in enumerate(labels(200, right=0.1, seed=5))
    ]
    bench.write("labels.jsonl", rows + unlabelled)
    bench.api.grade = judging(0.0)
    calibrate(bench, *ON_LABELS)
    assert any("They hardly were" in note for note in told(bench)["notes"])


def test_a_heldout_file_with_human_scores_is_taken_where_no_other_is_named(
    bench: Workbench,
) -> None:
    bench.write("real.jsonl", labels(12, reference_answer="So it is."))
    ended = calibrate(bench, "heldout.path=real.jsonl", "calibrate.repeats=0")

    assert ended.status == 0, ended.err
    assert told(bench)["labels"]["n"] == 12
    assert all("So it is." in prompt for prompt in bench.api.prompts("judge"))


def test_answers_without_a_score_are_counted_and_left_out(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(20))
    bench.api.grade = lambda prompt, body, attempt: (
        Message("no JSON") if "Question 3?" in prompt else 5
    )
    ended = calibrate(bench, *ON_LABELS)

    made = told(bench)
    assert (made["labels"]["n"], made["judge"]["unscored"]) == (19, 1)
    assert "1 labelled answer got no score and is left out" in " ".join(ended.out.split())


def test_a_judge_that_scores_nothing_ends_in_one_sentence(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(5))
    bench.api.grade = lambda *_: Message("no JSON")
    ended = calibrate(bench, *ON_LABELS)
    assert ended.status == 1
    assert "none of 5 labelled answers got a score" in ended.err
    assert not (bench.folder / "out").exists()


def test_a_judge_that_cannot_be_reached_keeps_what_was_paid_for(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(6))
    bench.api.grade = lambda prompt, body, attempt: 5 if "Question 0?" in prompt else Status(500)
    ended = calibrate(bench, *ON_LABELS, "judge.concurrency=1")
    assert not ended.has_traceback
    bench.api.grade = judging(0)
    bench.api.forget()
    assert calibrate(bench, *ON_LABELS).status == 0
    assert bench.api.count("judge") == 5


def test_the_budget_stops_the_judge(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(50))
    ended = calibrate(bench, *ON_LABELS, "budget.max_usd=0.02", "judge.concurrency=1")
    assert ended.status == 2
    assert "budget.max_usd" in ended.err
    assert bench.api.count("judge") < 50


def test_a_judge_of_pairs_that_favours_the_first_place_is_found(bench: Workbench) -> None:
    rows = [
        row | {"question": f"Question {i}?"}
        for i in range(20)
        for row in ({"answer": f"{RIGHT} ({i})", "human_score": 1},
                    {"answer": f"{WRONG} ({i})", "human_score": 0})
    ]  # fmt: skip
    bench.write("labels.jsonl", rows)

    def preferring(prompt: str, body: Mapping[str, Any], attempt: int) -> Message:
        # Of every second question the first place wins, of the others the right answer.
        found = re.search(r"Question (\d+)\?", prompt)
        assert found is not None
        by_place = int(found[1]) % 2 or prompt.index(RIGHT) < prompt.index(WRONG)
        better = "first" if by_place else "second"
        return Message(json.dumps({"reason": "so", "better": better}))

    bench.api.grade = preferring
    ended = calibrate(
        bench, "judge=pairwise", "calibrate.path=labels.jsonl", "calibrate.repeat_rows=3"
    )

    assert ended.status == 0, ended.err
    made = told(bench)
    found = made["bias"]["position"]
    assert (found["consistency"]["value"], found["consistency"]["n"]) == (0.5, 20)
    assert (found["first"], found["second"]) == (10, 0)
    assert "the answer shown first is favoured" in " ".join(ended.out.split())
    assert made["confusion"] == {
        "kept_right": 10, "kept_wrong": 0, "dropped_right": 10, "dropped_wrong": 20,
    }  # fmt: skip
    # Answers are judged again with what they are compared with, in both orders.
    repeats = made["bias"]["repeats"]
    assert (repeats["flip_rate"], repeats["rows"] % 2) == (0, 0)
    assert bench.api.count("judge") == 40 + repeats["rows"]


def test_a_judge_of_pairs_without_two_answers_to_any_question_is_refused(bench: Workbench) -> None:
    rows = [
        {"question": f"Question {i // 2}?", "answer": f"{RIGHT}{' ' * (i % 2)}", "human_score": 1}
        for i in range(6)
    ]
    bench.write("labels.jsonl", rows)
    ended = calibrate(bench, "judge=pairwise", "calibrate.path=labels.jsonl")

    assert ended.status == 2
    assert "nothing to compare: no question has two answers" in ended.err
    assert not ended.has_traceback
    assert bench.api.count() == 0
    assert not (bench.folder / "out").exists()


def test_a_verifier_is_calibrated_without_a_model(bench: Workbench) -> None:
    rows = [
        {"question": f"{i} + 1?", "answer": f"It is #### {i + (i % 4 != 0)}", "human_score": 1,
         "reference_answer": str(i + 1)}
        for i in range(40)
    ]  # fmt: skip
    bench.write("labels.jsonl", rows)
    ended = bench.main(
        ["calibrate", "task=math", "judge=verifier", "tracking=none", "paths.out=out",
         "ledger.url=ledger.db", "calibrate.path=labels.jsonl"]
    )  # fmt: skip
    assert ended.status == 0, ended.err
    made = told(bench)
    assert made["judge"]["model"] == "verifier"
    assert made["false_drop_rate"]["value"] == pytest.approx(0.25)
    assert made["auc"] is None
    assert made["bias"]["repeats"] == {"not_measured": "no model judges"}
    assert "All labels are the same" in " ".join(made["notes"])
    assert bench.api.count() == 0


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        pytest.param([], "calibrate.path: got nothing, want a file", id="no labels"),
        pytest.param(["calibrate.path=none.jsonl"], "none.jsonl: ", id="no such file"),
        pytest.param(["calibrate.precision=90"], "90 percent is written 0.9", id="percent"),
        pytest.param(["calibrate.repeats=-1"], "calibrate.repeats: got -1", id="repeats"),
        pytest.param(["calibrate.precison=0.9"], "did you mean precision?", id="mistyped"),
        pytest.param(["calibrate.path=seeds.jsonl"], "no answer", id="seeds"),
        pytest.param(["--fast"], "no such flag: --fast", id="flag"),
        pytest.param(["calibrate.run=nowhere"], "no run is called 'nowhere'", id="run"),
    ],
)
def test_what_the_user_can_mend_is_told_before_anything_is_asked(
    bench: Workbench, words: list[str], wanted: str
) -> None:
    if "calibrate.run=nowhere" in words:
        bench.write("labels.jsonl", labels(3))
        words = [*words, "calibrate.path=labels.jsonl"]
    ended = calibrate(bench, *words)

    assert ended.status == 2
    assert wanted in ended.err
    assert not ended.has_traceback
    assert bench.api.count() == 0
    assert not (bench.folder / "out").exists()


def test_without_a_judge_there_is_nothing_to_calibrate(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(3))
    ended = bench.main(["calibrate", "judge=none", "tracking=none", *ON_LABELS])
    assert ended.status == 2
    assert "judge: got none, want the judge that is to be calibrated" in ended.err


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_asked(
    bench: Workbench,
) -> None:
    bench.write("labels.jsonl", labels(5))
    (bench.folder / "out").write_text("a file")
    ended = calibrate(bench, *ON_LABELS)
    assert ended.status == 2
    assert "paths.out: got 'out', want a folder that can be written" in ended.err
    assert bench.api.count() == 0


def test_an_interrupted_calibration_pays_only_for_what_is_missing(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(12))
    before = judging(0.0)

    def interrupting(prompt: str, body: Mapping[str, Any], attempt: int) -> Any:
        if "Question 7?" in prompt:
            return Hang(json.dumps(filled(body, HIGH)))
        return before(prompt, body, attempt)

    bench.api.grade = interrupting
    words = ["calibrate", "tracking=none", "ledger.url=ledger.db", "paths.out=out"]
    words += [f"judge.base_url={bench.api.url}", "judge.concurrency=1", *ON_LABELS]
    with bench.start(words) as process:
        bench.api.wait_for("judge", 8, unless=process.poll)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "stopping" not in process.stderr.readline():
            assert process.poll() is None
        bench.api.released.set()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert not (bench.folder / "out").exists()

    bench.api.forget()
    assert calibrate(bench, *ON_LABELS).status == 0
    assert bench.api.count("judge") == 12 - 8


def test_one_object_tells_a_program_the_same(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(30))
    ended = calibrate(bench, *ON_LABELS, "--json")
    assert json.loads(ended.out) == told(bench)


def test_the_help_is_quick_and_names_the_keys(bench: Workbench) -> None:
    ended = bench.process(["calibrate", "--help"], "-X", "importtime")
    assert ended.status == 0
    for word in ("human_score", "calibrate.run=RUN", "exit status"):
        assert word in ended.out
    imported = {line.rpartition("|")[2].strip() for line in ended.err.splitlines()}
    assert not {"polars", "pydantic", "hydra", "numpy", "scipy", "mlflow"} & imported


def test_a_calibration_shapes_no_dataset() -> None:
    config = compose(["seeds.path=seeds.jsonl"])
    other = {key: value for key, value in config.items() if key != "calibrate"}
    assert config_sha256(config) == config_sha256(other)


def test_the_same_labels_give_the_same_figures(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(60))
    bench.api.grade = judging(0.2)
    calibrate(bench, *ON_LABELS)
    first = told(bench)
    calibrate(bench, *ON_LABELS)
    again = told(bench)
    changing = ("checked_at", "judge")
    assert {k: v for k, v in first.items() if k not in changing} == {
        k: v for k, v in again.items() if k not in changing
    }


HOSTILE = (
    '<script>alert("x")</script>',
    "</details></main><img src=http://evil.example/x onerror=alert(1)>",
    "{{ 7 * 7 }} {% include 'report.css' %}",
    "\x1b[31mred \u202eleft",
    "雪 ÄÖÜ 🙂",
)


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_asks_nothing_of_the_network_and_hostile_texts_do_nothing(
    bench: Workbench,
) -> None:
    rows = [row | {"model": HOSTILE[2]} for row in labels(30)]
    for row, text in zip(rows, HOSTILE, strict=False):
        row["question"], row["answer"] = text, f"{text} {row['answer']}"
    bench.write("labels.jsonl", rows)
    bench.api.grade = judging(1.0)  # it errs always: every answer is shown

    ended = calibrate(bench, *ON_LABELS)

    assert ended.status == 0, ended.err
    html = (bench.folder / "out" / "calibration.html").read_text(encoding="utf-8")
    page = Page(html)
    assert "default-src 'none'" in html
    assert not [tag for tag, _ in page.tags if tag in {"script", "img", "iframe", "object"}]
    assert not re.search(r"url\(|@import", html)
    links = [v for _, attrs in page.tags for k, v in attrs.items() if k in {"src", "href"}]
    assert links == ["data:,"]
    assert "7 * 7" in page.text
    assert "49" not in page.text.split("7 * 7")[0][-20:]
    assert "\x1b" not in html
    assert "\u202e" not in html
    for heading in ("By threshold", "ROC curve", "Kept, though wrong", "Dropped, though right"):
        assert heading in page.text


def test_every_row_is_left_with_its_score_and_the_judges_words(bench: Workbench) -> None:
    rows = labels(8)
    rows[3]["human_score"] = None
    bench.write("labels.jsonl", rows)
    bench.api.grade = judging(0.0)
    calibrate(bench, *ON_LABELS)

    text = (bench.folder / "out" / "calibration.jsonl").read_text(encoding="utf-8")
    left = [json.loads(line) for line in text.splitlines()]
    assert [row["question"] for row in left] == [row["question"] for row in rows]
    assert [row["human_score"] for row in left] == [row["human_score"] for row in rows]
    assert [row["right"] for row in left][3] is None
    assert {row["reason"] for row in left} == {"as the script says"}
    for row in left:
        assert row["kept"] == (row["score"] >= 0.75) == (RIGHT in row["answer"])


def test_the_rows_that_are_left_can_be_calibrated_on_once_more(bench: Workbench) -> None:
    rows = labels(40, reference_answer="So.", human_score_2=0.5, model="gpt-5")
    rows[5]["human_score"] = None
    del rows[5]["human_score_2"]
    bench.write("labels.jsonl", rows)
    bench.api.grade = judging(0.2)
    calibrate(bench, *ON_LABELS)
    first = told(bench)
    bench.api.forget()

    ended = calibrate(
        bench, "calibrate.path=out/calibration.jsonl", "calibrate.repeats=0", "paths.out=again"
    )

    assert ended.status == 0, ended.err
    assert bench.api.count() == 0
    again = json.loads((bench.folder / "again" / "calibration.json").read_text(encoding="utf-8"))
    for key in ("kappa", "human_kappa", "bias", "accuracy", "recommended"):
        assert again[key] == first[key]


def test_a_terminal_without_unicode_gets_plain_letters(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(8))
    words = ["calibrate", "tracking=none", "ledger.url=l.db", *ON_LABELS, "paths.out=out"]
    words += [f"judge.base_url={bench.api.url}"]
    ended = bench.process(words, "-X", "utf8=0")
    assert ended.status == 0, ended.err


def test_a_store_shows_the_calibration(bench: Workbench) -> None:
    import mlflow

    bench.write("labels.jsonl", labels(30))
    bench.api.grade = judging(0.1)
    uri = f"sqlite:///{bench.folder}/mlflow.db"
    ended = calibrate(bench, *ON_LABELS, "tracking=mlflow", f"tracking.uri={uri}")

    assert ended.status == 0, ended.err
    made = told(bench)
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("distill")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.tags["distill.kind"] == "calibration"
    assert run.data.tags["distill.judge.sha256"] == made["judge"]["sha256"]
    assert run.data.metrics["calibrate/kappa"] == pytest.approx(made["kappa"]["value"])
    assert run.data.metrics["calibrate/error_rate_low"] == made["error_rate"]["low"]
    names = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert names == {"calibration.json", "calibration.html", "calibration.jsonl"}


def test_a_store_that_is_down_costs_no_calibration(bench: Workbench) -> None:
    bench.write("labels.jsonl", labels(10))
    words = ["calibrate", "ledger.url=ledger.db", "paths.out=out", *ON_LABELS]
    words += [f"judge.base_url={bench.api.url}", "tracking.uri=sqlite:////proc/none/x.db"]
    ended = bench.process(words)

    assert ended.status == 0, ended.err
    assert "the calibration is whole in out" in ended.err
    assert told(bench)["labels"]["n"] == 10
