"""Responses go out into files and come back, whole or not at all, and nothing false comes in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from entries import entry_of, keyed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from workbench import Workbench

from distill.errors import DataError, UserError
from distill.ledger import Ledger
from distill.ledger.transfer import (
    Imported,
    check_files,
    export_entries,
    import_file,
    moment,
)


def import_files(ledger: Ledger, files: Sequence[Path]) -> list[Imported]:
    check_files(files)
    return [import_file(ledger, file) for file in files]


ENTRIES = [entry_of(f"é雪 {i}\u2028\x1f", answer=f"\U0001f600 {i}") for i in range(1200)]
BY_KEY = sorted(ENTRIES, key=lambda entry: entry.key)


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_what_goes_out_comes_back(url: str, tmp_path: Path, ending: str) -> None:
    file, again = tmp_path / f"a{ending}", tmp_path / f"b{ending}"
    with Ledger(url) as ledger, Ledger(str(tmp_path / "other.db")) as other:
        ledger.put(ENTRIES)
        assert export_entries(ledger, file) == len(ENTRIES)
        [done] = import_files(other, [file])
        assert (done.read, done.added, done.known) == (1200, 1200, 0)
        assert list(other.entries()) == BY_KEY
        assert export_entries(other, again) == len(ENTRIES)
        [done] = import_files(ledger, [again])
        assert (done.read, done.added, done.known) == (1200, 0, 1200)
    assert file.read_bytes() == again.read_bytes()


def test_a_file_that_changes_after_it_was_checked_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(lines_of(GOOD))
    check_files([file])
    file.write_text(lines_of(GOOD | {"sample": 3}))
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        with pytest.raises(DataError, match="a key that belongs to its request"):
            import_file(ledger, file)
        assert ledger.count() == 0


def test_a_model_and_a_time_choose_what_goes_out(url: str, tmp_path: Path) -> None:
    old = replace(entry_of("old"), created_at="2025-12-31T23:59:59Z")
    new = replace(entry_of("new"), created_at="2026-01-01T00:00:00Z")
    other = replace(entry_of("other", model="m"), served_model="m-20260101")
    with Ledger(url) as ledger:
        ledger.put([old, new, other])

        def exported(**chosen: str) -> set[str]:
            export_entries(ledger, tmp_path / "x.jsonl", **chosen)
            lines = (tmp_path / "x.jsonl").read_text().splitlines()
            return {json.loads(line)["key"] for line in lines}

        assert exported(model="claude-test-1") == {old.key, new.key}
        assert exported(model="m-20260101") == {other.key}
        assert exported(since=moment("2026-01-01")) == {new.key, other.key}
        assert exported(since=moment("2026-01-01"), model="m") == {other.key}
        assert exported(model="unknown") == set()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-24", "2026-11-24T00:00:00Z"),
        ("2026-11-24T08:59:00Z", "2026-11-24T08:59:00Z"),
        ("2026-11-24T08:59:00+02:00", "2026-11-24T06:59:00Z"),
    ],
)
def test_a_time_is_read_as_utc(text: str, meant: str) -> None:
    assert moment(text) == meant


def test_what_is_no_time_is_told() -> None:
    with pytest.raises(UserError, match="since: got 'yesterday', want a date"):
        moment("yesterday")


def test_an_export_that_fails_leaves_the_file_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.jsonl"
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        ledger.put(ENTRIES[:3])
        assert export_entries(ledger, file) == 3
        was = file.read_bytes()
        broken = replace(ENTRIES[0], served_model="\ud800")
        monkeypatch.setattr(Ledger, "entries", lambda *_, **__: iter([ENTRIES[0], broken]))
        with pytest.raises(UnicodeEncodeError):
            export_entries(ledger, file)
    assert file.read_bytes() == was
    assert sorted(path.name for path in tmp_path.iterdir() if "ledger" not in path.name) == [
        "a.jsonl"
    ]


@pytest.mark.parametrize("name", ["no/where.jsonl", "a.csv"])
def test_a_file_that_cannot_be_is_told(tmp_path: Path, name: str) -> None:
    told = pytest.raises(UserError, match=r"cannot be written|ends in \.jsonl or \.parquet")
    with Ledger(str(tmp_path / "ledger.db")) as ledger, told:
        export_entries(ledger, tmp_path / name)


def lines_of(*rows: Any) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def faults_of(ledger: Ledger, *files: Path) -> str:
    with pytest.raises(DataError) as caught:
        import_files(ledger, files)
    assert ledger.count() == 0
    return str(caught.value)


GOOD = vars(ENTRIES[0])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"body": "{}", "sample": 1}, "a key that belongs to its request", id="key"),
        pytest.param({"request": '{"model":"m"}'}, "a key that belongs to", id="request"),
        pytest.param({"provider": "x"}, "a key that belongs to its request", id="provider"),
        pytest.param({"key": "k"}, "got 'k', want a key of 64 hex digits", id="no key"),
        pytest.param({"key": None}, "got nothing, want key as text", id="null"),
        pytest.param({"model": "other"}, "want the model that the request names", id="model"),
        pytest.param({"body": "[]"}, "want body as the text of a JSON object", id="list"),
        pytest.param({"body": '{"a": NaN}'}, "want body as the text of a JSON", id="nan"),
        pytest.param({"body": "[" * 9000}, "want body as the text of a JSON", id="deep"),
        pytest.param({"body": {}}, "want body as text", id="object"),
        pytest.param({"sample": -1}, "got -1, want sample from 0", id="negative"),
        pytest.param({"sample": True}, "got true, want sample as a whole number", id="bool"),
        pytest.param({"input_tokens": 2**63}, "want input_tokens from 0 to", id="large"),
        pytest.param({"output_tokens": 1.5}, "want output_tokens as a whole", id="float"),
        pytest.param({"created_at": "yesterday"}, "want created_at in UTC", id="time"),
        pytest.param({"more": 1}, "got 'more', want the fields of a response", id="more"),
    ],
)
def test_a_damaged_line_is_refused_by_file_and_line(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(lines_of(vars(ENTRIES[1]), GOOD | changes))
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        message = faults_of(ledger, file)
    assert message.startswith(f"{file}:2: ")
    assert told in message


def test_every_fault_of_every_file_is_told_before_anything_is_stored(tmp_path: Path) -> None:
    good, one, two = (tmp_path / name for name in ("good.jsonl", "one.jsonl", "two.jsonl"))
    good.write_text(lines_of(GOOD))
    one.write_text("{\n" + lines_of(GOOD) + "[]\n")
    two.write_bytes(b"\xff\n" + lines_of(GOOD).encode())
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        message = faults_of(ledger, good, one, two, tmp_path / "missing.jsonl")
    for where in (f"{one}:1:", f"{one}:3:", f"{two}:1:", "missing.jsonl: no such file"):
        assert where in message


def test_a_parquet_file_is_refused_like_lines(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    rows = [vars(ENTRIES[1]), GOOD | {"sample": 7}]
    pl.DataFrame(rows).write_parquet(file)
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        assert f"{file}:2: got {ENTRIES[0].key[:12]}…, which does not" in faults_of(ledger, file)
        pl.DataFrame(rows).drop("body").write_parquet(file)
        assert "want a file of responses, with a column body" in faults_of(ledger, file)
        pl.DataFrame([vars(ENTRIES[1])]).write_parquet(file)
        [done] = import_files(ledger, [file])
        assert (done.read, done.added) == (1, 1)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_damaged_parquet_file_is_told(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "a.parquet"
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        other = Ledger(str(tmp_path / "other.db"))
        with other:
            other.put(ENTRIES)
            export_entries(other, file)
        data = bytearray(file.read_bytes())
        damaged: dict[str, Callable[[], bytes]] = {
            "cut": lambda: bytes(data[: len(data) // 2]),
            "flipped": lambda: bytes(b ^ 0x55 if 500 < i < 900 else b for i, b in enumerate(data)),
            "empty": lambda: b"",
            "text": lambda: b"key,body\n" * 99,
        }
        file.write_bytes(damaged[damage]())
        assert str(file) in faults_of(ledger, file)


def test_the_first_response_of_a_key_is_kept(url: str, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    later = GOOD | {"body": '{"later":true}'}
    file.write_text(lines_of(later, vars(ENTRIES[1]), GOOD | {"body": '{"last":true}'}))
    with Ledger(url) as ledger:
        [done] = import_files(ledger, [file])
        assert (done.read, done.added, done.known) == (3, 2, 1)
        assert next(ledger.get_many([ENTRIES[0].key])).body == '{"later":true}'


def test_an_empty_file_of_lines_brings_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"")
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        [done] = import_files(ledger, [file])
        assert (done.read, done.added) == (0, 0)


def test_a_body_larger_than_a_line_of_seeds_comes_back(tmp_path: Path) -> None:
    huge = replace(ENTRIES[0], body='{"text":"' + "x" * 2**25 + '"}')
    with Ledger(str(tmp_path / "a.db")) as ledger, Ledger(str(tmp_path / "b.db")) as other:
        ledger.put([huge])
        for name in ("a.jsonl", "a.parquet"):
            export_entries(ledger, tmp_path / name)
            import_files(other, [tmp_path / name])
        assert list(other.entries()) == [huge]


texts = st.text(st.characters(codec="utf-8"), max_size=20)


@settings(
    max_examples=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(prompt=texts, answer=texts, served=texts, count=st.integers(0, 2**63 - 1))
def test_any_entry_comes_back(
    tmp_path: Path, prompt: str, answer: str, served: str, count: int
) -> None:
    entry = keyed(entry_of(prompt, answer=answer), sample=count)
    entry = replace(entry, served_model=served.replace("\0", ""), output_tokens=count)
    for database in tmp_path.glob("*.db*"):
        database.unlink()
    with Ledger(str(tmp_path / "a.db")) as ledger, Ledger(str(tmp_path / "b.db")) as other:
        ledger.put([entry])
        for name in ("a.jsonl", "a.parquet"):
            export_entries(ledger, tmp_path / name)
            import_files(other, [tmp_path / name])
            assert list(other.entries()) == [entry]


def test_the_responses_of_a_run_fill_a_new_ledger(bench: Workbench) -> None:
    assert bench.run().status == 0
    asked = bench.api.count()
    words = ["ledger", "import", "runs/one/responses.parquet", "ledger.url=new.db"]
    ended = bench.main(words)
    assert ended.status == 0, ended
    assert ended.out == (
        "runs/one/responses.parquet: 12 responses, 12 new, 0 in the ledger before\n"
    )
    again = bench.run("ledger.url=new.db", "paths.out=runs/two")
    assert again.status == 0
    assert bench.api.count() == asked


MEMORY = """
import resource, sys
from pathlib import Path
from distill.ledger import Ledger
from distill.ledger.transfer import check_files, export_entries, import_file
with Ledger(sys.argv[1]) as ledger, Ledger(sys.argv[2], synchronous="NORMAL") as other:
    for name in sys.argv[3:]:
        export_entries(ledger, Path(name))
    first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name in sys.argv[3:]:
        check_files([Path(name)])
        import_file(other, Path(name))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, other.count())
"""


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_memory_does_not_grow_with_the_ledger(tmp_path: Path, ending: str) -> None:
    def peak_mb(count: int) -> float:
        url = str(tmp_path / f"{count}.db")
        with Ledger(url, synchronous="NORMAL") as ledger:
            for start in range(0, count, 500):
                # Random text, so that a file cannot be smaller than what it holds.
                ledger.put(
                    [
                        entry_of(str(i), answer=os.urandom(5000).hex())
                        for i in range(start, start + 500)
                    ]
                )
        words = [url, str(tmp_path / f"to{count}.db"), str(tmp_path / f"{count}.{ending}")]
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, *words], capture_output=True, text=True, check=True
        )
        peak, stored = done.stdout.split()
        assert int(stored) == count
        return int(peak) / 1024

    # The larger one holds 60 MB more.
    assert peak_mb(7000) - peak_mb(1000) < 30


def test_a_faulty_file_makes_no_ledger(bench: Workbench) -> None:
    bench.write("bad.jsonl", [GOOD | {"sample": 3}])
    ended = bench.main(["ledger", "import", "bad.jsonl", "ledger.url=new.db"])
    assert ended.status == 2
    assert ended.err.startswith("distill: bad.jsonl:1: got ")
    assert not (bench.folder / "new.db").exists()


@pytest.mark.parametrize(
    "held", [b'{"question": "Mine?"}\n', b"PAR1 or not", b"\n", b"\x00\xff" * 99]
)
@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_an_export_replaces_earlier_exports_and_nothing_else(
    tmp_path: Path, held: bytes, ending: str
) -> None:
    file = tmp_path / f"out{ending}"
    file.write_bytes(b"")
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        ledger.put(ENTRIES[:2])
        assert [export_entries(ledger, file) for _ in range(2)] == [2, 2]
        file.write_bytes(held)
        with pytest.raises(UserError, match=f"out{ending}: is there and holds no responses"):
            export_entries(ledger, file)
    assert file.read_bytes() == held


def test_an_import_of_nothing_says_so(bench: Workbench) -> None:
    (bench.folder / "empty.jsonl").write_text("")
    ended = bench.main(["ledger", "import", "empty.jsonl", "ledger.url=new.db"])
    assert (ended.status, ended.out) == (0, "empty.jsonl: no responses in it\n")


def test_a_ledger_may_bear_the_name_of_a_file_of_lines(bench: Workbench) -> None:
    ended = bench.main(["ledger", "stats", "ledger.url=bad.jsonl"])
    assert ended.status == 2
    assert "ledger.url: got " in ended.err
    assert "want a ledger that is there" in ended.err


def test_words_that_export_does_not_know_are_told(bench: Workbench) -> None:
    assert bench.run_unjudged().status == 0
    for words, told in (
        (["export", "a.jsonl", "modle=x"], "modle: no such word here"),
        (["export", "a.jsonl", "b.jsonl"], "export: got 2 files, want one"),
        (["export"], "export: got 0 files"),
        (["import"], "import: got no file"),
        (["stats", "a.jsonl"], "a.jsonl: no such word here"),
        (["stats", "seed=3"], "seed: no such word here"),
        (["frobnicate"], "no such action: 'frobnicate'"),
    ):
        ended = bench.main(["ledger", *words, "ledger.url=ledger.db"])
        assert ended.status == 2, ended
        assert told in ended.err
    assert [path.name for path in bench.folder.glob("*.jsonl*")] == ["seeds.jsonl"]
