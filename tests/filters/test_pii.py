"""Personal data and secrets: what is one, what only looks like one, and what the evidence says."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from tables import answered_table

from distill.build import build
from distill.config import compose
from distill.errors import ConfigError
from distill.filters.checksums import IBAN_LENGTHS, is_card, is_iban
from distill.filters.secrets import KINDS


def shipped(name: str, *overrides: str) -> Any:
    return build(compose(["seeds.path=-", f"filter={name}", *overrides])).filters[name]


PII, SECRETS = shipped("pii"), shipped("secrets")


def told(one: Any, answer: str, question: str = "What is it?") -> str | None:
    why: str | None = one.details(answered_table([answer], question=[question])).item()
    return why


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("Write to jane.doe+x@mail.example.org.", "email", id="email"),
        pytest.param("Email:bob@some-shop.co.uk", "email", id="email after a colon"),
        pytest.param("mailto:müller@web.de", "email", id="email with an umlaut"),
        pytest.param("Call (415) 555-2671 now", "phone", id="phone as in the US"),
        pytest.param("Call 555-123-4567", "phone", id="phone of a film"),
        pytest.param("+49 30 901820", "phone", id="phone with a country code"),
        pytest.param("4111 1111 1111 1111", "credit_card", id="Visa"),
        pytest.param("card:5555-5555-5555-4444.", "credit_card", id="Mastercard"),
        pytest.param("378282246310005", "credit_card", id="American Express"),
        pytest.param("to DE89 3704 0044 0532 0130 00 PLEASE", "iban", id="IBAN in groups"),
        pytest.param("GB82WEST12345698765432", "iban", id="IBAN in one"),
        pytest.param("from 8.8.8.8, port 53", "ip_address", id="IPv4"),
        pytest.param("http://93.184.216.34:80/", "ip_address", id="IPv4 in a URL"),
        pytest.param("2606:4700:4700::1111", "ip_address", id="IPv6"),
        pytest.param("SSN 536-22-8726", "us_ssn", id="SSN"),
    ],
)
def test_personal_data_is_found_in_answer_and_question(text: str, kind: str) -> None:
    assert told(PII, text) == f"{kind} in the answer"
    assert told(PII, "Fine.", text) == f"{kind} in the question"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("12*7=<<12*7=84>>84 and 110-60-15 = 35", id="sums"),
        pytest.param("28980-18480=10500", id="a sum of ten digits"),
        pytest.param("1,234,567,890 or 1 000 000 people", id="large numbers"),
        pytest.param("4111 1111 1111 1112", id="no check digit"),
        pytest.param("0000 0000 0000 0000", id="no network"),
        pytest.param("3.14159265358979323846", id="pi"),
        pytest.param("DE89 3704 0044 0532 0130 01", id="no IBAN"),
        pytest.param("10.96.0.1, 192.168.2.17, 127.0.0.1 and 0.0.0.0/0", id="private addresses"),
        pytest.param("std::map, a::b and 12:30:45", id="colons"),
        pytest.param("version 1.2.3 of 2024-10-11", id="a version and a date"),
        pytest.param("300.1.1.1 and 1.2.3.4.5", id="no addresses"),
        pytest.param("000-12-3456, 666-12-3456, 123-00-4567", id="never a SSN"),
        pytest.param("@user said so @ home", id="a handle"),
        pytest.param("git clone git@github.com:a/b.git", id="a repository"),
        pytest.param("postgres://app:h8Fk2kq@db.shop.com/x", id="a login"),
        pytest.param("", id="empty"),
    ],
)
def test_what_only_looks_like_personal_data_passes(text: str) -> None:
    assert told(PII, text) is None


def test_examples_pass_where_they_may() -> None:
    lenient = shipped("pii", "filter.pii.allow_examples=true")
    for text in ("bob@example.com", "x@mail.test", "203.0.113.7", "2001:db8::1"):
        assert told(PII, text) is not None
        assert told(lenient, text) is None
    assert told(lenient, "bob@example.shop, 8.8.8.8") == (
        "email in the answer; ip_address in the answer"
    )


def test_numbers_without_a_country_code_count_for_their_country_alone() -> None:
    german = shipped("pii", "filter.pii.phone_region=DE")
    nowhere = shipped("pii", "filter.pii.phone_region=null")
    assert [told(one, "030 901820") is None for one in (PII, german, nowhere)] == [
        True,
        False,
        True,
    ]
    assert told(nowhere, "+49 30 901820") == "phone in the answer"


def test_only_the_kinds_that_are_named_are_looked_for() -> None:
    emails = shipped("pii", "filter.pii.kinds=[email]")
    assert told(emails, "bob@shop.com or +49 30 901820") == "email in the answer"
    assert told(emails, "+49 30 901820") is None


@pytest.mark.parametrize(
    ("override", "fault"),
    [
        ("filter.pii.kinds=[emails]", r"filter\.pii\.kinds"),
        ("filter.pii.phone_region=XX", r"filter\.pii\.phone_region: got 'XX', want a country"),
        ("filter.pii.phone_region=us", r"filter\.pii\.phone_region: got 'us', want a country"),
        ("filter.secrets.kinds=[gitub]", r"filter\.secrets\.kinds: got \['gitub'\], want some of"),
    ],
)
def test_what_is_no_kind_or_country_is_a_fault_of_the_config(override: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        build(compose(["seeds.path=-", "filter=[pii,secrets]", override]))


def test_every_country_of_the_register_has_a_length_that_counts() -> None:
    assert len(IBAN_LENGTHS) > 70
    assert all(15 <= length <= 33 for length in IBAN_LENGTHS.values())
    assert is_iban("NO93 8601 1117 947")
    assert not is_iban("NO93 8601 1117 94")
    assert not is_iban("XX93 8601 1117 947")


def test_a_card_has_its_networks_length_and_check_digit() -> None:
    assert is_card("6011 1111 1111 1117")
    assert not is_card("6011 1111 1111 111")
    assert not is_card("6011 1111 1111 1118")


# Made up, in the form that each provider documents; in two parts, so that no scanner finds them.
MADE_UP = {
    "anthropic": "sk-ant-" + "api03-" + "aB3_" * 24,
    "aws": "AKIA" + "QWERTYUIOPASDFGH",
    "azure_storage": "AccountKey=" + "aB3+" * 22,
    "basic_auth": "postgres://app:" + "h8Fk2kq@db/x",
    "discord": "MTk4NjIyNDgzNDcxOTI1MjQ4" + ".Cl2FMQ." + "a" * 27,
    "github": "ghp_" + "a1B2" * 9,
    "gitlab": "glpat-" + "a1B2c" * 4,
    "google": "AIza" + "SyA1b" * 7,
    "huggingface": "hf_" + "aB" * 17,
    "jwt": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIn0" + ".abc",
    "mailchimp": "0a1b" * 8 + "-us5",
    "npm": "//packages.example.org/" + ":_authToken=npm_" + "a1B2" * 9,
    "openai": "sk-" + "a1B2c" * 4 + "T3BlbkFJ" + "a1B2c" * 4,
    "private_key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "pypi": "pypi-AgEIcHlwaS5vcmc" + "a1B2_" * 15,
    "sendgrid": "SG." + "a" * 22 + "." + "b" * 43,
    "slack": "xoxb-" + "123456789012-" + "a1b2c3d4e5",
    "square": "sq0csp-" + "a" * 43,
    "stripe": "sk_live_" + "a1B2" * 6,
    "telegram": "123456789:" + "a1B2c" * 7,
    "twilio": "AC" + "a1b2" * 8,
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_key_of_every_kind_is_found_and_never_repeated(kind: str) -> None:
    why = told(SECRETS, f"Use {MADE_UP[kind]} for it.")
    assert why is not None
    assert f"{kind} in the answer" in why.split("; ")
    assert MADE_UP[kind][:8] not in why


def test_the_shipped_kinds_are_all_there_are() -> None:
    assert set(SECRETS.kinds) == KINDS == set(MADE_UP)


@pytest.mark.parametrize("written", ["AWS_SECRET_ACCESS_KEY={}", "aws_secret_access_key = '{}'"])
def test_the_other_half_of_an_aws_key_is_found_with_and_without_quotes(written: str) -> None:
    key = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYzQ3v8hN2Kd"

    assert told(SECRETS, written.format(key)) == "aws in the answer"
    assert told(SECRETS, written.format(f"{key[:-10]}EXAMPLEKEY")) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("postgres://user:password@db/x", id="a password's place"),
        pytest.param("https://user:my-secret@host/", id="a secret's place"),
        pytest.param("redis://:${PASSWORD}@host", id="a variable"),
        pytest.param("amqp://guest:<password>@host/", id="angle brackets"),
        pytest.param("AKIA" + "IOSFODNN7EXAMPLE", id="of the provider's manual"),
        pytest.param("export OPENAI_API_KEY=sk-...", id="dots"),
        pytest.param("sha256:" + "0a1b" * 16, id="a digest"),
        pytest.param("123e4567-e89b-12d3-a456-426614174000", id="a UUID"),
        pytest.param("kubectl get pods --namespace kube-system-production-eu", id="a command"),
        pytest.param("A private key stays private.", id="prose"),
        pytest.param("", id="empty"),
    ],
)
def test_what_stands_in_the_place_of_a_secret_passes(text: str) -> None:
    assert told(SECRETS, text) is None


def test_a_rationale_is_looked_at_where_there_is_one() -> None:
    table = answered_table(["Fine."], rationale=["as bob@shop.com wrote"])
    assert PII.details(table).item() == "email in the rationale"
    assert PII.details(table.drop("rationale")).item() is None
    assert PII.details(table.with_columns(question=pl.lit(None, dtype=pl.String))).item()
