"""A ledger of either database, read and left as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from entries import entry_of, keyed
from postgres import Server, postgres_server
from tables import claude

from distill.errors import ConfigError, LedgerError
from distill.estimate import StoredResponses
from distill.ledger import Ledger


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


def test_a_ledger_on_a_server_is_read_and_not_made(postgres: Server) -> None:
    url = postgres.new_database()
    with StoredResponses(url) as stored:
        assert list(stored.held(["a"])) == []
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()
    kept = [entry_of(f"question {number}") for number in range(3)]
    with Ledger(url) as ledger:
        ledger.put(kept)
    keys = [one.key for one in kept]

    with StoredResponses(url) as stored:
        assert {key for key, _ in stored.held([*keys, "none"])} == set(keys)
        assert dict(stored.bodies(keys)) == {one.key: one.body for one in kept}
        assert sorted(one.key for one in stored.get_many(keys)) == sorted(keys)
        assert {key for key, _ in stored.served(keys)} == set(keys)


def test_only_earlier_requests_of_the_very_model_are_learned_from(tmp_path: Path) -> None:
    url = str(tmp_path / "ledger.db")
    kept = entry_of("question")
    with Ledger(url) as ledger:
        ledger.put([kept, keyed(kept, namespace="anthropic+custom"), keyed(kept, provider="other")])

    with StoredResponses(url) as stored:
        (found,) = stored.some_of(claude(model=kept.model), 10)
        assert (found.request, found.input_tokens, found.output_tokens) == (kept.request, 10, 20)
        assert stored.some_of(claude(model="claude-other"), 10) == []


@pytest.mark.parametrize(
    "url", ["mysql://u:secret@h/d", "://", "postgresql://u:secret@127.0.0.1:1/d"]
)
def test_what_is_no_ledger_is_told_without_the_password(url: str) -> None:
    with pytest.raises((ConfigError, LedgerError)) as told:
        StoredResponses(url)

    assert "secret" not in str(told.value)
