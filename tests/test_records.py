"""Every fault of every kind of file is found, with its line, and nothing else comes out."""

from __future__ import annotations

import csv
import datetime
import gzip
import hashlib
import io
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distill.errors import DataError, UserError
from distill.records import Records, read_records
from distill.records.faults import MAX_FAULTS
from distill.records.lines import MAX_LINE_BYTES
from distill.records.strict_json import MAX_DEPTH
from distill.seeds.file import SCHEMA, seeds_shape

SHAPE = seeds_shape(100_000)
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(content: bytes | str, name: str = "seeds.jsonl") -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return written


def parquet(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer)
    return buffer.getvalue()


def read(source: str) -> Records:
    return read_records(source, SHAPE)


def faults_of(source: str) -> list[str]:
    """Return every fault as `line: text`, without the file's name."""
    with pytest.raises(DataError) as caught:
        read(source)
    return [str(fault).removeprefix(source).removeprefix(":") for fault in caught.value.faults]


LINE_FAULTS = [
    pytest.param(b'{"question": "a",}', "malformed JSON at column 18", id="malformed json"),
    pytest.param(b'["a"]', "a list", id="list"),
    pytest.param(b'"a"', "a text", id="text"),
    pytest.param(b"null", "null", id="null"),
    pytest.param(b"12", "a number", id="number"),
    pytest.param(b"   ", "a blank line", id="blank line"),
    pytest.param(b"{}", "no question", id="no question"),
    pytest.param(b'{"question": null}', "no question", id="null question"),
    pytest.param(b'{"question": ""}', "question ''", id="empty question"),
    pytest.param(b'{"question": " \\u200b\\t"}', "which is blank", id="invisible question"),
    pytest.param(b'{"question": 5}', "question 5, want text", id="number as question"),
    pytest.param(b'{"question": ["a"]}', "question ['a'], want text", id="list as question"),
    pytest.param(b'{"question": "a", "id": 7}', "id 7, want text", id="number as id"),
    pytest.param(b'{"question": "a", "id": ""}', "id '', which is blank", id="blank id"),
    pytest.param(b'{"question": "a", "slice": {}}', "slice {}, want text", id="object as slice"),
    pytest.param(b'{"question": "a", "label": true}', "label true, want text", id="bool as label"),
    pytest.param(
        b'{"question": "a", "answer": 1.5}', "answer 1.5, want text", id="float as answer"
    ),
    pytest.param(
        b'{"question": "a", "reference_answer": 18}',
        'reference_answer 18, want text.\n  hint: write it as text, "18"',
        id="number as reference",
    ),
    pytest.param(
        b'{"question": "a", "origin": "Human"}',
        "origin 'Human', want one of log, human, synthetic.\n  hint: did you mean human?",
        id="unknown origin",
    ),
    pytest.param(b'{"question": "a", "n": NaN}', "NaN, which is not JSON", id="nan"),
    pytest.param(b'{"question": "a", "n": -Infinity}', "-Infinity, which", id="infinity"),
    pytest.param(b'{"question": "a", "n": 1e999}', "1e999, which is infinite", id="huge float"),
    pytest.param(
        b'{"question": "a", "n": ' + b"9" * 10_000 + b"}", "thousands of digits", id="huge integer"
    ),
    pytest.param(b'{"question": "a", "question": "b"}', "key 'question' twice", id="key twice"),
    pytest.param(b'{"question": "a", "x": [{"y": 1, "y": 2}]}', "key 'y' twice", id="inner twice"),
    pytest.param(b'{"question": "a\\ud800"}', "\\ud800, half of a", id="lone surrogate"),
    pytest.param(b'{"question": "a", "\\uDC00": 1}', "\\udc00, half of a", id="surrogate key"),
    pytest.param(b'{"question": "a\xff"}', "byte 0xff at byte 16", id="invalid utf-8"),
    pytest.param(b'{"question": "a\0"}', "a NUL byte at column 16", id="nul byte"),
    pytest.param(b'{"question": "a\\u0000"}', "a NUL at character 2", id="escaped nul"),
    pytest.param(b'{"question": "' + b"a" * 100_001 + b'"}', "of 100001 char", id="long question"),
    pytest.param(b'{"question": "' + b"a" * 10**6 + b'"}', "of 1000000 char", id="megabyte"),
    pytest.param(b"[" * 100_000, "deeply nested JSON", id="recursion bomb"),
    pytest.param(
        b'{"question": "a", "x": ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}",
        "deeply nested JSON",
        id="one level too deep",
    ),
    pytest.param(b"x" * (MAX_LINE_BYTES + 1), f"a line of {MAX_LINE_BYTES + 2} bytes", id="line"),
]


@pytest.mark.parametrize(("line", "told"), LINE_FAULTS)
def test_a_faulty_line_is_named_and_hides_no_other(write: Write, line: bytes, told: str) -> None:
    good = b'{"question": "fine %d"}\n'
    faults = faults_of(write(good % 1 + line + b"\n" + good % 2 + b'{"question": 5}\n'))
    assert [fault.split(":")[0] for fault in faults] == ["2", "4"]
    assert told in faults[0]


FILE_FAULTS = [
    pytest.param(b"", "x.jsonl", "got an empty file", id="empty"),
    pytest.param(b"\n", "x.jsonl", ":1: got a blank line", id="newline only"),
    pytest.param(b"", "x.csv", "got an empty file", id="empty csv"),
    pytest.param(b"question\n", "x.csv", "got no rows", id="header only"),
    pytest.param(b"", "x.parquet", "got an empty file", id="empty parquet"),
    pytest.param(b'\xef\xbb\xbf{"question": "a"}\n', "x.jsonl", ":1: got a byte order", id="bom"),
    pytest.param(b"\xef\xbb\xbfquestion\na\n", "x.csv", ":1: got a byte order", id="csv bom"),
    pytest.param('{"question": "a"}'.encode("utf-16"), "x.jsonl", "got UTF-16", id="utf-16"),
    pytest.param('{"question": "a"}'.encode("utf-16-le"), "x.jsonl", "NUL byte", id="utf-16-le"),
    pytest.param('{"question": "a"}'.encode("utf-16-be"), "x.jsonl", "NUL byte", id="utf-16-be"),
    pytest.param(gzip.compress(b"{}"), "x.jsonl", "got a gzip file", id="gzip by content"),
    pytest.param(gzip.compress(b"{}"), "x.jsonl.gz", "the ending .gz", id="gzip by name"),
    pytest.param(b"PK\x03\x04", "x.csv", "zip or spreadsheet", id="spreadsheet"),
    pytest.param(parquet(question=["a"]), "x.jsonl", "got a Parquet file", id="parquet content"),
    pytest.param(b"{}", "x", "a name without an ending", id="no ending"),
    pytest.param(b'[\n{"question": "a"}\n]\n', "x.json", "spread over lines", id="list of lines"),
    pytest.param(b'[{"question": "a"},\n{}]\n', "x.json", "spread over lines", id="wrapped list"),
    pytest.param(b'{\n"question": "a"\n}\n', "x.json", "spread over lines", id="pretty-printed"),
    pytest.param(b'{"question": "a"}\r{}', "x.jsonl", "end in \\r alone", id="old line ends"),
    pytest.param(b"x;y\n1;2\n", "x.csv", "separate cells by commas", id="semicolons"),
    pytest.param(b"question,a,a\nx,1,2\n", "x.csv", "['a'] twice", id="column twice"),
    pytest.param(b"hello", "x.parquet", "got a damaged one", id="no parquet"),
    pytest.param(parquet(question=["a"])[:-9], "x.parquet", "got a damaged one", id="cut parquet"),
    pytest.param(parquet(x=["a"]), "x.parquet", "the columns ['x']", id="parquet columns"),
    pytest.param(parquet(question=[1, 2]), "x.parquet", "question of Int64", id="parquet type"),
    pytest.param(
        parquet(question=["a"], raw=[b"x"]), "x.parquet", "raw of Binary", id="parquet bytes"
    ),
]


@pytest.mark.parametrize(("content", "name", "told"), FILE_FAULTS)
def test_a_file_of_the_wrong_kind_has_one_fault(
    write: Write, content: bytes, name: str, told: str
) -> None:
    source = write(content, name)
    with pytest.raises(DataError) as caught:
        read(source)
    assert len(caught.value.faults) == 1
    assert str(caught.value).startswith(source)
    assert told in str(caught.value)


def test_a_file_of_a_byte_order_mark_alone_is_also_told_to_be_empty(write: Write) -> None:
    faults = faults_of(write(b"\xef\xbb\xbf"))
    assert ["byte order mark" in faults[0], "at least one row" in faults[1]] == [True, True]


def test_windows_line_ends_are_one_fault_at_their_first_line(write: Write) -> None:
    faults = faults_of(write(b'{"question": "a"}\n{"question": "b"}\r\n{"question": "c"}\r\n'))
    assert len(faults) == 1
    assert faults[0].startswith("2: got a line that ends in \\r\\n")
    assert "sed -i 's/\\r$//' FILE" in faults[0]


def test_an_invalid_byte_is_placed_in_the_whole_file(write: Write) -> None:
    content = b'{"question": "a"}\n{"question": "\xff"}\n'
    assert f"offset {content.index(255)} of the file" in faults_of(write(content))[0]


def test_an_id_that_stands_twice_names_both_lines(write: Write) -> None:
    rows = '{"id": "z", "question": "a"}\n{"question": "b"}\n{"id": "z", "question": "c"}\n'
    assert faults_of(write(rows)) == ["3: got id 'z', which line 1 has too, want each id once."]


def test_an_id_counts_even_where_its_row_has_another_fault(write: Write) -> None:
    rows = '{"id": "z", "question": 5}\n{"id": "z", "question": "c"}\n'
    assert [fault[:2] for fault in faults_of(write(rows))] == ["1:", "2:"]


def test_a_question_twice_without_ids_names_both_lines(write: Write) -> None:
    faults = faults_of(write('{"question": "a"}\n{"question": "b"}\n{"question": "a"}\n'))
    assert len(faults) == 1
    assert faults[0].startswith("3: got the question of line 1 again, and no id")


def test_an_id_that_a_later_sample_would_bear_is_a_fault(write: Write) -> None:
    rows = '{"id": "a#2", "question": "x"}\n{"id": "a", "question": "y"}\n'
    faults = faults_of(write(rows))
    assert len(faults) == 1
    assert "1: got id 'a#2', the name of a later sample of line 2" in faults[0]


def test_an_id_with_a_number_sign_is_fine_where_no_other_row_is_meant(write: Write) -> None:
    assert read(write('{"id": "a#2", "question": "x"}\n')).frame["id"].to_list() == ["a#2"]


def test_a_missing_question_is_guessed_from_the_other_keys(write: Write) -> None:
    assert "hint: rename Question to question" in faults_of(write('{"Question": "a"}'))[0]
    assert "hint: rename prompt to question" in faults_of(write('{"prompt": "a"}'))[0]


def test_reading_stops_after_so_many_faults_and_says_so(write: Write) -> None:
    faults = faults_of(write("{}\n" * (MAX_FAULTS + 10)))
    assert len(faults) == MAX_FAULTS + 1
    assert faults[-1] == f"{MAX_FAULTS}: reading stopped here, after {MAX_FAULTS} faults."


def test_the_digest_is_that_of_the_bytes(write: Write) -> None:
    content = '{"question": "ä 🙂"}\n{"question": "b"}'.encode()
    records = read(write(content))
    assert records.sha256 == hashlib.sha256(content).hexdigest()
    assert records.frame["question"].to_list() == ["ä 🙂", "b"]


def test_an_escaped_pair_of_surrogates_is_one_character(write: Write) -> None:
    assert read(write(b'{"question": "\\ud83d\\ude42"}')).frame["question"].to_list() == ["🙂"]


def test_the_deepest_nesting_that_is_allowed_is_kept(write: Write) -> None:
    nest = "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    frame = read(write(f'{{"question": "a", "x": {nest}}}')).frame
    assert frame["extra"].to_list() == [f'{{"x":{nest}}}']


def test_csv_rows_carry_the_line_that_they_begin_on(write: Write) -> None:
    content = 'question,origin\n"two\nlines",robot\n"bad"x,log\n\nshort\n,log\nfine,log\n'
    faults = faults_of(write(content, "x.csv"))
    assert [fault.split(":")[0] for fault in faults] == ["2", "4", "5", "6", "7"]


def test_csv_takes_what_a_spreadsheet_writes(write: Write) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([["question", "label", "n"], ["a, b", "18", ""], ["two\nlines", "", "7"]])
    assert "\r\n" in text.getvalue()
    frame = read(write(text.getvalue(), "x.csv")).frame
    assert frame["question"].to_list() == ["a, b", "two\nlines"]
    assert frame["reference"].to_list() == ["18", None]
    assert frame["extra"].to_list() == [None, '{"n":"7"}']


def test_csv_leaves_the_limit_of_the_process_as_it_was(write: Write) -> None:
    before = csv.field_size_limit()
    frame = read(write(f'question,x\na,"{"y" * (before + 1)}"\n', "x.csv")).frame
    assert frame.height == 1
    assert csv.field_size_limit() == before


def test_parquet_takes_the_types_that_tables_hold(write: Write) -> None:
    content = parquet(
        question=["a", "b"],
        label=pl.Series(["x", None], dtype=pl.Categorical),
        day=[datetime.date(2026, 1, 2), None],
        score=[0.5, float("nan")],
        nested=[{"list": [1, 2]}, {"list": []}],
    )
    frame = read(write(content, "x.parquet")).frame
    assert frame["reference"].to_list() == ["x", None]
    assert frame["extra"].to_list() == [
        '{"day":"2026-01-02","nested":{"list":[1,2]},"score":0.5}',
        '{"nested":{"list":[]}}',
    ]


def test_parquet_faults_name_the_row(write: Write) -> None:
    faults = faults_of(write(parquet(question=["a", None, "c", " "]), "x.parquet"))
    assert [fault.split(":")[0] for fault in faults] == ["2", "4"]


def test_damaged_parquet_is_told_and_never_ends_the_process(write: Write) -> None:
    whole = parquet(question=[f"question {i}" for i in range(50)], n=list(range(50)))
    for at in range(4, len(whole) - 4, 37):
        source = write(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :], "x.parquet")
        check_outcome(source)


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    source = str(tmp_path / "x.jsonl")
    os.mkfifo(source)
    assert "got a pipe" in faults_of(source)[0]


def test_a_device_that_never_ends_is_refused() -> None:
    assert "a device" in faults_of("/dev/zero")[0]


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("x.jsonl")
        assert faults_of("x.jsonl")[0].startswith(" cannot be opened")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert "got a directory, want a file" in faults_of(str(tmp_path))[0]


def test_a_missing_file_is_told_with_its_likely_name(write: Write, tmp_path: Path) -> None:
    write("{}", "questions.jsonl")
    fault = faults_of(str(tmp_path / "question.jsonl"))[0]
    assert "no such file" in fault
    assert "did you mean" in fault
    assert "questions.jsonl" in fault


def test_an_ending_that_two_names_share_does_not_make_them_alike(
    write: Write, tmp_path: Path
) -> None:
    write("{}", "mix.jsonl")
    fault = faults_of(str(tmp_path / "nope.jsonl"))[0]
    assert "looked in" in fault
    assert "mix.jsonl" not in fault
    assert "did you mean" in faults_of(str(tmp_path / "mix.json"))[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(write: Write) -> None:
    source = write("{}")
    Path(source).chmod(0)
    assert "Permission denied" in faults_of(source)[0]


@pytest.mark.parametrize("source", ["a\0b.jsonl", "x" * 5000 + ".jsonl"])
def test_an_impossible_name_is_told(source: str) -> None:
    assert "cannot be opened" in faults_of(source)[0]


def test_a_name_that_is_no_utf8_can_be_printed(tmp_path: Path) -> None:
    source = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jsonl")
    Path(source).write_text('{"question": "a"}\n')
    assert read(source).source.encode().endswith(b"\\udcff.jsonl")


HUB_PACKAGE = """
class ClassLabel:
    names = ["no", "yes"]

class Loaded(list):
    features = {"question": object(), "label": ClassLabel()}

def get_dataset_split_names(name, config):
    return ["train", "test"] if name == "owner/two" else ["train"]

def load_dataset(name, config, *, split):
    if name == "owner/gone":
        raise ConnectionError("cannot reach the hub")
    rows = [{"question": f"{name} {config} {split}", "label": 1}, {"question": "b", "label": -1}]
    return Loaded(rows)
"""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "datasets.py").write_text(HUB_PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "datasets", raising=False)


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("source", "asked"),
    [
        pytest.param("hf://owner/name/test", "owner/name None test", id="split"),
        pytest.param("hf://owner/name:main/test", "owner/name main test", id="config and split"),
        pytest.param("owner/name", "owner/name None train", id="only split"),
    ],
)
def test_a_hugging_face_name_is_loaded(source: str, asked: str) -> None:
    records = read(source)
    assert records.frame["question"].to_list() == [asked, "b"]
    assert records.frame["reference"].to_list() == ["yes", None]
    lines = f'{{"label":"yes","question":"{asked}"}}\n{{"label":null,"question":"b"}}\n'
    assert records.sha256 == hashlib.sha256(lines.encode()).hexdigest()


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("source", "told"),
    [
        pytest.param("owner/two", "hint: hf://owner/two/train", id="several splits"),
        pytest.param("hf://owner/gone/train", "cannot reach the hub", id="unreachable"),
        pytest.param("hf://owner", "want hf://owner/name", id="no name"),
    ],
)
def test_a_hugging_face_name_that_cannot_be_loaded_is_told(source: str, told: str) -> None:
    with pytest.raises(UserError, match=r"^(hf://)?owner") as caught:
        read(source)
    assert told in str(caught.value)


def test_a_hugging_face_name_without_the_package_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match="package `datasets`") as caught:
        read("owner/name")
    assert "pip install datasets" in str(caught.value)


def test_a_missing_file_beside_others_is_no_hugging_face_name(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    assert faults_of("data/seeds")[0].startswith(" no such file")


def check_outcome(source: str) -> None:
    """See that a file is read whole or refused with faults that name it."""
    refusal: UserError | None = None
    try:
        frame = read(source).frame
    except UserError as error:
        refusal = error
    if refusal is not None:
        assert str(refusal).startswith(source)
        assert str(refusal).encode()
        return
    assert dict(frame.schema) == SCHEMA
    assert frame.height > 0
    assert frame["id"].n_unique() == frame.height
    assert all(question.strip() for question in frame["question"])
    assert set(frame["origin"]) <= {"log", "human", "synthetic"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
keys = st.sampled_from(["question", "id", "origin", "label", "answer", "slice", "x"])
MARKS = b'{ } [ ] : , " \\ \\ud800 \xff \0 \xef\xbb\xbf NaN 1e999 null PAR1'
NAMES = b'"question" "id" "label" "a" "b" question,id'
fragments = st.sampled_from([b"\n", b"\r\n", b" ", *MARKS.split(b" "), *NAMES.split(b" ")])


@st.composite
def json_lines(draw: st.DrawFn) -> bytes:
    rows = draw(st.lists(st.dictionaries(keys, json_values), max_size=5))
    return "\n".join(json.dumps(row) for row in rows).encode()


@settings(
    max_examples=300,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    content=st.binary(max_size=200) | st.lists(fragments, max_size=30).map(b"".join) | json_lines(),
    ending=st.sampled_from([".jsonl", ".csv", ".parquet"]),
)
def test_no_input_makes_anything_but_faults_or_a_valid_frame(
    tmp_path: Path, content: bytes, ending: str
) -> None:
    path = tmp_path / f"x{ending}"
    path.write_bytes(content)
    check_outcome(str(path))
