"""`distill ledger explain` finds the nearest stored request and names what differs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from entries import body_of, entry_of, keyed
from hypothesis import given, settings
from hypothesis import strategies as st
from workbench import Workbench

from distill.build import build
from distill.config import compose
from distill.ledger import Ledger, canonical_json
from distill.ledger.asked import questions_of
from distill.ledger.batches import BatchBook, BatchItem
from distill.ledger.nearest import nearest
from distill.ledger.parts import Parts, count_differing, differences, parts_of

TEMPLATE = "Answer the question below clearly, accurately and completely.\n\n{q}"
QUESTIONS = [
    f"Which of the {noun} near {place} is the oldest?"
    for noun in ("churches", "bridges", "harbours", "libraries", "theatres")
    for place in ("Lisbon", "Antwerp", "Bergen", "Trieste", "Riga")
]


def parts(prompt: str, *, sample: int = 0, provider: str = "anthropic", **changes: Any) -> Parts:
    return parts_of(provider, "anthropic", sample, body_of(prompt, **changes))


def told(here: Parts, there: Parts) -> list[str]:
    return [one.told for one in differences(here, there)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"max_tokens": 1024}, "max_tokens: 1024 here, 512 in the ledger", id="number"),
        pytest.param({"sample": 2}, "sample: 2 here, 0 in the ledger", id="sample"),
        pytest.param({"provider": "x"}, "provider: 'x' here, 'anthropic' in the ledger", id="by"),
        pytest.param({"temperature": 0}, "temperature: 0 here, nothing in the ledger", id="absent"),
        pytest.param(
            {"output_config": {"effort": "high"}},
            "output_config.effort: 'high' here, nothing in the ledger",
            id="nested",
        ),
        pytest.param(
            {"system": "Be brief. Or else be long and whole."},
            "system: differs from character 10: …'e brief. Or else be long and whole.' "
            "here, its end after …'e brief.' in the ledger",
            id="text",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "Why?"}]},
            'shots: [{"content":"a","role":"user"}] here, nothing in the ledger',
            id="turns before",
        ),
    ],
)
def test_a_difference_is_told_by_the_name_of_its_field(changes: dict[str, Any], said: str) -> None:
    lines = told(parts("Why?", **changes), parts("Why?"))
    assert lines == [said]


def test_the_same_request_differs_in_nothing() -> None:
    assert told(parts("Why?"), parts("Why?")) == []
    assert count_differing(parts("Why?").fields, parts("Why?").fields) == 0


def test_true_is_not_one_to_the_ledger() -> None:
    assert told(parts("Why?", stream=True), parts("Why?", stream=1)) == [
        "stream: true here, 1 in the ledger"
    ]


def test_the_system_prompt_of_a_chat_api_is_called_so_too() -> None:
    turns = [{"role": "system", "content": "A"}, {"role": "user", "content": "Why?"}]
    other = [{"role": "system", "content": "B"}, {"role": "user", "content": "Why?"}]
    made = [parts_of("openai", "vllm", 0, {"messages": messages}) for messages in (turns, other)]
    assert told(*made) == ["system: 'A' here, 'B' in the ledger"]


def test_where_long_texts_part_is_counted_from_one() -> None:
    here, there = "a" * 100 + "x" + "c" * 50, "a" * 100 + "y" + "c" * 50
    found = next(differences(parts(here), parts(there)))
    assert found.at == 101
    assert found.told.startswith("prompt: differs from character 101: …'aaaaaaaax")
    shorter = next(differences(parts("a" * 100), parts(there)))
    assert "its end after …'aaaaaaaa'" in shorter.told


plain = st.none() | st.booleans() | st.integers() | st.text(max_size=50)
anything = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["messages", "system", "a"]), anything),
    st.dictionaries(st.sampled_from(["messages", "system", "a"]), anything),
)
def test_bodies_that_differ_have_a_difference(here: dict[str, Any], there: dict[str, Any]) -> None:
    lines = told(parts_of("p", "n", 0, here), parts_of("p", "n", 0, there))
    assert (lines == []) == (canonical_json(here) == canonical_json(there))
    for line in lines:
        assert line.isprintable()


def test_a_changed_setting_finds_the_request_with_the_same_prompt(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.put([entry_of(TEMPLATE.replace("{q}", q)) for q in QUESTIONS])
        ledger.put([entry_of(TEMPLATE.replace("{q}", QUESTIONS[0]), max_tokens=9, system="Else.")])
        found = nearest(
            ledger, [parts(TEMPLATE.replace("{q}", q), max_tokens=9) for q in QUESTIONS]
        )
    for question, stored in zip(QUESTIONS, found, strict=True):
        assert stored is not None
        assert question in stored.parts.prompt
        # Of two that differ in one field each, it is the same one in every run.
        assert count_differing(stored.parts.fields, parts("", max_tokens=9).fields) == 1


def test_a_changed_template_finds_the_request_with_the_same_question(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.put([entry_of(TEMPLATE.replace("{q}", q)) for q in QUESTIONS])
        found = nearest(ledger, [parts(f"Please tell me: {q} Be kind.") for q in QUESTIONS])
    for question, stored in zip(QUESTIONS, found, strict=True):
        assert stored is not None
        assert question in stored.parts.prompt


def test_a_question_that_was_never_asked_has_no_nearest_request(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.put([entry_of(TEMPLATE.replace("{q}", q)) for q in QUESTIONS])
        new = TEMPLATE.replace("{q}", "How do bees dance?")
        assert nearest(ledger, [parts(new)]) == [None]
        assert nearest(ledger, []) == []


def test_a_request_that_is_no_json_object_hides_no_other(url: str) -> None:
    broken = [keyed(entry_of(str(i)), sample=9 + i) for i in range(3)]
    with Ledger(url) as ledger:
        texts = ("[1]", "{", "[" * 5000)
        ledger.put(
            [
                type(one)(**(vars(one) | {"request": text}))
                for one, text in zip(broken, texts, strict=True)
            ]
        )
        ledger.put([entry_of("Why?")])
        assert nearest(ledger, [parts("Why?", sample=1)])[0] is not None


def explained(bench: Workbench, *overrides: str) -> Any:
    words = ["ledger", "explain", "--json", *bench.with_judge(*overrides)[1:]]
    ended = bench.main(words)
    assert ended.status == 0, ended
    return json.loads(ended.out)


def test_a_run_that_is_answered_whole_has_no_misses(bench: Workbench) -> None:
    assert bench.run().status == 0
    asked = bench.api.count()
    found = explained(bench)
    assert found["roles"] == {
        "teacher": {"answered": 6, "missing": 0},
        "judge": {"answered": 6, "missing": 0},
    }
    assert found["causes"] == []
    assert bench.api.count() == asked
    lines = bench.main(["ledger", "explain", *bench.with_judge()[1:]]).out
    assert lines.endswith("Everything that the run asks is in the ledger.\n")


def test_misses_are_grouped_by_cause_the_most_frequent_first(bench: Workbench) -> None:
    assert bench.run().status == 0
    rows = [json.loads(line) for line in (bench.folder / "seeds.jsonl").read_text().splitlines()]
    bench.write("seeds.jsonl", [*rows, {"question": "Whose flute enchanted Hamelin's children?"}])
    found = explained(bench, "teacher.max_tokens=77")
    assert found["roles"]["teacher"] == {"answered": 0, "missing": 7}
    assert found["rows_waiting"] == 7
    told = [(c["misses"], [field["told"] for field in c["fields"]]) for c in found["causes"]]
    assert told == [(6, ["max_tokens: 77 here, 1024 in the ledger"]), (1, [])]
    assert "Hamelin" in found["causes"][1]["example"]["prompt"]
    lines = bench.main(["ledger", "explain", *bench.with_judge("teacher.max_tokens=77")[1:]]).out
    assert "  6  teacher  max_tokens: 77 here, 1024 in the ledger\n" in lines
    assert "  1  teacher  prompt: no stored request asks this\n" in lines


def test_what_the_judge_would_be_asked_about_known_answers_is_explained(bench: Workbench) -> None:
    assert bench.run().status == 0
    found = explained(bench, "judge.model=claude-opus-4-1-20250805", "teacher.samples=2")
    assert found["roles"] == {
        "teacher": {"answered": 6, "missing": 6},
        "judge": {"answered": 0, "missing": 6},
    }
    assert {(c["role"], c["fields"][0]["field"]) for c in found["causes"]} == {
        ("teacher", "sample"),
        ("judge", "model"),
    }


def test_explaining_asks_nobody_and_writes_nothing(bench: Workbench) -> None:
    assert bench.run().status == 0
    with Ledger(str(bench.ledger)):
        pass
    before = bench.files()
    asked = bench.api.count()
    explained(bench, "teacher.max_tokens=77")
    assert bench.api.count() == asked
    assert bench.files() == before


def test_a_ledger_that_is_not_there_is_not_made(bench: Workbench) -> None:
    ended = bench.main(["ledger", "explain", *bench.words()[1:]])
    assert ended.status == 2
    assert "ledger.url: got" in ended.err
    assert not bench.ledger.exists()


def under_way(bench: Workbench, count: int, *overrides: str) -> None:
    """Let so many of a run's missing answers be in a batch."""
    plan = build(compose(bench.with_judge(*overrides)[1:]))
    with Ledger(str(bench.ledger)) as ledger:
        keys = [miss.key for miss in questions_of(plan, ledger).misses][:count]
        book = BatchBook(ledger.engine)
        book.intend("one", keys, lambda key: BatchItem(key, "{}", 0), namespace="anthropic+custom")


def test_what_batches_under_way_will_bring_is_told_and_not_compared(bench: Workbench) -> None:
    batch = ("teacher.mode=batch",)
    under_way(bench, 4, *batch)

    found = explained(bench, *batch)
    assert found["in_batches"] == {"fetched": {"teacher": 4}, "asked_again": {}}
    assert sum(cause["misses"] for cause in found["causes"]) == 2
    lines = bench.main(["ledger", "explain", *bench.with_judge(*batch)[1:]]).out
    assert "4 of these are in batches under way and will be fetched, not sent again\n" in lines
    online = bench.main(["ledger", "explain", *bench.with_judge()[1:]]).out
    assert "4 of these are in batches under way; this run asks online" in online
    spent = bench.main(["estimate", "--offline", *bench.with_judge(*batch)[1:]]).out
    assert "4 of these are in batches under way and will be fetched" in " ".join(spent.split())
    spent = bench.main(["estimate", "--offline", "--json", *bench.with_judge()[1:]]).out
    assert [line["under_way"] for line in json.loads(spent)["lines"]] == [4, 0]


def test_a_judge_that_was_never_asked_is_not_compared_with_the_teacher(bench: Workbench) -> None:
    assert bench.run_unjudged().status == 0
    lines = bench.main(["ledger", "explain", *bench.with_judge()[1:]]).out

    assert "  6  judge    no judge response in the ledger yet\n" in lines
    assert "nearest" not in lines.split("no judge response")[1]
