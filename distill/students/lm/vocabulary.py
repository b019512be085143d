"""Whether two models mean the same by a token: without that, their distributions do not compare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from distill.errors import UserError

OTHER_WAYS = (
    "choose models of one tokenizer, or student=sft, which learns from texts; "
    "docs/soft_targets.md says what there is for two tokenizers"
)


def check_same(teacher: Mapping[str, int], student: Mapping[str, int]) -> int:
    """See that two vocabularies are one, and return how many ids it takes, >= 1.

    Models of one family may pad their vocabularies to different sizes; the ids beyond the last
    token are nobody's and are left out.

    Raises:
        UserError: tokens or ids differ.
    """
    if teacher == student:
        return max(student.values()) + 1
    differing = sorted(
        (at, token)
        for token in teacher.keys() | student.keys()
        if (at := student.get(token, teacher.get(token, 0))) != teacher.get(token)
        or token not in student
    )
    token = differing[0][1]
    told = " and ".join(
        f"{vocabulary[token]} to the {who}" if token in vocabulary else f"unknown to the {who}"
        for who, vocabulary in (("teacher", teacher), ("student", student))
    )
    raise UserError(
        f"student.teacher: its vocabulary is not the student's: {len(teacher)} tokens against "
        f"{len(student)}, {len(differing)} of them otherwise; {token!r} is {told}.",
        hint=OTHER_WAYS,
    )


def read_vocabulary(folder: Path) -> dict[str, int] | None:
    """Return the ids by token out of a folder's `tokenizer.json`, without loading a library.

    Returns:
        `None` where there is no such file, or it says nothing by name.
    """
    try:
        told = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        known = {str(token): int(at) for token, at in told["model"]["vocab"].items()}
        added = {str(one["content"]): int(one["id"]) for one in told["added_tokens"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return known | added
