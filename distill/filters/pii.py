"""Rows that hold what belongs to a person: a student learns such things by heart.

Telephone numbers are `phonenumbers`' (Google's libphonenumber), the rest are published forms with
their check digits. Looked at and not taken: `presidio-analyzer` (needs spaCy, asks the network for
a list of domains, 11 ms an answer against 0.02, telephone numbers in 1.4 % of GSM8K's worked
answers), `scrubadub` (finds no card, IBAN or address of a machine; 0.7 % of the same answers) and
`datafog` (3.9 % of them).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import Annotated, Literal

import polars as pl
from pydantic import Field, Strict

from distill.component import Text, component
from distill.filters.checksums import is_card, is_iban
from distill.filters.extra import want_package
from distill.filters.found import found_in

Kind = Literal["email", "phone", "credit_card", "iban", "ip_address", "us_ssn"]
Kinds = Annotated[
    tuple[Kind, ...],
    Strict(False),
    Field(
        description="a list of email, phone, credit_card, iban, ip_address, us_ssn, or [] for none"
    ),
]

# What a text must hold to be looked at, in the dialect of Polars: most hold none of it.
SIGNS = r"@|\d(?:[ ()./–-]{0,3}\d){6}|\d{1,3}(?:\.\d{1,3}){3}|[23][0-9A-Fa-f]{3}:"

EMAIL = re.compile(
    r"(?<![\w.+-])(?!git@)[\w.+%'-]{1,64}@(?P<host>(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24})(?![\w-])"
)
# The password of a URL stands before an @ as well.
LOGIN = re.compile(r"://[^\s/@]*@")
# Names that nobody can own: RFC 2606 and 6761.
EXAMPLE_HOST = re.compile(r"(?i)(?:^|\.)(?:example\.(?:com|net|org)|example|test|invalid|local)$")
CARD = re.compile(r"(?<![\w.,+-])\d(?:[ -]?\d){12,18}(?![\w-]|[.,]\d)")
IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?!\w)")
IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)")
# Global addresses alone begin so (RFC 4291): `std::map` and `a::b` are none.
IPV6 = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,34}(?![\w:])")
# Ranges of documentation, RFC 5737 and 3849, which count as global where examples do.
DOCUMENTED = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:")
US_SSN = re.compile(
    r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])",
)
# As Americans write them: the numbers of films (555) are assigned to nobody, and still look real.
NANP = re.compile(r"(?<![\w.-])(?:\+?1[ .-]?)?(?:\(\d{3}\) ?|\d{3}[-.])\d{3}[-.]\d{4}(?![\w-])")
NANP_REGIONS = frozenset({"US", "CA"})


@component
class Pii:
    """Drop rows whose question, answer or rationale holds personal data.

    Args:
        kinds: What to look for; an empty list keeps everything.
        phone_region: Country whose numbers count without a country code, ISO 3166; `None` for
            numbers with `+` alone.
        allow_examples: Let e-mail addresses and IP addresses pass that are set aside for examples
            (`example.com`, `192.0.2.1`).

    Note:
        The evidence names the kind and the column, never the text. Private IP addresses point to
        nobody and pass. Names and postal addresses are not looked for: no rule finds them. The
        teacher has seen a question before this filter does.
    """

    kinds: Kinds
    phone_region: Text | None
    allow_examples: bool

    def __post_init__(self) -> None:
        """See that telephone numbers can be told.

        Raises:
            ValueError: the `filters` extra is missing, or the region is none.
        """
        if "phone" not in self.kinds:
            return
        want_package("phonenumbers")
        from phonenumbers import SUPPORTED_REGIONS

        if self.phone_region is not None and self.phone_region not in SUPPORTED_REGIONS:
            raise ValueError(f"phone_region: got {self.phone_region!r}, want a country of ISO 3166")

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for rows with personal data."""
        return self.details(table).is_not_null()

    def details(self, table: pl.DataFrame) -> pl.Series:
        """Return `email in the answer` a row that is dropped."""
        return found_in(table, SIGNS, self._kinds_of)

    def _kinds_of(self, text: str) -> Iterator[str]:
        finders: Mapping[Kind, Callable[[str], bool]] = {
            "email": self._has_email,
            "phone": self._has_phone,
            "credit_card": lambda text: any(is_card(m[0]) for m in CARD.finditer(text)),
            "iban": lambda text: any(is_iban(m[0]) for m in IBAN.finditer(text)),
            "ip_address": self._has_address,
            "us_ssn": lambda text: US_SSN.search(text) is not None,
        }
        return (kind for kind in self.kinds if finders[kind](text))

    def _has_email(self, text: str) -> bool:
        return any(
            not (self.allow_examples and EXAMPLE_HOST.search(match["host"]))
            for match in EMAIL.finditer(LOGIN.sub("://", text))
        )

    def _has_phone(self, text: str) -> bool:
        from phonenumbers import Leniency, PhoneNumberMatcher

        if self.phone_region in NANP_REGIONS and NANP.search(text):
            return True
        # Digits in the groups of their country: a sum that happens to be a number is none.
        found = PhoneNumberMatcher(text, self.phone_region, leniency=Leniency.STRICT_GROUPING)
        return found.has_next()

    def _has_address(self, text: str) -> bool:
        return any(
            self._is_public(match[0]) for form in (IPV4, IPV6) for match in form.finditer(text)
        )

    def _is_public(self, candidate: str) -> bool:
        if candidate.lower().startswith(DOCUMENTED):
            return not self.allow_examples
        try:
            return ip_address(candidate).is_global
        except ValueError:
            return False
