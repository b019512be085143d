"""What a ledger promises, over SQLite and over PostgreSQL alike."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from entries import entry_of
from workbench import Workbench

from distill.errors import LedgerError
from distill.ledger import Ledger
from distill.ledger.tables import SCHEMA_VERSION

MANY = 1234


def test_what_was_put_is_found_after_reopening(url: str) -> None:
    kept = [entry_of(f"é雪 {i}", answer=f"\U0001f600 {i}") for i in range(3)]
    with Ledger(url) as ledger:
        ledger.put(kept)
    with Ledger(url) as ledger:
        wanted = [*(entry.key for entry in kept), "0" * 64]
        found = sorted(ledger.get_many(wanted), key=lambda entry: entry.request)
        assert found == kept
        assert ledger.count() == 3


def test_more_keys_than_a_query_takes_are_found(url: str) -> None:
    entries = [entry_of(str(i)) for i in range(MANY)]
    keys = {entry.key for entry in entries}
    with Ledger(url) as ledger:
        ledger.put(entries)
        assert {entry.key for entry in ledger.get_many(keys)} == keys
        assert list(ledger.get_many([])) == []
        assert dict(ledger.served(keys)) == dict.fromkeys(keys, "claude-test-1")
        assert dict(ledger.bodies(keys)) == {entry.key: entry.body for entry in entries}


def test_nothing_put_is_nothing_done(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.put([])
        assert ledger.count() == 0


def test_a_key_keeps_its_first_response(url: str) -> None:
    first = entry_of("a", answer="first")
    with Ledger(url) as ledger:
        ledger.put([first])
        ledger.put([replace(first, body='{"later":true}'), entry_of("b")])
        assert list(ledger.get_many([first.key])) == [first]
        assert ledger.count() == 2


def test_the_first_of_two_with_one_key_in_one_transaction_is_kept(url: str) -> None:
    first = entry_of("a", answer="first")
    with Ledger(url) as ledger:
        ledger.put([first, replace(first, body='{"later":true}')])
        assert list(ledger.get_many([first.key])) == [first]


def test_a_response_gives_up_the_claim_on_it(url: str) -> None:
    entry = entry_of("a")
    with Ledger(url) as ledger:
        first, second = ledger.claims(), ledger.claims()
        assert first.claim([entry.key, "k"], lease_s=60).granted == {entry.key, "k"}
        assert second.claim([entry.key], lease_s=60).busy == {entry.key}
        ledger.put([entry])
        assert second.claim([entry.key, "k"], lease_s=60).answered == {entry.key}
        assert second.claim(["k"], lease_s=60).busy == {"k"}
        first.release()
        assert second.claim(["k"], lease_s=60).granted == {"k"}


def test_one_small_write_holds_all_claims(url: str) -> None:
    keys = [f"key {i:03}" for i in range(400)]
    with Ledger(url) as ledger:
        first, second = ledger.claims(), ledger.claims()
        first.claim(keys, lease_s=-1)
        before = execute(ledger, "SELECT * FROM claims ORDER BY key")
        first.renew(lease_s=60)
        assert execute(ledger, "SELECT * FROM claims ORDER BY key") == before
        assert second.claim(keys, lease_s=60).busy == set(keys)
        first.release()
        assert execute(ledger, "SELECT count(*) FROM leases") == [(1,)]
        assert second.claim(keys, lease_s=60).granted == set(keys)


def test_a_claim_lapses(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.claims().claim(["a"], lease_s=-1)
        assert ledger.claims().claim(["a"], lease_s=60).granted == {"a"}


def test_texts_that_a_database_could_refuse_are_kept(url: str) -> None:
    entry = entry_of("a NUL \0, a quote ' and a %s", answer="\0 \x1f \u2028 %(x)s :y")
    odd = replace(
        entry, served_model="m" * 5000, request_id="r\0" * 300, input_tokens=2**40, sample=2**33
    )
    with Ledger(url) as ledger:
        ledger.put([odd])
        found = next(ledger.get_many([odd.key]))
    assert found == replace(odd, request_id="r\ufffd" * 300)


def test_a_huge_response_is_kept(url: str) -> None:
    entry = replace(entry_of("a"), body='{"text":"' + "é" * 2**23 + '"}')
    with Ledger(url) as ledger:
        ledger.put([entry])
        assert next(ledger.get_many([entry.key])).body == entry.body


def test_a_number_that_no_database_takes_is_told(url: str) -> None:
    with Ledger(url) as ledger:
        with pytest.raises(LedgerError, match="ledger"):
            ledger.put([entry_of("a"), replace(entry_of("b"), output_tokens=2**70)])
        assert ledger.count() == 0


def test_writers_that_want_the_same_keys_in_another_order_lose_nothing(url: str) -> None:
    entries = [entry_of(str(i)) for i in range(40)]
    failures: list[BaseException] = []
    with Ledger(url):
        pass

    def write(order: int) -> None:
        try:
            with Ledger(url) as ledger:
                for i in range(10):
                    ledger.put([*entries[::order], entry_of(f"{order}-{i}")])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(order,)) for order in (1, -1, 3, -3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Ledger(url) as ledger:
        assert ledger.count() == 40 + 4 * 10


def test_several_that_open_a_new_ledger_at_once_all_may(url: str) -> None:
    failures: list[BaseException] = []
    together = threading.Barrier(6)

    def open_it() -> None:
        try:
            together.wait(30)
            with Ledger(url) as ledger:
                ledger.put([entry_of("a")])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_two_processes_never_pay_for_the_same_answer(bench: Workbench, url: str) -> None:
    words = bench.words("judge=none", "filter=none", f"ledger.url={url}", "teacher.concurrency=3")
    others = [word.replace("runs/one", "runs/two") for word in words]
    runs = [bench.start(words), bench.start(others)]
    ended = [(run.communicate(timeout=120), run.returncode) for run in runs]
    assert [status for _, status in ended] == [0, 0], ended
    prompts = bench.api.prompts("teacher")
    assert sorted(prompts) == sorted(set(prompts))
    assert len(prompts) == 6
    one, two = (bench.folder / "runs" / name / "dataset.jsonl" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_a_ledger_of_a_newer_release_is_refused_and_left_alone(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.put([entry_of("a")])
        execute(ledger, "INSERT INTO ledger_schema VALUES (99)")
    with pytest.raises(LedgerError, match=r"newer distill \(tables of version 99") as caught:
        Ledger(url)
    assert "pip install --upgrade distill" in str(caught.value)


def test_a_ledger_from_before_versions_and_claims_is_taken_over(url: str) -> None:
    kept = entry_of("a")
    with Ledger(url) as ledger:
        ledger.put([kept])
        execute(ledger, "DROP TABLE ledger_schema")
        execute(ledger, "DROP TABLE claims")
    with Ledger(url) as ledger:
        assert ledger.claims().claim([kept.key, "new"], lease_s=60).granted == {"new"}
        assert execute(ledger, "SELECT version FROM ledger_schema") == [(SCHEMA_VERSION,)]


def test_a_ledger_from_before_leases_is_taken_over_with_its_claims(url: str) -> None:
    with Ledger(url) as ledger:
        for table in ("leases", "batches", "batch_items"):
            execute(ledger, f"DROP TABLE {table}")
        execute(ledger, "UPDATE ledger_schema SET version = 1")
        until = time.time() + 600
        execute(ledger, f"INSERT INTO claims VALUES ('held', 'elsewhere:1:1:x', {until})")
        execute(ledger, "INSERT INTO claims VALUES ('lapsed', 'elsewhere:1:1:x', 5)")
    with Ledger(url) as ledger:
        claimed = ledger.claims().claim(["held", "lapsed"], lease_s=60)
        assert (claimed.busy, claimed.granted) == ({"held"}, {"lapsed"})
        versions = execute(ledger, "SELECT version FROM ledger_schema ORDER BY version")
        assert versions == [(1,), (SCHEMA_VERSION,)]


def test_tables_of_somebody_else_are_refused_and_left_alone(url: str) -> None:
    with Ledger(url) as ledger:
        execute(ledger, "ALTER TABLE responses DROP COLUMN body")
    with pytest.raises(LedgerError, match="holds a table responses without body"):
        Ledger(url)


def execute(ledger: Ledger, statement: str) -> list[Any]:
    with ledger._engine.begin() as connection:
        done = connection.exec_driver_sql(statement)
        return [tuple(row) for row in done] if done.returns_rows else []


def test_a_fresh_interpreter_opens_no_driver_that_it_does_not_need() -> None:
    code = (
        "import sys, distill.ledger; print([m for m in ('psycopg', 'polars', 'hydra', 'anthropic')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
