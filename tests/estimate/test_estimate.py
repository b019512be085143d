"""What a run would cost, by its own stages, with nothing written and nothing paid."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from fake_api import Message, Status, good_answer, quarter_of_the_bytes
from workbench import KEY, QUESTIONS, Ended, Workbench

from distill.models.counting import COUNTED

ANSWER_TOKENS, GRADE_TOKENS = 200, 100


def metered(prompt: str, body: Mapping[str, Any], attempt: int) -> Message:
    # What is about metals is too short for the filters.
    answer = "Short." if "metals" in prompt else good_answer(prompt, body, attempt)
    counted = {name: body[name] for name in COUNTED if name in body}
    tokens = quarter_of_the_bytes(prompt, counted, attempt)
    return Message(answer, input_tokens=tokens, output_tokens=ANSWER_TOKENS)


def graded(*_: Any) -> Message:
    grades = '{"reason": "r", "accuracy": 5, "completeness": 5, "clarity": 5}'
    return Message(grades, output_tokens=GRADE_TOKENS)


@pytest.fixture
def spending(bench: Workbench) -> Workbench:
    bench.api.teacher, bench.api.grade = metered, graded
    return bench


def told(bench: Workbench, *overrides: str) -> Ended:
    """Run `estimate` with what `run` would take."""
    off = {"judge=none", "task=classify"} & set(overrides)
    words = bench.words(*overrides) if off else bench.with_judge(*overrides)
    ended = bench.main(["estimate", *words[1:]])
    assert ended.status == 0, ended.err
    return ended


def estimated(bench: Workbench, *overrides: str) -> Any:
    return json.loads(told(bench, "--json", *overrides).out)


def line(made: Any, role: str, what: str) -> Any:
    (found,) = [one for one in made["lines"] if (one["role"], one["what"]) == (role, what)]
    return found


def many_seeds(bench: Workbench, count: int, name: str = "seeds.jsonl", start: int = 0) -> None:
    texts = [f"Why does thing number {i} happen in nature?" for i in range(start, start + count)]
    bench.write(name, [{"question": text} for text in texts])


def test_nothing_is_paid_for_and_nothing_is_written(spending: Workbench) -> None:
    before = spending.files()

    made = estimated(spending)

    assert spending.files() == before
    assert not spending.ledger.exists()
    assert spending.api.count("teacher", "judge") == 0
    assert spending.api.count("count") > 0
    paths = {seen.path.partition("?")[0] for seen in spending.api.seen if seen.kind == "count"}
    assert paths == {"/v1/messages/count_tokens"}
    assert line(made, "teacher", "answers")["requests"] == len(QUESTIONS)
    assert line(made, "judge", "grades to come")["requests"] == len(QUESTIONS)


def test_a_ledger_that_is_there_is_left_as_it_is(spending: Workbench) -> None:
    spending.run()
    before = spending.files()
    spending.api.forget()

    made = estimated(spending, "teacher.samples=2")

    assert spending.files() == before
    assert spending.api.count("teacher", "judge") == 0
    assert line(made, "teacher", "answers")["requests"] == len(QUESTIONS)


def test_what_the_ledger_holds_is_free_and_said_so(spending: Workbench) -> None:
    spending.run()
    paid_usd = sum(spending.manifest[role]["cost_usd"] for role in ("teacher", "judge"))
    spending.api.forget()

    ended = told(spending)
    made = estimated(spending)

    assert spending.api.count() == 0
    assert [one["requests"] for one in made["lines"]] == [0, 0]
    assert [one["cached"] for one in made["lines"]] == [6, 5]
    assert made["cost_usd"] == dict.fromkeys(("expected", "low", "high", "worst"), 0)
    assert made["cached_usd"] == pytest.approx(paid_usd, abs=1e-5)
    assert "Nothing is to be paid for" in ended.out
    assert "The ledger holds 11 responses" in ended.out


def test_what_is_estimated_comes_true(spending: Workbench) -> None:
    many_seeds(spending, 40)
    assert spending.run().status == 0
    many_seeds(spending, 100)
    made = estimated(spending)

    assert spending.run().status == 0

    for role, what in (("teacher", "answers"), ("judge", "grades to come")):
        paid, expected = spending.manifest[role], line(made, role, what)
        assert expected["requests"] == paid["requests"]
        assert expected["cost_usd"]["worst"] > paid["cost_usd"]
        assert expected["cost_usd"]["low"] <= expected["cost_usd"]["high"]
    teacher = line(made, "teacher", "answers")
    assert teacher["output_tokens"] == spending.manifest["teacher"]["output_tokens"]
    assert teacher["input_tokens"] == pytest.approx(
        spending.manifest["teacher"]["input_tokens"], rel=0.05
    )
    assert teacher["cost_usd"]["expected"] == pytest.approx(
        spending.manifest["teacher"]["cost_usd"], rel=0.05
    )


def test_what_the_filters_leave_out_is_not_graded(spending: Workbench) -> None:
    spending.main(spending.words("judge=none"))

    made = estimated(spending)

    assert line(made, "teacher", "answers")["requests"] == 0
    assert line(made, "judge", "grades")["requests"] == len(QUESTIONS) - 1


def test_answers_to_come_are_filtered_as_those_that_are_there(spending: Workbench) -> None:
    spending.api.teacher = lambda prompt, body, attempt: (
        "Short." if int(prompt.split()[-4]) % 4 == 0 else good_answer(prompt, body, attempt)
    )
    many_seeds(spending, 40)
    assert spending.main(spending.words("judge=none")).status == 0
    many_seeds(spending, 60)

    ended = told(spending)
    made = estimated(spending)

    assert "75% of the answers to come pass the filters, as of the 40 here" in ended.out
    assert line(made, "judge", "grades to come")["requests"] == 15
    assert line(made, "judge", "grades to come")["worst_requests"] == 2 * 20
    assert line(made, "judge", "grades")["requests"] == 30


@pytest.mark.parametrize(
    ("words", "counted"),
    [
        pytest.param([], True, id="asked"),
        pytest.param(["--offline"], False, id="offline"),
        pytest.param(["--sample", "0"], False, id="a sample of none"),
    ],
)
def test_tokens_are_counted_by_the_provider_only_where_it_may_be_asked(
    spending: Workbench, words: Sequence[str], counted: bool
) -> None:
    made = estimated(spending, *words)

    how = line(made, "teacher", "answers")["input_how"]
    assert how == ("counted by the provider" if counted else "assumed: 4 bytes a token")
    assert (spending.api.count() > 0) == counted


def test_without_a_key_no_provider_is_asked(
    spending: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    words = ["estimate", "seeds.path=seeds.jsonl", "ledger.url=ledger.db", "--json"]

    ended = spending.main(words)

    assert ended.status == 0, ended.err
    assert line(json.loads(ended.out), "teacher", "answers")["input_how"].startswith("assumed")


def test_at_most_so_many_requests_are_counted_and_always_the_same(spending: Workbench) -> None:
    many_seeds(spending, 50)
    spending.api.counts = lambda prompt, *_: 1000 + len(prompt)

    drawn = []
    for _ in range(2):
        made = estimated(spending, "--sample", "8")
        assert spending.api.count("count") == 8
        drawn.append(sorted(spending.api.prompts("count")))
        spending.api.forget()

    assert drawn[0] == drawn[1]
    how = "4 of 50 counted by the provider, the rest by their bytes"
    assert line(made, "teacher", "answers")["input_how"] == how
    assert line(made, "teacher", "answers")["input_tokens"] == pytest.approx(50 * 1150, rel=0.05)


@pytest.mark.parametrize(
    "status",
    [pytest.param(404, id="no such endpoint"), pytest.param(401, id="a refused key")],
)
def test_an_endpoint_that_does_not_count_is_named_and_bytes_do(
    spending: Workbench, status: int
) -> None:
    spending.api.counts = lambda *_: Status(status)
    spending.run("seeds.real_labels=0")
    spending.api.forget()
    many_seeds(spending, 20)

    ended = told(spending)

    assert f"not counted: HTTP {status}" in " ".join(ended.out.split())
    assert KEY not in ended.out + ended.err


def test_the_ledgers_own_requests_say_how_many_bytes_a_token_has(spending: Workbench) -> None:
    spending.api.teacher = lambda prompt, body, attempt: Message(
        good_answer(prompt, body, attempt), input_tokens=100, output_tokens=ANSWER_TOKENS
    )
    many_seeds(spending, 30)
    spending.run()
    many_seeds(spending, 60)

    made = estimated(spending, "--offline")

    answers = line(made, "teacher", "answers")
    assert answers["input_how"].endswith("bytes a token, as in 30 requests in the ledger")
    assert answers["input_tokens"] == pytest.approx(30 * 100, rel=0.05)


def test_replies_to_other_tasks_are_told_from_replies_to_this_one(spending: Workbench) -> None:
    many_seeds(spending, 30)
    spending.run()

    same = line(estimated(spending, "teacher.samples=2"), "teacher", "answers")
    other = line(estimated(spending, "task.system=Be brief."), "teacher", "answers")
    bound = estimated(spending, "task=classify", "task.labels=[one,other]")

    assert same["output_how"] == "30 replies of this model for this task in the ledger"
    assert other["output_how"] == "30 replies of this model for other tasks in the ledger"
    how = "assumed: the longest reply that the schema allows"
    assert line(bound, "teacher", "answers")["output_how"] == how
    assert line(bound, "teacher", "answers")["output_tokens"] < 30 * 20


def test_without_experience_half_of_the_limit_is_assumed_and_said(spending: Workbench) -> None:
    ended = told(spending, "teacher.max_tokens=500", "judge=none")
    made = estimated(spending, "teacher.max_tokens=500", "judge=none")

    assert line(made, "teacher", "answers")["output_tokens"] == len(QUESTIONS) * 250
    assert "assumed: half of max_tokens" in ended.out
    dollars = made["cost_usd"]
    assert dollars["low"] < dollars["expected"] < dollars["high"] < dollars["worst"]


def test_the_worst_case_is_what_the_budget_would_hold(spending: Workbench) -> None:
    worst_usd = estimated(spending, "filter=none", "judge=none")["cost_usd"]["worst"]
    spending.api.teacher = lambda prompt, body, attempt: Message(
        "long", input_tokens=len(json.dumps(body)) // 2, output_tokens=1024
    )

    ended = spending.run_unjudged(f"budget.max_usd={worst_usd + 1e-6}")

    assert ended.status == 0, ended.err
    assert spending.manifest["teacher"]["cost_usd"] <= worst_usd


@pytest.mark.parametrize(
    ("max_usd", "fits", "words"),
    [
        pytest.param("null", None, "is not set", id="no cap"),
        pytest.param("100", "worst", "even the worst case fits", id="plenty"),
        pytest.param("0.2", "expected", "the worst case does not", id="some"),
        pytest.param("0", "no", "does not fit", id="none"),
    ],
)
def test_the_cap_is_compared_with_what_it_would_come_to(
    spending: Workbench, max_usd: str, fits: str | None, words: str
) -> None:
    cap = f"budget.max_usd={max_usd}"

    assert estimated(spending, cap)["budget"]["fits"] == fits
    assert words in " ".join(told(spending, cap).out.split())


def test_an_unknown_price_is_unknown_and_never_a_guess(spending: Workbench) -> None:
    model = "teacher.model=claude-unheard-of"

    made, ended = estimated(spending, model), told(spending, model)

    nothing = dict.fromkeys(("expected", "low", "high", "worst"))
    assert made["cost_usd"] == line(made, "teacher", "answers")["cost_usd"] == nothing
    assert line(made, "judge", "grades to come")["cost_usd"]["worst"] > 0
    assert "No price is known for claude-unheard-of" in ended.out


def test_the_price_list_is_named_with_its_date(spending: Workbench) -> None:
    assert "state of 2026-" in told(spending).out


LABELLED = ("task=classify", "task.labels=[sport,tech]", "heldout.path=heldout.jsonl")


@pytest.mark.parametrize(
    ("overrides", "held_out"),
    [
        pytest.param(("student=classifier",), 5, id="evaluated"),
        pytest.param(("student=classifier", "evaluate.teacher=false"), 0, id="without teacher"),
        pytest.param(("student=none",), 0, id="no student"),
    ],
)
def test_the_held_out_items_are_asked_where_the_run_would_ask_them(
    spending: Workbench, overrides: tuple[str, ...], held_out: int
) -> None:
    rows = [{"question": f"text {i}", "label": ("sport", "tech")[i % 2]} for i in range(8)]
    spending.write("seeds.jsonl", rows)
    held = [{"question": f"held {i}", "reference_answer": "sport"} for i in range(5)]
    spending.write("heldout.jsonl", held)
    words = spending.words(*LABELLED, "seeds.real_labels=4", *overrides)[1:]

    ended = spending.main(["estimate", "--json", *words])

    assert ended.status == 0, ended.err
    asked = {one["what"]: one["requests"] for one in json.loads(ended.out)["lines"]}
    assert asked == {"answers": 4} | ({"held-out": held_out} if held_out else {})


def test_the_canaries_of_a_run_are_part_of_it(spending: Workbench) -> None:
    words = ("--offline", "drift.questions=3", "drift.samples=4")

    made = estimated(spending, *words)

    assert line(made, "teacher", "canaries")["requests"] == 3 * 4
    assert line(made, "teacher", "answers")["requests"] == len(QUESTIONS)


@pytest.mark.parametrize("key", ["judge.mode", "judge.via.mode"])
def test_a_batch_is_estimated_at_half_the_price(spending: Workbench, key: str) -> None:
    online = estimated(spending, "--offline")
    batch = estimated(spending, "--offline", "teacher.mode=batch", f"{key}=batch")

    for name in ("expected", "worst"):
        whole_usd = online["cost_usd"][name]
        assert batch["cost_usd"][name] == pytest.approx(whole_usd / 2, abs=2e-6)
    assert {one["mode"] for one in batch["lines"]} == {"batch"}
    assert "in batches" in told(spending, "--offline", "teacher.mode=batch").out


def test_what_ends_a_run_before_its_first_call_ends_the_estimate(spending: Workbench) -> None:
    spending.write("heldout.jsonl", [{"question": QUESTIONS[0], "reference_answer": "a"}])

    ended = spending.main(["estimate", *spending.with_judge("heldout.path=heldout.jsonl")[1:]])

    assert ended.status == 2
    assert "guard.contamination" in ended.err
    assert spending.api.count() == 0


def test_points_of_a_sweep_pay_for_what_they_share_once(spending: Workbench) -> None:
    swept = ("-m", "judge.threshold=0.5,0.6,0.7")
    alone = estimated(spending, "--offline")

    made = estimated(spending, "--offline", *swept)

    assert made["points"] == 3
    assert made["cost_usd"] == alone["cost_usd"]


def test_points_that_differ_in_what_they_ask_add_up_and_the_cap_is_for_each(
    spending: Workbench,
) -> None:
    alone = estimated(spending, "--offline", "judge=none")["cost_usd"]["worst"]
    swept = ("-m", "judge=none", "teacher.max_tokens=1024,1023", f"budget.max_usd={alone + 0.001}")

    made = estimated(spending, "--offline", *swept)

    assert made["cost_usd"]["worst"] == pytest.approx(2 * alone, rel=0.01)
    assert made["budget"]["fits"] == "worst"
    ended = told(spending, "--offline", *swept)
    assert "max_tokens 1023" in ended.out
    assert "for the dearest run alone" in " ".join(ended.out.split())


def test_what_prompt_caching_would_save_is_taken_off(spending: Workbench) -> None:
    system = "task.system=" + repr("You know the history of technology well. " * 500)
    shared = ("judge=none", "--offline", system)

    cached = estimated(spending, *shared)
    plain = estimated(spending, *shared, "teacher.prompt_cache=off")

    saved_usd = line(cached, "teacher", "answers")["cache_saves_usd"]
    difference = plain["cost_usd"]["expected"] - cached["cost_usd"]["expected"]
    assert saved_usd == pytest.approx(difference, abs=2e-6)
    assert saved_usd > 0.05
    assert "Prompt caching is expected to save" in told(spending, *shared).out


def test_a_ledger_that_cannot_be_read_is_a_sentence(spending: Workbench) -> None:
    spending.ledger.write_text("no database at all, but a text of some length " * 50)
    before = spending.files()

    ended = spending.main(["estimate", *spending.with_judge("--offline")[1:]])

    assert ended.status == 1
    assert "ledger" in ended.err
    assert not ended.has_traceback
    assert spending.files() == before


def test_a_database_without_the_ledgers_table_is_empty(spending: Workbench) -> None:
    with sqlite3.connect(spending.ledger) as connection:
        connection.execute("CREATE TABLE other (a)")
    connection.close()
    before = spending.files()

    made = estimated(spending, "--offline")

    assert line(made, "teacher", "answers")["requests"] == len(QUESTIONS)
    assert spending.files() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_ledger_in_a_folder_that_cannot_be_written_is_read(spending: Workbench) -> None:
    shared = spending.folder / "shared"
    shared.mkdir()
    url = f"ledger.url={shared / 'ledger.db'}"
    spending.run(url)
    shared.chmod(0o500)
    try:
        made = estimated(spending, url)
    finally:
        shared.chmod(0o700)

    assert [one["requests"] for one in made["lines"]] == [0, 0]


def test_an_unknown_flag_is_named(spending: Workbench) -> None:
    ended = spending.main(["estimate", "--no-such-flag"])

    assert ended.status == 2
    assert "--no-such-flag" in ended.err


def test_a_sample_is_a_number(spending: Workbench) -> None:
    assert spending.main(["estimate", "--sample", "-1"]).status == 2
    assert spending.main(["estimate", "--sample", "many"]).status == 2
