from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill.errors import ConfigError, LedgerError
from distill.ledger import Entry, Ledger, canonical_json, response_key


def entry(key: str, body: str = "{}") -> Entry:
    return Entry(
        key=key,
        provider="anthropic",
        namespace="anthropic",
        model="m",
        served_model="m",
        sample=0,
        request="{}",
        body=body,
        input_tokens=1,
        output_tokens=2,
        request_id="",
        created_at="2026-01-01T00:00:00Z",
    )


def key_of(**changes: object) -> str:
    given_: dict[str, object] = {
        "provider": "anthropic",
        "namespace": "anthropic",
        "body": {"model": "m", "messages": [{"role": "user", "content": "hello"}]},
        "sample": 0,
    }
    return response_key(**(given_ | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"provider": "openai"}, id="provider"),
        pytest.param({"namespace": "anthropic+custom"}, id="namespace"),
        pytest.param({"sample": 1}, id="sample"),
        pytest.param({"body": {"model": "n"}}, id="body"),
        pytest.param({"body": {"model": "m", "messages": []}}, id="messages"),
    ],
)
def test_everything_that_shapes_an_answer_is_in_its_key(changes: dict[str, object]) -> None:
    assert key_of(**changes) != key_of()


def test_a_key_does_not_change_between_releases() -> None:
    # A change here throws away everything that users have paid for: raise FORMAT on purpose only.
    body = {"b": [1, 2.5, None, True], "a": "é"}
    assert canonical_json(body) == '{"a":"é","b":[1,2.5,null,true]}'
    key = response_key(provider="p", namespace="n", body=body, sample=0)
    assert key == "5128b50a894d2e32c8dec57b71f6ba581a9715332904afd3635455893093d72e"


def test_a_key_does_not_depend_on_the_order_of_fields() -> None:
    assert key_of(body={"a": 1, "b": 2}) == key_of(body={"b": 2, "a": 1})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)


@settings(derandomize=True, max_examples=50, deadline=None)
@given(JSON)
def test_canonical_json_loses_nothing(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


def test_not_a_number_has_no_canonical_json() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"x": float("nan")})


def test_what_was_put_is_found_after_reopening(tmp_path: Path) -> None:
    url = str(tmp_path / "deep" / "down" / "ledger.db")
    kept = [entry(f"k{i}", body=f'{{"text":"é雪 {i}"}}') for i in range(3)]
    with Ledger(url) as ledger:
        ledger.put(kept)
    with Ledger(url) as ledger:
        found = sorted(ledger.get_many(["k0", "k1", "k2", "k9"]), key=lambda e: e.key)
        assert found == kept
        assert ledger.count() == 3


def test_more_keys_than_a_query_takes_are_found(tmp_path: Path) -> None:
    keys = [f"k{i}" for i in range(2500)]
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        ledger.put([entry(key) for key in keys])
        assert {e.key for e in ledger.get_many(keys)} == set(keys)
        assert list(ledger.get_many([])) == []


def test_a_key_keeps_its_first_response(tmp_path: Path) -> None:
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        ledger.put([entry("k", body="first")])
        ledger.put([entry("k", body="second"), entry("other")])
        assert [e.body for e in ledger.get_many(["k"])] == ["first"]
        assert ledger.count() == 2


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_several_writers_at_once_lose_nothing(tmp_path: Path, synchronous: str) -> None:
    url = str(tmp_path / "ledger.db")
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        try:
            with Ledger(url, synchronous=synchronous) as ledger:
                for i in range(20):
                    ledger.put([entry(f"{writer}-{i}"), entry(f"shared-{i}")])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    with Ledger(url) as ledger:
        assert ledger.count() == 4 * 20 + 20


def test_sqlite_urls_and_paths_are_the_same_place(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger(str(path)) as ledger:
        ledger.put([entry("k")])
    with Ledger(f"sqlite:///{path}") as ledger:
        assert ledger.count() == 1


def test_a_file_that_is_no_database_is_told_without_its_content(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("secret " * 200)
    with pytest.raises(LedgerError) as caught:
        Ledger(str(path))
    assert "text.db" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["mysql+pymysql://me:s3cret@h/d", "nosuch://me:s3cret@h/d", "://", "postgresql://h:x/d"]
)
def test_a_url_that_cannot_serve_is_a_config_fault_without_its_password(url: str) -> None:
    with pytest.raises((ConfigError, LedgerError)) as caught:
        Ledger(url)
    assert "s3cret" not in str(caught.value)
    assert "ledger" in str(caught.value)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError):
        Ledger(str(tmp_path / "file" / "ledger.db"))


def test_a_ledger_opened_before_claims_existed_is_still_read(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "ledger.db"
    with Ledger(str(path)) as ledger:
        ledger.put([entry("k")])
    with sqlite3.connect(path) as old:
        old.execute("DROP TABLE claims")
    old.close()

    with Ledger(str(path)) as ledger:
        assert ledger.claims().claim(["k", "new"], lease_s=60).granted == {"new"}


def test_a_claim_is_granted_once_until_it_is_released(tmp_path: Path) -> None:
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        first, second = ledger.claims(), ledger.claims()
        assert first.claim(["a", "b"], lease_s=60).granted == {"a", "b"}
        assert second.claim(["b", "c"], lease_s=60).busy == {"b"}
        first.release(["b"])
        assert second.claim(["b"], lease_s=60).granted == {"b"}
        first.release()
        assert second.claim(["a"], lease_s=60).granted == {"a"}


def test_a_claim_on_what_was_answered_says_so(tmp_path: Path) -> None:
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        ledger.put([entry("a")])
        claimed = ledger.claims().claim(["a", "b"], lease_s=60)
        assert (claimed.answered, claimed.granted) == ({"a"}, {"b"})


def test_a_claim_lapses(tmp_path: Path) -> None:
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        ledger.claims().claim(["a"], lease_s=-1)
        assert ledger.claims().claim(["a"], lease_s=60).granted == {"a"}
