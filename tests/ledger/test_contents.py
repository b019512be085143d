"""What a ledger holds is counted, and vacuuming it loses nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from entries import entry_of
from workbench import Workbench

from distill.ledger import Ledger
from distill.ledger.batches import BatchBook, BatchItem
from distill.ledger.contents import contents_of, vacuum
from distill.ledger.told import contents_json, contents_lines, size


def test_responses_are_counted_by_model(url: str) -> None:
    priced = [entry_of(str(i), model="claude-opus-4-5-20251101") for i in range(3)]
    unknown = replace(entry_of("x", model="m"), served_model="m-1", input_tokens=2**40)
    late = replace(priced[0], created_at="2026-02-02T00:00:00Z")
    with Ledger(url) as ledger:
        ledger.put([late, *priced[1:], unknown])
        found = contents_of(ledger)
    assert [(one.model, one.served_model, one.responses) for one in found.held] == [
        ("claude-opus-4-5-20251101", "claude-opus-4-5-20251101", 3),
        ("m", "m-1", 1),
    ]
    opus, other = found.held
    # 5 and 25 dollars a million tokens.
    assert (opus.input_tokens, opus.output_tokens) == (30, 60)
    assert opus.cost_usd == pytest.approx(30 * 5e-6 + 60 * 25e-6)
    assert (other.cost_usd, other.input_tokens) == (None, 2**40)
    assert (found.responses, found.unpriced) == (4, 1)
    assert found.known_usd == opus.cost_usd
    assert (found.oldest, found.newest) == ("2026-01-01T00:00:00Z", "2026-02-02T00:00:00Z")
    assert found.bytes > 0


def test_an_empty_ledger_is_told_as_that(url: str) -> None:
    with Ledger(url) as ledger:
        found = contents_of(ledger)
    assert (found.responses, found.oldest, found.newest, found.held) == (0, None, None, ())
    assert list(contents_lines(found))[-1] == "Claims     none"


def test_batches_under_way_are_told(url: str) -> None:
    with Ledger(url) as ledger:
        book = BatchBook(ledger.engine)
        for token, keys in (("one", ["a", "b", "c"]), ("two", ["d"]), ("three", ["e"])):
            book.intend(token, keys, lambda key: BatchItem(key, "{}", 0), namespace="anthropic")
        book.submitted("one", "msgbatch_\x1b[31m")
        book.close("one", [0])
        book.close("three")
        found = contents_of(ledger)
        told = list(contents_lines(found))
        assert told[-4] == "Batches    2 under way; the command that sent one fetches it"
        assert "msgbatch_\ufffd[31m: 2 still to come, sent 20" in told[-3]
        assert "without a receipt: 1 still to come" in told[-2]
        assert [one["expected"] for one in contents_json(found)["batches"]] == [2, 1]
        assert [batch.keys for batch in book.holding(["b", "e"])] == [{1: "b", 2: "c"}]
        assert book.expected(["a", "b", "d", "z"]) == {"b", "d"}


def test_claims_are_told_with_who_holds_them(url: str) -> None:
    with Ledger(url) as ledger:
        first, second = ledger.claims(), ledger.claims()
        first.claim(["a", "b"], lease_s=600)
        second.claim(["c"], lease_s=-5)
        live, lapsed = contents_of(ledger).claimants
        assert (live.owner, live.claims, live.live) == (first.owner, 2, True)
        assert live.pid is not None
        assert 590 < live.lapses_in_s <= 600
        assert (lapsed.owner, lapsed.claims, lapsed.live) == (second.owner, 1, False)


def test_an_owner_of_another_making_is_told_as_it_is(url: str) -> None:
    with Ledger(url) as ledger:
        claims = ledger.claims()
        claims.owner = "somebody \x1b[31m"
        claims.claim(["a"], lease_s=60)
        found = contents_of(ledger)
        assert (found.claimants[0].host, found.claimants[0].pid) == ("somebody \x1b[31m", None)
        assert "\x1b" not in "".join(contents_lines(found))


def test_vacuuming_keeps_every_response_and_every_live_claim(url: str) -> None:
    entries = [entry_of(str(i), answer="a" * 5000) for i in range(300)]
    with Ledger(url) as ledger:
        ledger.put(entries)
        ledger.claims().claim(["lapsed"], lease_s=-1)
        live = ledger.claims()
        live.claim(["live"], lease_s=600)
        done = vacuum(ledger)
        assert (done.responses, done.claims) == (300, 1)
        keys = [entry.key for entry in entries]
        assert sorted(ledger.get_many(keys), key=lambda e: keys.index(e.key)) == entries
        assert [one.owner for one in contents_of(ledger).claimants] == [live.owner]


def test_vacuuming_gives_room_back(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger(str(path)) as ledger:
        ledger.put([entry_of(str(i), answer="a" * 5000) for i in range(300)])
        with ledger.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM responses WHERE rowid > 10")
        done = vacuum(ledger)
        assert done.bytes_after < done.bytes_before / 10
        assert done.bytes_after == sum(file.stat().st_size for file in tmp_path.iterdir())


def test_vacuuming_beside_a_reader_and_a_writer_loses_nothing(url: str) -> None:
    with Ledger(url) as ledger, Ledger(url) as other:
        ledger.put([entry_of(str(i)) for i in range(600)])
        reading = other.entries()
        next(reading)
        done = vacuum(ledger)
        assert done.in_use == ("://" not in url)
        other.put([entry_of("meanwhile")])
        assert len(list(reading)) >= 599
        assert ledger.count() == 601


def test_the_figures_come_as_json_too(bench: Workbench) -> None:
    assert bench.run().status == 0
    found = json.loads(bench.main(["ledger", "stats", "--json", "ledger.url=ledger.db"]).out)
    assert found["ledger"] == "ledger.db"
    assert found["responses"] == 12
    assert {one["responses"] for one in found["models"]} == {6}
    assert found["claims"] == []
    told = bench.main(["ledger", "stats", "ledger.url=ledger.db"]).out
    assert f"At today's list prices, online, ${found['known_usd']:,.4f}. Batches cost half" in told
    done = json.loads(bench.main(["ledger", "vacuum", "--json", "ledger.url=ledger.db"]).out)
    assert done["responses"] == 12
    assert done["bytes_before"] >= done["bytes_after"] > 0


@pytest.mark.parametrize("action", ["stats", "vacuum", "export x.jsonl", "explain seeds.path=x"])
def test_a_ledger_that_is_not_there_is_told_and_not_made(bench: Workbench, action: str) -> None:
    ended = bench.main(["ledger", *action.split(), "ledger.url=nowhere/ledger.db"])
    assert ended.status == 2, ended
    assert "want a ledger that is there" in ended.err
    assert not (bench.folder / "nowhere").exists()


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (123_456_789, "123.5 MB")],
)
def test_a_size_is_told_as_people_read_it(count: int, told: str) -> None:
    assert size(count) == told


@pytest.mark.parametrize("words", [["--help"], ["stats", "--help"], ["import", "--help"]])
def test_help_is_at_hand(bench: Workbench, words: list[str]) -> None:
    ended = bench.main(["ledger", *words])
    assert ended.status == 0
    assert "usage: distill ledger" in ended.out
