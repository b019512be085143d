"""A ledger on a server: restarts, rights, passwords."""

from __future__ import annotations

import subprocess
import sys
import threading
import warnings
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from entries import entry_of
from postgres import PASSWORD, USER, Server
from workbench import Workbench

from distill.errors import ConfigError, LedgerError
from distill.ledger import Ledger
from distill.ledger.patience import ServerAwayWarning, wait_for_server
from distill.ledger.tables import TABLES


def test_a_restart_between_two_responses_is_not_noticed(postgres: Server) -> None:
    with Ledger(postgres.new_database()) as ledger:
        ledger.put([entry_of("before")])
        postgres.stop()
        postgres.start()
        ledger.put([entry_of("after")])
        assert ledger.count() == 2


def test_a_server_that_is_away_is_waited_for(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    starting = threading.Thread(target=postgres.start)
    told = []

    def start(message: Warning | str, kind: type[Warning], *_: Any, **__: Any) -> None:
        told.append(kind)
        starting.start()

    with Ledger(postgres.new_database()) as ledger:
        ledger.put([entry_of("before")])
        postgres.stop()
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            monkeypatch.setattr(warnings, "showwarning", start)
            ledger.put([entry_of("after")])
        starting.join()
        assert told == [ServerAwayWarning]
        assert ledger.count() == 2


def test_a_server_that_stays_away_is_told(postgres: Server) -> None:
    url = postgres.new_database().replace("postgresql:", "postgresql+psycopg:")
    engine = sa.create_engine(url, pool_pre_ping=True)
    wait_for_server(engine, wait_s=0.3)
    with engine.connect():
        pass
    postgres.stop()
    try:
        with pytest.warns(ServerAwayWarning), pytest.raises(sa.exc.OperationalError):
            engine.connect()
    finally:
        engine.dispose()
        postgres.start()


def test_a_connection_that_is_lost_within_a_transaction_costs_nothing(postgres: Server) -> None:
    with Ledger(postgres.new_database()) as ledger:
        ledger.put([entry_of("before")])
        lost = []

        @sa.event.listens_for(ledger.engine, "before_cursor_execute")
        def lose(connection: Any, *_: Any) -> None:
            if not lost:
                lost.append(connection.connection.dbapi_connection.info.backend_pid)
                postgres.execute(f"SELECT pg_terminate_backend({lost[0]})")

        ledger.put([entry_of("after")])
        assert lost
        assert ledger.count() == 2


@pytest.mark.filterwarnings("ignore::distill.ledger.patience.ServerAwayWarning")
def test_a_run_outlives_a_restart_of_its_ledgers_server(bench: Workbench, postgres: Server) -> None:
    good = bench.api.teacher
    restarted = threading.Lock()

    def answer(prompt: str, body: Any, attempt: int) -> Any:
        if "vaccines" in prompt and restarted.acquire(blocking=False):
            postgres.stop()
            postgres.start()
        return good(prompt, body, attempt)

    bench.api.teacher = answer
    ended = bench.run_unjudged(f"ledger.url={postgres.new_database()}", "teacher.concurrency=2")
    assert ended.status == 0, ended
    assert restarted.locked()
    assert len(bench.lines("dataset.jsonl")) == 6


def test_who_may_not_create_tables_can_use_those_that_are_there(postgres: Server) -> None:
    url = postgres.new_database()
    with Ledger(url) as ledger:
        ledger.put([entry_of("a")])
    database = url.rpartition("/")[2]
    postgres.execute("CREATE ROLE member LOGIN PASSWORD 'member'")
    for table in (*(table.name for table in TABLES), "ledger_schema"):
        postgres.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO member", database)
    with Ledger(f"postgresql://member:member@127.0.0.1:{postgres.port}/{database}") as ledger:
        assert ledger.claims().claim(["k"], lease_s=60).granted == {"k"}
        ledger.put([entry_of("b")])
        assert ledger.count() == 2


def test_who_may_not_create_tables_is_told_where_there_are_none(postgres: Server) -> None:
    url = postgres.new_database()
    postgres.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    database = url.rpartition("/")[2]
    with pytest.raises(LedgerError, match="permission denied"):
        Ledger(f"postgresql://guest:guest@127.0.0.1:{postgres.port}/{database}")


def parts_of_the_password() -> set[str]:
    """Return what must not be seen: the password, escaped or not, and what it is cut into."""
    pieces = PASSWORD.replace("@", " ").replace(":", " ").replace("/", " ").split()
    return {PASSWORD, quote(PASSWORD, safe=""), *(piece for piece in pieces if len(piece) > 3)}


def told_of(url: str) -> str:
    with pytest.raises((LedgerError, ConfigError)) as caught:
        Ledger(url)
    return str(caught.value)


def test_no_message_has_the_password(postgres: Server) -> None:
    port, secret = postgres.port, quote(PASSWORD, safe="")
    here = f"127.0.0.1:{port}"
    told = [
        told_of(f"postgresql://nobody:{secret}@{here}/postgres"),
        told_of(f"postgresql://{USER}:{secret}@{here}/no_such_database"),
        told_of(f"postgresql://{USER}:{secret}@127.0.0.1:1/d"),
        told_of(f"postgresql://{USER}:{secret}@{here}/d?sslmode=wrong"),
        told_of(f"postgresql://{USER}:{secret}@{here}/d?no_such_word=x"),
        told_of(f"postgresql://{USER}:{secret}@no-such-host.invalid/d"),
        told_of(f"postgresql://{USER}@{here}/d?password={secret}"),
        # Unescaped, it is cut apart.
        told_of(f"postgresql://{USER}:{PASSWORD}@{here}/d"),
        told_of(f"postgresql+psycopg2://{USER}:{PASSWORD}@{here}/d"),
        told_of(f"mysql://{USER}:{PASSWORD}@{here}/d"),
        told_of(f"nosuch://{USER}:{PASSWORD}@{here}/d"),
    ]
    seen = [(part, text) for text in told for part in parts_of_the_password() if part in text]
    assert seen == []
    assert all("ledger" in text for text in told)


def test_no_file_and_no_output_has_the_password(bench: Workbench, postgres: Server) -> None:
    url = postgres.new_database()
    wanted = (f"ledger.url={url}", "tracking=mlflow", "tracking.uri=sqlite:///tracking.db")
    printed = [bench.process([*bench.with_judge(*wanted)])]
    assert printed[0].status == 0, printed
    printed += [
        bench.main([*words, f"ledger.url={url}"])
        for words in (
            ["ledger", "stats"],
            ["ledger", "stats", "--json"],
            ["ledger", "vacuum"],
            ["ledger", "export", "all.jsonl"],
            ["ledger", "import", "all.jsonl"],
            ["ledger", "explain", *bench.with_judge()[1:]],
            ["doctor", "tracking=none"],
            ["ledger", "stats", "ledger.url=x.db"],
        )
    ]
    postgres.stop()
    printed.append(bench.main(["ledger", "stats", f"ledger.url={url}"]))
    printed.append(bench.run(f"ledger.url={url}"))
    postgres.start()
    assert [one.status for one in printed][-2:] == [1, 1]
    for part in parts_of_the_password():
        for one in printed:
            assert part not in one.out + one.err
        for name, data in bench.files().items():
            assert part.encode() not in data, name


def test_a_missing_driver_is_told_with_its_cure() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from distill.ledger import Ledger\n"
        "try:\n    Ledger('postgresql://me:s3cret@localhost/d')\n"
        "except Exception as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "hint: pip install 'distill[postgres]'" in done.stdout
    assert "s3cret" not in done.stdout


def test_a_deadlock_is_tried_again(postgres: Server) -> None:
    with Ledger(postgres.new_database()) as ledger:
        first, second = entry_of("a"), entry_of("b")
        if first.key > second.key:
            first, second = second, first
        meanwhile = threading.Event()
        database = ledger.url.rpartition("/")[2]

        def hold_the_other_way() -> None:
            # Locks the later key and then wants the earlier one, which `put` has by then.
            with postgres.connect(database) as connection:
                connection.execute("BEGIN")
                insert_key(connection, second.key)
                meanwhile.set()
                waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                while postgres.execute(waits)[0][0] == 0:
                    pass
                insert_key(connection, first.key)
                connection.execute("ROLLBACK")

        thread = threading.Thread(target=hold_the_other_way)
        thread.start()
        assert meanwhile.wait(30)
        ledger.put([first, second])
        thread.join()
        assert ledger.count() == 2


def insert_key(connection: Any, key: str) -> None:
    row = vars(entry_of("x")) | {"key": key}
    names, values = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    connection.execute(f"INSERT INTO responses ({names}) VALUES ({values})", row)
