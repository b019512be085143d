"""Runs that fail, wholly or in part: what is told, what is left, what the next run pays for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fake_api import CUT, Message, Raw, Status, good_answer
from workbench import KEY, QUESTIONS, Workbench

RETIREMENT = "default::distill.models.pins.RetirementWarning"


def one_clear_end(ended: Any, *statuses: int) -> None:
    """See that a command ended in a sentence of its own and not in a stack."""
    assert ended.status in statuses, ended.err
    assert not ended.has_traceback, ended.err
    assert ended.err.startswith("distill: ")


@pytest.mark.parametrize("code", [401, 402, 403])
def test_a_refused_key_ends_in_a_sentence_before_anything_is_asked(
    bench: Workbench, code: int
) -> None:
    bench.api.model_status = code
    ended = bench.run()

    one_clear_end(ended, 1, 2)
    assert str(code) in ended.err
    assert bench.api.count("teacher", "judge") == 0
    assert not bench.out.exists()


def test_a_key_that_is_refused_at_the_first_request_stops_the_run(bench: Workbench) -> None:
    bench.api.teacher = lambda *_: Status(401, "invalid x-api-key", "authentication_error")
    ended = bench.run("teacher.concurrency=1")

    one_clear_end(ended, 1, 2)
    assert "invalid x-api-key" in ended.err
    assert KEY not in ended.err
    assert bench.api.count("teacher") == 1


def test_a_missing_key_is_told_with_the_name_of_its_variable(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    ended = bench.main(
        ["run", "seeds.path=seeds.jsonl", "tracking=none", "judge=none", "paths.out=out"]
    )

    one_clear_end(ended, 2)
    assert "ANTHROPIC_API_KEY" in ended.err
    assert not (bench.folder / "out").exists()


def test_an_endpoint_on_this_machine_does_without_a_key(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    ended = bench.run()

    assert ended.status == 0, ended.err


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(Status(500, "overheated"), id="500"),
        pytest.param(Status(529, "overloaded", "overloaded_error"), id="529"),
        pytest.param(Status(404, "no such model", "not_found_error"), id="404"),
        pytest.param(CUT, id="cut"),
        pytest.param(Raw(b"<html>gateway</html>"), id="no JSON"),
        pytest.param(Raw(b"[]"), id="a list"),
        pytest.param(Raw(b'{"type": "message"}'), id="half a message"),
    ],
)
def test_an_endpoint_that_fails_always_ends_in_a_sentence(bench: Workbench, told: Any) -> None:
    bench.api.teacher = lambda *_: told
    ended = bench.run()

    one_clear_end(ended, 1)
    assert "teacher" in ended.err
    assert not bench.out.exists()


def test_an_endpoint_that_is_not_there_ends_in_a_sentence(bench: Workbench) -> None:
    ended = bench.run_unjudged("teacher.base_url=http://127.0.0.1:9")

    one_clear_end(ended, 1)


def test_a_lost_connection_is_tried_again(bench: Workbench) -> None:
    bench.api.teacher = lambda prompt, body, attempt: CUT if attempt == 0 else "an answer"
    bench.write("seeds.jsonl", [{"question": QUESTIONS[0]}])
    ended = bench.run_unjudged("teacher.max_retries=2")

    assert ended.status == 0, ended.err
    assert bench.api.count("teacher") == 2
    assert bench.manifest["teacher"]["requests"] == 1


def test_some_failures_become_rows_and_the_next_run_asks_for_those_only(bench: Workbench) -> None:
    down = True

    def teacher(prompt: str, body: Mapping[str, Any], attempt: int) -> Any:
        bad = down and ("metals" in prompt or "vaccines" in prompt)
        return Status(500, "overheated") if bad else good_answer(prompt, body, attempt)

    bench.api.teacher = teacher
    ended = bench.run()
    assert ended.status == 0, ended.err
    assert bench.reasons == {"s3": "generate/error", "s4": "generate/error"}
    assert "overheated" in bench.table.filter(id="s3")["detail"].item()
    assert bench.manifest["teacher"]["failed"] == 2

    down = False
    bench.api.forget()
    ended = bench.run()

    assert ended.status == 0, ended.err
    assert (bench.api.count("teacher"), bench.api.count("judge")) == (2, 2)
    assert bench.manifest["rows"] == len(QUESTIONS)


def test_a_request_that_fails_for_ever_gives_the_same_run_every_time(bench: Workbench) -> None:
    bench.api.teacher = lambda prompt, body, attempt: (
        Status(400, "prompt is too long", "invalid_request_error")
        if "metals" in prompt
        else good_answer(prompt, body, attempt)
    )
    digests = set()
    for _ in range(2):
        ended = bench.run()
        assert ended.status == 0, ended.err
        assert bench.reasons == {"s3": "generate/error"}
        digests.add(bench.manifest["dataset_sha256"])
    assert len(digests) == 1


def test_a_failing_run_leaves_the_earlier_run_as_it_was(bench: Workbench) -> None:
    bench.run()
    before = bench.files(bench.out)
    bench.api.grade = lambda *_: Status(401, "key expired", "authentication_error")

    ended = bench.run("judge.model=claude-sonnet-5")

    assert ended.status != 0
    assert bench.files(bench.out) == before


def test_a_failing_run_does_not_take_empty_folders_of_others_along(bench: Workbench) -> None:
    bench.out.parent.mkdir()
    bench.api.teacher = lambda *_: Status(401)

    bench.run()

    assert bench.out.parent.exists()


def test_a_lone_surrogate_in_a_reply_neither_hangs_nor_breaks_the_run(bench: Workbench) -> None:
    bench.api.teacher = lambda prompt, body, attempt: (
        "half an emoji \ud83d here" if "metals" in prompt else good_answer(prompt, body, attempt)
    )
    ended = bench.process(bench.words("judge=none", "filter=none"), timeout_s=30)

    assert ended.status == 0, ended.err
    assert not ended.has_traceback


def test_not_a_number_in_a_reply_is_a_failed_request(bench: Workbench) -> None:
    body = {
        "model": "claude-opus-4-5-20251101",
        "content": [{"type": "text", "text": "an answer"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1, "speed": float("nan")},
    }
    bench.api.teacher = lambda prompt, sent, attempt: (
        Raw(json.dumps(body).encode()) if "metals" in prompt else "an answer"
    )
    ended = bench.run_unjudged()

    assert ended.status == 0, ended.err
    assert set(bench.reasons) <= {"s3"}


def test_another_model_than_the_pinned_one_stops_the_run(bench: Workbench) -> None:
    bench.api.teacher = lambda *_: Message("hello", model="claude-opus-4-6")
    ended = bench.run("teacher.concurrency=1")

    one_clear_end(ended, 1)
    assert "claude-opus-4-6" in ended.err
    assert "claude-opus-4-5-20251101" in ended.err
    assert bench.api.count("teacher") == 1
    assert not bench.out.exists()


def test_another_model_out_of_the_ledger_stops_the_run_too(bench: Workbench) -> None:
    bench.api.teacher = lambda *_: Message("hello", model="claude-opus-4-6")
    bench.run_unjudged("teacher.served_check=record")
    bench.api.forget()

    ended = bench.run_unjudged()

    one_clear_end(ended, 1)
    assert bench.api.count() == 0


def test_another_model_is_recorded_where_that_is_wanted(bench: Workbench) -> None:
    bench.api.teacher = lambda prompt, body, attempt: Message(
        good_answer(prompt, body, attempt),
        model="gateway/opus" if "metals" in prompt else None,
    )
    ended = bench.run("teacher.served_check=record")

    assert ended.status == 0, ended.err
    assert bench.manifest["teacher"]["served"] == ["claude-opus-4-5-20251101", "gateway/opus"]
    assert bench.table.filter(id="s3")["served_model"].item() == "gateway/opus"


def test_a_judge_that_is_another_model_stops_the_run(bench: Workbench) -> None:
    bench.api.grade = lambda *_: Message("{}", model="claude-haiku-4-5-20251001")
    ended = bench.run()

    one_clear_end(ended, 1)
    assert "claude-haiku-4-5-20251001" in ended.err


def test_a_retired_model_stops_the_run_before_anything_is_asked(bench: Workbench) -> None:
    bench.api.models["claude-opus-4-5-20251101"] = {"lifecycle": "retired"}
    ended = bench.run()

    one_clear_end(ended, 1)
    assert "retired" in ended.err
    assert bench.api.count("teacher") == 0


@pytest.mark.filterwarnings(RETIREMENT)
@pytest.mark.parametrize("ending", ["T00:00:00Z", "T00:00:00+00:00", ""])
def test_a_near_retirement_is_a_warning_with_its_date(bench: Workbench, ending: str) -> None:
    soon = f"{datetime.now(UTC) + timedelta(days=10):%Y-%m-%d}"
    about = {"lifecycle": "deprecated", "retires_at": f"{soon}{ending}"}
    bench.api.models["claude-opus-4-5-20251101"] = about
    ended = bench.run()

    assert ended.status == 0, ended.err
    assert ended.err.startswith("warning: teacher.model")
    assert f"retires on {soon}" in ended.err


def test_a_retirement_that_is_past_stops_the_run_and_the_ledger_still_serves(
    bench: Workbench,
) -> None:
    bench.run()
    bench.api.models["claude-opus-4-5-20251101"] = {"retires_at": "2020-11-30T00:00:00Z"}
    again = bench.run()
    asked = bench.api.count("teacher")
    ended = bench.run("ledger.url=other.db")

    assert (again.status, again.err) == (0, "")
    one_clear_end(ended, 1)
    assert "teacher.model: claude-opus-4-5-20251101 was retired on 2020-11-30." in ended.err
    assert bench.api.count("teacher") == asked


def test_a_far_retirement_is_no_warning(bench: Workbench) -> None:
    about = {"lifecycle": "active", "retires_at": "2199-01-01T00:00:00Z"}
    bench.api.models["claude-opus-4-5-20251101"] = about
    ended = bench.run()

    assert (ended.status, ended.err) == (0, "")


def test_a_model_that_the_endpoint_does_not_list_is_told_with_near_names(bench: Workbench) -> None:
    gone = {"claude-opus-4-5-20251101": None}
    bench.api.models = {**gone, "claude-opus-4-6": {}, "claude-sonnet-4-6": {}}
    ended = bench.run()

    one_clear_end(ended, 1)
    assert "teacher.model: the endpoint does not know 'claude-opus-4-5-20251101'." in ended.err
    assert "it lists 'claude-opus-4-6', 'claude-sonnet-4-6'; teacher.served_check" in ended.err
    assert bench.api.count("teacher") == 0
    assert bench.run("teacher.served_check=record").status == 0


def test_a_model_that_is_not_found_where_nothing_is_listed_is_asked(bench: Workbench) -> None:
    bench.api.models["claude-opus-4-5-20251101"] = None
    ended = bench.run()

    assert (ended.status, ended.err) == (0, "")


def test_an_endpoint_without_a_model_list_is_no_obstacle(bench: Workbench) -> None:
    bench.api.model_status = 404
    ended = bench.run()

    assert (ended.status, ended.err) == (0, "")


@pytest.mark.parametrize(
    "place", ["seeds.jsonl/ledger.db", ".", "text.db"], ids=["below a file", "a folder", "a text"]
)
def test_a_ledger_that_cannot_be_opened_ends_in_a_sentence(bench: Workbench, place: str) -> None:
    (bench.folder / "text.db").write_text("no database " * 100)
    ended = bench.run(f"ledger.url={place}")

    one_clear_end(ended, 1, 2)
    assert "ledger" in ended.err
    assert bench.api.count() == 0


@pytest.mark.parametrize("url", ["nosuch://db", "mysql://me:s3cret@host/db", "postgresql://:"])
def test_a_ledger_url_that_cannot_serve_ends_in_a_sentence(bench: Workbench, url: str) -> None:
    ended = bench.run(f"ledger.url='{url}'")

    one_clear_end(ended, 1, 2)
    assert "s3cret" not in ended.err
    assert "want a path or a SQLAlchemy URL of SQLite or PostgreSQL" in ended.err
    assert "distill[postgres]" not in ended.err
    assert bench.api.count() == 0


def test_an_out_folder_that_is_a_file_ends_in_a_sentence(bench: Workbench) -> None:
    ended = bench.run("paths.out=seeds.jsonl")

    one_clear_end(ended, 2)
    assert "paths.out" in ended.err
    assert bench.api.count() == 0


def test_a_label_that_the_task_does_not_have_is_told_before_anything_is_spent(
    bench: Workbench,
) -> None:
    bench.write(
        "seeds.jsonl",
        [{"question": f"{q} {k}", "label": "sprot"} for k in range(2) for q in QUESTIONS],
    )
    ended = bench.main(
        bench.words(
            "task=classify",
            "task.labels=[sport,politics]",
            "student=classifier",
            "seeds.real_labels=2",
        )
    )

    one_clear_end(ended, 2)
    assert "sprot" in ended.err
    assert bench.api.count() == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(b'{"question": "whole"', "JSON", id="malformed"),
        pytest.param(b'{"question": ""}', "blank", id="empty"),
        pytest.param(b'{"question": 5}', "text", id="wrong type"),
        pytest.param(b'{"id": "a", "question": "again"}', "a", id="duplicate id"),
        pytest.param(b'{"question": "caf\xe9"}', "UTF-8", id="invalid UTF-8"),
        pytest.param(b'{"question": "q", "origin": "web"}', "origin", id="origin"),
        pytest.param(b'{"question": "' + b"x" * 2**20 + b'"}', "100000", id="1 MB"),
    ],
)
def test_a_faulty_seed_is_told_by_file_and_line_and_nothing_is_written_or_spent(
    bench: Workbench, line: bytes, said: str
) -> None:
    good = b'{"id": "a", "question": "a good one"}\n'
    (bench.folder / "seeds.jsonl").write_bytes(good + line + b"\n")
    before = bench.files()
    ended = bench.run()

    one_clear_end(ended, 2)
    assert "seeds.jsonl:2" in ended.err
    assert said in ended.err
    assert bench.files() == before
    assert bench.api.count() == 0


def test_faults_of_the_held_out_file_stop_the_run_too(bench: Workbench) -> None:
    bench.write("heldout.jsonl", [{"question": "what?", "answer": "that"}])
    ended = bench.run("heldout.path=heldout.jsonl")

    one_clear_end(ended, 2)
    assert "heldout.jsonl:1" in ended.err
    assert "reference_answer" in ended.err
    assert bench.api.count() == 0
