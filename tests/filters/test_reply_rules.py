"""What is wrong with a reply as such: cut, empty, refused, too long, in a loop, said before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tables import answered_table

from distill.build import build, instantiate
from distill.config import compose
from distill.errors import ConfigError
from distill.filters import ExactDuplicates, FormatRegex, JsonValid, MaxWords, PythonParses

GSM8K = Path(__file__).parents[2].parent / "shared" / "data" / "gsm8k" / "train.jsonl"
PROSE = (
    "A pod is the smallest unit that Kubernetes schedules. It holds one or more containers that "
    "share an address and volumes. When a container ends, the kubelet starts it again, and it "
    "waits longer each time. A deployment keeps a number of pods alive and replaces them one by "
    "one when their template changes."
)


def shipped(name: str) -> Any:
    more = ["filter.format_regex.pattern='####'"] if name == "format_regex" else []
    node = compose(["seeds.path=-", f"filter={name}", *more])["filter"][name]
    faults: list[Any] = []
    made = instantiate(node, f"filter.{name}", faults)
    assert not faults
    return made


def rejected(filter_: Any, answer: str, **columns: Any) -> bool:
    cells = {name: [value] for name, value in columns.items()}
    return bool(filter_.rejects(answered_table([answer], **cells)).item())


@pytest.mark.parametrize(
    ("reason", "dropped"),
    [
        ("max_tokens", True),
        ("length", True),
        ("LENGTH", True),
        ("model_context_window_exceeded", True),
        ("end_turn", False),
        ("stop_sequence", False),
        (None, False),
    ],
)
def test_a_reply_that_was_cut_is_dropped(reason: str | None, dropped: bool) -> None:
    assert rejected(shipped("truncated"), "So it", stop_reason=reason) == dropped


@pytest.mark.parametrize(
    ("answer", "dropped"),
    [("", True), (" \n…!?", True), ("—", True), ("7", False), ("雪", False), ("٣", False)],
)
def test_an_answer_without_letter_or_digit_is_dropped(answer: str, dropped: bool) -> None:
    assert rejected(shipped("empty"), answer) == dropped


@pytest.mark.parametrize(
    ("answer", "dropped"),
    [
        pytest.param("I can't help with that.", True, id="plain"),
        pytest.param("I’m sorry, but I can’t do that.", True, id="typographic"),
        pytest.param("\n**I CANNOT ASSIST** with it", True, id="signs before"),
        pytest.param("I'm unable to", True, id="to the end"),
        pytest.param("As an AI language model, I cannot provide that.", True, id="as an AI"),
        pytest.param("Sorry, I am not able to say.", True, id="sorry"),
        pytest.param("As an AI, I see two ways.", False, id="as an AI that answers"),
        pytest.param("'I cannot' is short for 'I can not'.", False, id="grammar"),
        pytest.param("The parser says: I can't help.", False, id="not at the beginning"),
        pytest.param("I can't stress enough that pods die.", False, id="other words"),
        pytest.param("I won'tish", False, id="part of a word"),
        pytest.param("", False, id="empty"),
        pytest.param(PROSE, False, id="prose"),
    ],
)
def test_an_answer_that_begins_with_a_refusal_is_dropped(answer: str, dropped: bool) -> None:
    assert rejected(shipped("refusal"), answer) == dropped


@pytest.mark.parametrize(
    ("answer", "dropped"),
    [
        pytest.param("As an AI, I think", True, id="as an AI"),
        pytest.param("As an AI-based system", True, id="hyphen"),
        pytest.param("As an aid to memory", False, id="as an aid"),
        pytest.param("Certainly! Here it is", True, id="certainly"),
        pytest.param("Sure, I'd be happy to help.", True, id="sure"),
        pytest.param("Surely, I'd be wrong.", False, id="surely"),
        pytest.param("Certainly the pod dies.", False, id="certainly in prose"),
        pytest.param("It is, certainly! And", False, id="later"),
        pytest.param("", False, id="empty"),
        pytest.param(PROSE, False, id="prose"),
    ],
)
def test_an_answer_that_opens_with_a_set_phrase_is_dropped(answer: str, dropped: bool) -> None:
    assert rejected(shipped("boilerplate"), answer) == dropped


@pytest.mark.parametrize(
    ("most", "words", "dropped"), [(3, 3, False), (3, 4, True), (0, 1, True), (None, 999, False)]
)
def test_max_words_is_inclusive(most: int | None, words: int, dropped: bool) -> None:
    assert rejected(MaxWords(max_words=most), "word\n" * words) == dropped


@pytest.mark.parametrize(
    ("answer", "dropped"),
    [
        pytest.param("the pod is dead. " * 30, True, id="a loop"),
        pytest.param(f"{PROSE} " * 5 + "A pod is", True, id="a long loop, cut"),
        pytest.param(f"{PROSE} {'and so the pod will start again ' * 5}", True, id="at the end"),
        pytest.param("no " * 30, True, id="one word"),
        pytest.param(PROSE, False, id="prose"),
        pytest.param(f"{PROSE} In short: {PROSE[:53]}", False, id="a sentence said twice"),
        pytest.param("no no no", False, id="too short to say"),
        pytest.param("", False, id="empty"),
    ],
)
def test_an_answer_that_repeats_itself_is_dropped(answer: str, dropped: bool) -> None:
    assert rejected(shipped("repetition"), answer) == dropped


@pytest.mark.skipif(not GSM8K.is_file(), reason="the real data sets are not beside this checkout")
@pytest.mark.parametrize("name", ["repetition", "truncated", "empty", "refusal", "boilerplate"])
def test_rules_about_replies_leave_human_worked_answers_alone(name: str) -> None:
    answers = pl.read_ndjson(GSM8K)["answer"].to_list()
    table = answered_table(answers)
    assert len(answers) > 7000
    assert shipped(name).rejects(table).mean() <= 0.001


def test_the_first_of_two_same_answers_stays() -> None:
    table = answered_table(
        ["It is 5.", "it  is\n5. ", "It is -5.", "It is 5.", "It is 5."],
        question=["How many?", "how many", "How many?", "How few?", "HOW MANY"],
    )
    assert ExactDuplicates().rejects(table).to_list() == [False, True, False, False, True]


@pytest.mark.parametrize(
    ("pattern", "answer", "dropped"),
    [
        (r"#### -?\d+$", "So:\n#### 12", False),
        (r"#### -?\d+$", "So: 12", True),
        (r"^\d+$", "12 apples", True),
        ("", "", False),
        ("x", "", True),
    ],
)
def test_an_answer_in_another_form_is_dropped(pattern: str, answer: str, dropped: bool) -> None:
    assert rejected(FormatRegex(pattern=pattern), answer) == dropped


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("ab(", "unclosed group at character 3"),
        ("(?=x)y", "look-around, .* is not supported at character 1"),
        ("x{99999999}", "too large"),
    ],
)
def test_a_pattern_that_cannot_be_read_is_a_fault_of_the_config(pattern: str, why: str) -> None:
    config = compose(
        ["seeds.path=-", "filter=format_regex", f"filter.format_regex.pattern='{pattern}'"]
    )
    told = rf"filter\.format_regex\.pattern: got .*, want a regular expression \(.*{why}\)\.$"
    with pytest.raises(ConfigError, match=told):
        build(config)


@pytest.mark.parametrize(
    ("answer", "dropped"),
    [
        ('{"a": [1, null]}', False),
        (" 7\n", False),
        ('{"a": 1,}', True),
        ("{'a': 1}", True),
        ("NaN", True),
        ("```json\n{}\n```", True),
        ("", True),
        ("[" * 100_000, True),
    ],
)
def test_an_answer_that_is_no_json_is_dropped(answer: str, dropped: bool) -> None:
    assert rejected(JsonValid(), answer) == dropped


@pytest.mark.parametrize(
    ("answer", "dropped"),
    [
        pytest.param("So:\n```python\nprint(1)\n```\nDone.", False, id="parses"),
        pytest.param("So:\n```python\nprint(1\n```\nDone.", True, id="does not"),
        pytest.param("```py\nx = 1\n```\nor\n```python3\nx =\n```", True, id="the second does not"),
        pytest.param("```python\nx = (\n", True, id="never closed"),
        pytest.param("1. So\n   ```python\n   x = 1\n   ```", False, id="indented"),
        pytest.param("```python\nprint('\\d')\n```", False, id="a warning is no fault"),
        pytest.param("```bash\nif then (\n```", False, id="another language"),
        pytest.param("```\nx = (\n```", False, id="no language"),
        pytest.param("x = (", False, id="no block"),
        pytest.param("", False, id="empty"),
        pytest.param("```python\nx\x00\n```", True, id="a null byte"),
    ],
)
def test_an_answer_with_python_that_does_not_parse_is_dropped(answer: str, dropped: bool) -> None:
    assert rejected(PythonParses(), answer) == dropped


def test_python_is_never_executed(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    assert not rejected(PythonParses(), f"```python\nopen({str(mark)!r}, 'w')\n```")
    assert not mark.exists()


def test_the_strict_preset_builds_its_rules_in_order() -> None:
    plan = build(compose(["seeds.path=-", "filter=strict"]))
    table = answered_table(
        [PROSE, PROSE.upper(), "Sure! " + PROSE], question=["What is a pod?"] * 3
    )
    assert list(plan.filters) == [
        "empty", "truncated", "refusal", "boilerplate", "uncertainty", "repetition",
        "question_quality", "length_outliers", "exact_duplicates", "near_duplicates",
    ]  # fmt: skip
    kept = pl.Series([True] * 3)
    for one in plan.filters.values():
        kept &= ~one.rejects(table)
    assert kept.to_list() == [True, False, False]
