"""`distill check` knows what a file is, tells what it holds, and tells every fault."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distill.commands.check import MAX_QUESTION_CHARS, run
from distill.paths import conf_dir

DATA = Path(__file__).parents[2].parent / "shared" / "data"
USER = {"role": "user", "content": "Why?"}
ASSISTANT = {"role": "assistant", "content": "So."}
SYSTEM = {"role": "system", "content": "Be brief."}


def written(tmp_path: Path, *rows: Any, name: str = "x.jsonl") -> str:
    path = tmp_path / name
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        pytest.param({"messages": [USER, ASSISTANT]}, "dataset", id="messages"),
        pytest.param({"prompt": "a", "completion": "b"}, "completion dataset", id="completion"),
        pytest.param(
            {"prompt": [USER], "chosen": [ASSISTANT], "rejected": [ASSISTANT | {"content": "no"}]},
            "preference dataset",
            id="preference",
        ),
        pytest.param({"question": "a", "reference_answer": "b"}, "held-out", id="held-out"),
        pytest.param({"question": "a", "label": "b"}, "seeds", id="seeds"),
    ],
)
def test_a_file_is_read_as_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: dict[str, Any], kind: str
) -> None:
    source = written(tmp_path, row)
    assert run([source]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{source}: {kind}, fine\n")
    assert hashlib.sha256(Path(source).read_bytes()).hexdigest() in told


def test_a_kind_can_be_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = written(tmp_path, {"question": "a", "reference_answer": "b"})
    assert run(["--as", "seeds", source]) == 0
    assert ": seeds, fine" in capsys.readouterr().out
    assert run(["--as", "dataset", source]) == 2
    assert "x.jsonl:1: got messages nothing" in capsys.readouterr().out


def test_the_first_sound_row_says_what_the_file_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = written(tmp_path, [], {"messages": [USER, ASSISTANT]})
    assert run([source]) == 2
    told = capsys.readouterr().out
    assert f"{source}: dataset, 1 fault\n{source}:1: got a list" in told


def test_seeds_are_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"id": "1", "question": "one two three", "label": "a", "slice": "s", "origin": "log"},
        {"id": "2", "question": "one two three", "label": "b"},
        {"id": "3", "question": "one", "label": "a"},
        {"id": "4", "question": "four"},
    ]
    assert run([written(tmp_path, *rows)]) == 0
    lines = capsys.readouterr().out.splitlines()
    facts = {line.split()[0]: " ".join(line.split()[1:]) for line in lines[1:]}
    assert facts["rows"] == "4"
    assert facts["origins"] == "human 3, log 1"
    assert facts["slices"] == "s 1, 3 rows without"
    assert facts["references"] == "a 2, b 1, 1 row without"
    assert facts["duplicates"] == "1 question in 2 rows"
    assert facts["questions"].endswith("longest 3 words (13 characters)")


def test_every_fault_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = written(tmp_path, *({"question": i} for i in range(40)))
    assert run([source]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{source}: seeds, 40 faults"
    assert [line for line in lines if line.startswith(source)][1:] == [
        f"{source}:{i + 1}: got question {i}, want text." for i in range(40)
    ]


def test_fewer_faults_are_told_on_demand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = written(tmp_path, *({"question": []} for _ in range(5)))
    assert run(["--most", "2", source]) == 2
    assert capsys.readouterr().out.splitlines()[-1] == "… and 3 more."


def test_one_bad_file_does_not_hide_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = written(tmp_path, {"question": "a"}, name="good.jsonl")
    missing = str(tmp_path / "missing.jsonl")
    assert run([missing, "hf://nowhere", good]) == 2
    told = capsys.readouterr().out
    assert f"{missing}: no such file" in told
    assert "hf://nowhere: want hf://owner/name" in told
    assert f"{good}: seeds, fine" in told


def test_square_brackets_are_told_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = written(tmp_path, {"question": "a", "label": "[bold]x[/bold] :smile:"})
    assert run([source]) == 0
    assert "[bold]x[/bold] :smile: 1" in capsys.readouterr().out


def test_control_codes_in_the_data_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([written(tmp_path, {"question": "a", "label": "\x1b[31mred"})]) == 0
    assert "references \ufffd[31mred 1" in capsys.readouterr().out


def test_a_file_name_that_is_no_utf8_can_be_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jsonl")
    assert run([source]) == 2
    Path(source).write_text('{"question": "a"}\n')
    assert run([source]) == 0
    assert capsys.readouterr().out.count("\\udcff.jsonl") >= 3


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([USER, ASSISTANT], id="pair"),
        pytest.param([SYSTEM, USER, ASSISTANT], id="with system"),
        pytest.param([USER, ASSISTANT, USER, ASSISTANT], id="two turns"),
    ],
)
def test_a_chat_in_turn_is_fine(tmp_path: Path, messages: list[Any]) -> None:
    assert run([written(tmp_path, {"messages": messages, "id": "kept", "score": 1})]) == 0


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        pytest.param([], "got messages [], want a list of messages", id="empty"),
        pytest.param("hi", "got messages 'hi', want a list", id="text"),
        pytest.param(["hi"], "got message 1 'hi', want an object", id="no object"),
        pytest.param([SYSTEM], "want an answer by the assistant at the end", id="system alone"),
        pytest.param([USER], "want an answer by the assistant at the end", id="no answer"),
        pytest.param([USER, ASSISTANT, USER], "want an answer by the assistant", id="ends early"),
        pytest.param([ASSISTANT], "roles assistant, want user and assistant in", id="no question"),
        pytest.param([USER, USER, ASSISTANT], "roles user, user, assistant", id="user twice"),
        pytest.param([USER, SYSTEM, ASSISTANT], "roles user, system, assistant", id="late system"),
        pytest.param(
            [USER, {"role": "bot", "content": "x"}], "message 2 with role 'bot'", id="role"
        ),
        pytest.param([USER, {"role": "assistant"}], "content nothing, want text", id="no content"),
        pytest.param(
            [USER, {"role": "assistant", "content": " \n"}], "which is blank", id="blank content"
        ),
        pytest.param(
            [{**USER, "name": "x"}, ASSISTANT], "with 'name', want role and content", id="more keys"
        ),
    ],
)
def test_a_faulty_chat_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], messages: Any, told: str
) -> None:
    source = written(tmp_path, {"messages": [USER, ASSISTANT]}, {"messages": messages})
    assert run([source]) == 2
    out = capsys.readouterr().out
    assert out.startswith(f"{source}: dataset, 1 fault\n{source}:2: got ")
    assert told in out


def test_a_faulty_completion_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = written(tmp_path, {"prompt": "a", "completion": ""}, {"prompt": "a"})
    assert run(["--as", "dataset", source]) == 2
    out = capsys.readouterr().out
    assert "x.jsonl:1: got completion '', which is blank" in out
    assert "x.jsonl:2: got no completion" in out


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        pytest.param({"rejected": [ASSISTANT]}, "got chosen and rejected alike", id="alike"),
        pytest.param({"rejected": None}, "got rejected nothing, want a list", id="missing"),
        pytest.param({"prompt": "a"}, "got prompt 'a', want a list of messages", id="text"),
        pytest.param({"chosen": [USER]}, "got the roles user, user", id="roles"),
        pytest.param({"prompt": [USER, ASSISTANT]}, "got the roles user, assistant", id="turns"),
        pytest.param({"chosen": [{}]}, "got chosen message 1 with role nothing", id="no role"),
    ],
)
def test_a_faulty_preference_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, Any], told: str
) -> None:
    sound = {"prompt": [USER], "chosen": [ASSISTANT], "rejected": [ASSISTANT | {"content": "no"}]}
    source = written(tmp_path, sound, sound | changed)
    assert run([source]) == 2
    out = capsys.readouterr().out
    assert out.startswith(f"{source}: preference dataset, ")
    assert f"{source}:2: " in out
    assert told in out


def test_what_only_gold_reads_is_refused_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = written(tmp_path, {"question": "a", "answer": "b"})
    for words in (["--filter", "qa"], ["--set", "filter.min_words.min_words=1"]):
        with pytest.raises(SystemExit) as ended:
            run([source, *words])
        assert ended.value.code == 2
        assert "give --gold too" in capsys.readouterr().err


def test_the_limit_on_questions_is_that_of_the_configs() -> None:
    for group in ("seeds", "heldout"):
        config = yaml.safe_load((conf_dir() / group / "file.yaml").read_text())
        assert config["max_question_chars"] == MAX_QUESTION_CHARS


@pytest.mark.parametrize("arguments", [[], ["--most", "0", "x"], ["--as", "x", "y"]])
def test_arguments_that_cannot_be_read_end_with_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(arguments)
    assert caught.value.code == 2
    assert "usage: distill check" in capsys.readouterr().err


def test_importing_the_command_imports_nothing_heavy() -> None:
    heavy = ["mlflow", "anthropic", "sklearn", "hydra", "pyarrow", "datasets", "rich"]
    code = f"import sys, distill.commands.check; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


plain = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
message = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["system", "user", "assistant"]) | plain | st.lists(plain),
        "content": plain | st.lists(plain, max_size=2),
        "x": plain,
    },
)
row = st.fixed_dictionaries(
    {},
    optional={
        "messages": st.lists(message | plain, max_size=4) | plain,
        "prompt": st.lists(message | plain, max_size=3) | plain,
        "chosen": st.lists(message | plain, max_size=2) | plain,
        "rejected": st.lists(message | plain, max_size=2) | plain,
        "completion": plain,
        "question": plain,
        "reference_answer": plain,
        "human_score": st.floats(allow_nan=False) | plain,
    },
)


@settings(
    max_examples=200,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=st.lists(row | plain, max_size=4))
def test_any_rows_are_either_fine_or_faulty(tmp_path: Path, rows: list[Any]) -> None:
    assert run([written(tmp_path, *rows)]) in {0, 2}


@pytest.mark.skipif(not DATA.is_dir(), reason="the real data sets are not beside this checkout")
def test_all_real_files_are_fine(capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(str(path) for path in DATA.glob("*/*.jsonl"))
    assert run(files) == 0
    assert "77 different, 35 to 187 rows each" in capsys.readouterr().out
