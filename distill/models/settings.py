"""The settings that every provider shares: keys of `teacher`, and of a judge that asks a model."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from distill.component import Count, Positive, PositiveFloat, Text, component
from distill.errors import ModelError
from distill.models.limits import Limits

BaseUrl = Annotated[
    str,
    Field(
        pattern=r"^https?://[^@\s]+$",
        description="an address that begins with http:// or https://, without a user or password",
    ),
]


@component
class ModelSettings:
    """Which model answers, where, and how it is called.

    Args:
        model: The exact model id.
        base_url: The endpoint, or `None` for the provider's own.
        api_key_env: The environment variable that holds the key; the key itself is never stored.
        max_tokens: Most tokens of one reply, >= 1.
        samples: Replies asked for each question, >= 1.
        concurrency: Requests in flight at once, >= 1.
        limits: What the endpoint allows a minute, where it does not say so itself.
        timeout_s: Time budget of one request with all its retries, in seconds, > 0.
        max_retries: Further attempts after a 408, 409, 429, 5xx or a lost connection, >= 0.
        served_check: `strict` stops the run when another id than `model` was served; `record`
            only writes it down (for gateways that answer under a name of their own).
        allow_alias: Accept an id that the provider may move to another model.
    """

    model: Text
    base_url: BaseUrl | None
    api_key_env: Text | None
    max_tokens: Positive
    samples: Positive
    concurrency: Positive
    limits: Limits
    timeout_s: PositiveFloat
    max_retries: Count
    served_check: Literal["strict", "record"]
    allow_alias: bool

    def check_served(self, served_model: str) -> None:
        """Compare the id that was served with the id that was asked for.

        Raises:
            ModelError: they differ and `served_check` is `strict`.
        """
        if self.served_check == "record" or served_model == self.model:
            return
        if self.allow_alias and _is_snapshot(served_model, of=self.model):
            return
        raise ModelError(
            f"{self.model}: the endpoint served {served_model!r} instead; the run stopped, "
            "and what was paid for is in the ledger.",
            hint=f"pin {served_model}, or, where a gateway answers under a name of its own, set "
            "teacher.served_check=record (of a judge or student: judge.via.served_check, "
            "student.via.served_check)",
        )

    def namespace_of(self, provider: str) -> str:
        """Name the endpoint without its host: the provider's own, or a stand-in for it.

        A replay or a gateway never shares answers with the real endpoint, and may move to another
        host or port without its answers being paid for again.
        """
        return provider if self.base_url is None else f"{provider}+custom"


def _is_snapshot(served: str, *, of: str) -> bool:
    """Say whether `served` is the alias `of` with a date."""
    alias = of.removesuffix("-latest")
    return re.fullmatch(rf"{re.escape(alias)}[-@]\d{{8}}", served) is not None
