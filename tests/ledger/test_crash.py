"""What was acknowledged survives: killed writers, full disks, damaged and foreign files."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from entries import entry_of
from fake_api import Message
from workbench import Workbench

from distill.errors import LedgerError
from distill.ledger import Entry, Ledger
from distill.ledger.contents import contents_of

TESTS = Path(__file__).parents[1]
NOBODY = 65534
# Puts entries until it is killed, and says of each batch when it was acknowledged.
WRITER = """
import sys
from entries import entry_of
from distill.ledger import Ledger
url, writer, synchronous = sys.argv[1:]
with Ledger(url, synchronous=synchronous) as ledger:
    for batch in range(10**6):
        names = [f"{writer} {batch} {i}" for i in range(5)]
        ledger.put([entry_of(name, answer=name * 500) for name in names])
        print(batch, flush=True)
"""


def start_writer(url: str, name: str, synchronous: str) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, url, name, synchronous],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_a_killed_writer_loses_nothing_that_was_acknowledged(
    tmp_path: Path, synchronous: str
) -> None:
    url = str(tmp_path / "ledger.db")
    draw = random.Random(synchronous)
    for turn in range(6):
        acknowledged: dict[str, int] = {}
        with (
            start_writer(url, f"{turn}a", synchronous) as one,
            start_writer(url, f"{turn}b", synchronous) as two,
        ):
            for name, writer in ((f"{turn}a", one), (f"{turn}b", two)):
                assert writer.stdout is not None
                for _ in range(draw.randrange(1, 40)):
                    assert writer.stdout.readline()
                writer.kill()
                rest, _ = writer.communicate()
                # The writer may have died while it printed.
                acknowledged[name] = sum(line.endswith("\n") for line in rest.splitlines(True))
        with Ledger(url, synchronous=synchronous) as ledger:
            with ledger.engine.connect() as connection:
                found = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
            assert found == "ok"
            for name, count in acknowledged.items():
                wanted = {
                    entry_of(f"{name} {batch} {i}").key for batch in range(count) for i in range(5)
                }
                assert {entry.key for entry in ledger.get_many(wanted)} == wanted
            ledger.put([entry_of(f"after {turn}")])


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_the_setting_for_power_cuts_is_in_force(tmp_path: Path, synchronous: str) -> None:
    with Ledger(str(tmp_path / "ledger.db"), synchronous=synchronous) as ledger:
        assert contents_of(ledger).settings == {"journal_mode": "wal", "synchronous": synchronous}


def long_answer(prompt: str, *_: object) -> Message:
    return Message(f"{prompt} " + "a long answer " * 3000, output_tokens=9)


def run_on_a_full_disk(bench: Workbench, url: str, limit_bytes: int | None) -> tuple[int, str]:
    """Run the pipeline as a process; `limit_bytes` bounds each file that it may write."""

    def bound() -> None:
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    words = bench.words(
        *("judge=none", "filter=none", f"ledger.url={url}", "teacher.concurrency=2")
    )
    run = subprocess.run(
        [sys.executable, "-m", "distill", *words],
        cwd=bench.folder,
        env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
        capture_output=True,
        text=True,
        preexec_fn=bound,
        check=False,
        timeout=120,
    )
    return run.returncode, run.stderr


def test_a_full_disk_stops_the_run_before_more_is_spent(bench: Workbench) -> None:
    rows = [{"id": f"s{i}", "question": f"Which is the number {i}?"} for i in range(40)]
    bench.write("seeds.jsonl", rows)
    bench.api.teacher = long_answer
    status, told = run_on_a_full_disk(bench, "ledger.db", 400_000)
    assert status == 1, told
    assert told.startswith("distill: ledger: "), told
    assert "Traceback" not in told
    paid = bench.api.count("teacher")
    with Ledger(str(bench.ledger)) as ledger:
        kept = ledger.count()
    # What was in flight when the disk filled up is lost, and no more than that.
    assert 0 < kept <= paid <= kept + 4 < 40

    status, told = run_on_a_full_disk(bench, "ledger.db", None)
    assert status == 0, told
    assert bench.api.count("teacher") == paid + 40 - kept


def put_one_by_one(ledger: Ledger, entries: Iterable[Entry]) -> Iterator[Entry]:
    for entry in entries:
        ledger.put([entry])
        yield entry


@contextmanager
def small_disk(folder: Path, size_kb: int) -> Iterator[Path]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system of a fixed size can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_was_full_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 1000) as disk:
        filler = disk / "filler"
        filler.write_bytes(b"x" * 300_000)
        with Ledger(str(disk / "ledger.db")) as ledger:
            kept: list[Entry] = []
            entries = (entry_of(str(i), answer="a" * 20_000) for i in range(1000))
            with pytest.raises(LedgerError, match="disk is full") as caught:
                kept.extend(put_one_by_one(ledger, entries))
            assert "make room on the disk" in str(caught.value)
            assert len(kept) > 3
            assert {entry.key for entry in ledger.get_many(e.key for e in kept)} == {
                entry.key for entry in kept
            }
            filler.unlink()
            ledger.put([entry_of("after")])
            assert ledger.count() == len(kept) + 1
        with Ledger(str(disk / "ledger.db")) as ledger:
            assert ledger.count() == len(kept) + 1


def filled(path: Path) -> Path:
    with Ledger(str(path)) as ledger:
        ledger.put([entry_of(str(i), answer="a" * 3000) for i in range(100)])
    return path


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_truncated_file_is_told_and_left_as_it_is(tmp_path: Path, share: float) -> None:
    path = filled(tmp_path / "ledger.db")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share) // 4096 * 4096])
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=r"ledger\.db failed: .*malformed") as caught:
        Ledger(str(path))
    assert "the file is damaged and was left as it is" in str(caught.value)
    assert path.read_bytes() == before


def test_damage_within_a_file_is_told_when_it_is_met(tmp_path: Path) -> None:
    path = filled(tmp_path / "ledger.db")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 8192] = b"\xff" * 8192
    path.write_bytes(data)
    # What it hits depends on where the pages lie: the tree of a table, or a text.
    met = "malformed|not decode to UTF-8"
    with Ledger(str(path)) as ledger, pytest.raises(LedgerError, match=met) as caught:
        list(ledger.entries())
    assert "the file is damaged and was left as it is" in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"secret " * 2000, id="text"),
        pytest.param(b"SQLite format 3\0" + b"secret " * 2000, id="header alone"),
        pytest.param(b"PAR1" + bytes(5000), id="parquet"),
    ],
)
def test_a_file_of_something_else_is_told_and_left_as_it_is(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other.db"
    path.write_bytes(data)
    with pytest.raises(LedgerError, match=r"other\.db failed") as caught:
        Ledger(str(path))
    assert "secret" not in str(caught.value)
    assert path.read_bytes() == data


def test_the_command_line_tells_a_damaged_ledger_in_a_sentence(bench: Workbench) -> None:
    bench.ledger.write_bytes(b"no database at all" * 500)
    bench.write("sound.jsonl", [vars(entry_of("a"))])
    for words in (["stats"], ["vacuum"], ["export", "a.jsonl"], ["import", "sound.jsonl"]):
        ended = bench.main(["ledger", *words, "ledger.url=ledger.db"])
        assert ended.status == 1, ended
        assert ended.err.startswith("distill: ledger: ")
        assert "file is not a database" in ended.err
        assert "choose another: ledger.url=" in ended.err
    ended = bench.run_unjudged()
    assert (ended.status, bench.api.count("teacher")) == (1, 0)


@contextmanager
def as_another_user() -> Iterator[None]:
    """Have no more rights than anybody; root reads and writes everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("is_folder_open", [True, False], ids=["folder open", "folder closed"])
def test_a_file_that_cannot_be_written_is_told_and_left_as_it_is(is_folder_open: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="distill-") as name:
        folder = Path(name)
        path = filled(folder / "ledger.db")
        before = path.read_bytes()
        path.chmod(0o444)
        folder.chmod(0o777 if is_folder_open else 0o555)
        with as_another_user(), pytest.raises(LedgerError) as caught, Ledger(str(path)) as ledger:
            ledger.put([entry_of("new")])
        assert "cannot be written by this user" in str(caught.value)
        assert path.read_bytes() == before
        folder.chmod(0o755)


def test_a_run_that_was_killed_leaves_claims_that_count_as_gone(bench: Workbench) -> None:
    from fake_api import Hang

    bench.api.teacher = lambda *_: Hang()
    run = bench.start(bench.words("judge=none", "filter=none"))
    bench.api.wait_for("teacher", 3, unless=run.poll)
    live = bench.main(["ledger", "stats", "ledger.url=ledger.db"]).out
    assert f"process {run.pid}, for another" in live
    run.send_signal(signal.SIGKILL)
    run.communicate()
    gone = bench.main(["ledger", "stats", "ledger.url=ledger.db"]).out
    assert f"process {run.pid}: the process is gone" in gone
    assert "Claims     6 lapsed" in gone
    done = bench.main(["ledger", "vacuum", "ledger.url=ledger.db"])
    assert "Claims     6 lapsed ones dropped" in done.out
    assert "Claims     none" in bench.main(["ledger", "stats", "ledger.url=ledger.db"]).out


def test_a_new_file_can_be_opened_by_several_at_once(tmp_path: Path) -> None:
    # SQLite's switch to write-ahead logging does not wait its turn; one round seldom shows it.
    for turn in range(60):
        url = str(tmp_path / f"{turn}.db")
        together = threading.Barrier(4)

        def open_it(url: str = url, together: threading.Barrier = together) -> int:
            together.wait(30)
            with Ledger(url) as ledger:
                return ledger.count()

        with ThreadPoolExecutor(4) as pool:
            assert [future.result() for future in [pool.submit(open_it) for _ in range(4)]] == [
                0
            ] * 4
