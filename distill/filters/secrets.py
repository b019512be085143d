"""Rows that hold a key or a token: nobody else should ever learn it.

Found by the detectors of `detect-secrets` (Yelp) that go by the form which a provider gives its
keys. Its detectors by entropy and by keyword are left out: they fire on any long identifier.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import polars as pl

from distill.component import Texts, component
from distill.filters.extra import want_package
from distill.filters.found import found_in

# By our name, the library's module and class.
DETECTORS: Mapping[str, tuple[str, str]] = {
    "aws": ("aws", "AWSKeyDetector"),
    "azure_storage": ("azure_storage_key", "AzureStorageKeyDetector"),
    "basic_auth": ("basic_auth", "BasicAuthDetector"),
    "discord": ("discord", "DiscordBotTokenDetector"),
    "github": ("github_token", "GitHubTokenDetector"),
    "gitlab": ("gitlab_token", "GitLabTokenDetector"),
    "jwt": ("jwt", "JwtTokenDetector"),
    "mailchimp": ("mailchimp", "MailchimpDetector"),
    "npm": ("npm", "NpmDetector"),
    "openai": ("openai", "OpenAIDetector"),
    "private_key": ("private_key", "PrivateKeyDetector"),
    "pypi": ("pypi_token", "PypiTokenDetector"),
    "sendgrid": ("sendgrid", "SendGridDetector"),
    "slack": ("slack", "SlackDetector"),
    "square": ("square_oauth", "SquareOAuthDetector"),
    "stripe": ("stripe", "StripeDetector"),
    "telegram": ("telegram_token", "TelegramBotTokenDetector"),
    "twilio": ("twilio", "TwilioKeyDetector"),
}
# Forms that the library's release does not know, as the providers document them.
FORMS: Mapping[str, re.Pattern[str]] = {
    # The library wants quotes, which neither a shell nor a credentials file has.
    "aws": re.compile(
        r"(?i:aws_?secret(?:_?access)?_?key)[\"']?\s*[:=]\s*[\"']?([A-Za-z0-9/+]{40})(?![\w/+])"
    ),
    "anthropic": re.compile(r"\bsk-ant-[a-z]+\d\d-[\w-]{80,}"),
    "github": re.compile(r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    "google": re.compile(r"\bAIza[\w-]{35}(?![\w-])"),
    "huggingface": re.compile(r"\bhf_[A-Za-z0-9]{34}(?![A-Za-z0-9])"),
    "openai": re.compile(r"\bsk-(?:proj|svcacct|admin)-[\w-]{40,}"),
    "private_key": re.compile(r"BEGIN ENCRYPTED PRIVATE KEY"),
}
KINDS = frozenset({*DETECTORS, *FORMS})
# What every key has, in the dialect of Polars: a long run of its signs, or a URL with a password.
SIGNS = r"[\w+/=-]{16,}|PRIVATE KEY|PuTTY-User-Key|:_authToken|://[^\s/@:]+:[^\s/@:]+@"
# What stands in a manual where the reader's own password belongs.
PLACEHOLDER = re.compile(
    r"(?i)\W*(?:my|your|the|some|db|user|admin|root)?[-_ ]?"
    r"(?:pass(?:word|wd|phrase)?|pwd|pw|secret|token|key|changeme|example|x+|\*+)\W*"
)
TEMPLATED = re.compile(r"^[<{\[$%]|[>}\]%]$|EXAMPLE")


@component
class Secrets:
    """Drop rows whose question, answer or rationale holds a key, a token or a password in a URL.

    Args:
        kinds: Whose keys to look for, see `KINDS`; an empty list keeps everything.

    Note:
        The evidence names the kind and the column, never the secret. What a manual writes in the
        place of one passes: `user:password@host`, `$TOKEN`, `<your key>`, `AKIA…EXAMPLE`. A
        private key counts by its first line, however little follows.
    """

    kinds: Texts

    def __post_init__(self) -> None:
        """See that the detectors are there.

        Raises:
            ValueError: the `filters` extra is missing, or a kind is none.
        """
        strays = sorted(set(self.kinds) - KINDS)
        if strays:
            raise ValueError(f"kinds: got {strays}, want some of {', '.join(sorted(KINDS))}")
        want_package("detect_secrets")

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        """Return true for rows with a secret."""
        return self.details(table).is_not_null()

    def details(self, table: pl.DataFrame) -> pl.Series:
        """Return `github in the answer` a row that is dropped."""
        return found_in(table, SIGNS, self._kinds_of)

    def _kinds_of(self, text: str) -> Iterator[str]:
        return (kind for kind in self.kinds if any(map(_is_real, _secrets(kind, text))))


def _secrets(kind: str, text: str) -> Iterator[str]:
    """Yield the texts that have the form of one kind of secret."""
    if kind in DETECTORS:
        yield from _detector(kind).analyze_string(text)
    if kind in FORMS:
        yield from FORMS[kind].findall(text)


def _is_real(secret: str) -> bool:
    return not (PLACEHOLDER.fullmatch(secret) or TEMPLATED.search(secret))


@cache
def _detector(kind: str) -> Any:
    import importlib

    module, name = DETECTORS[kind]
    return getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)()
