"""Filter, judge, generate, measure and read, on tables made by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tables import answered_table, claude, reply, seeds_table

from distill.diversity import Coverage, DistinctN, MeanVocabSize, Vendi
from distill.errors import ConfigError, ExtraMissingError
from distill.filters import MinWords, Uncertainty
from distill.judges import Verdict
from distill.models import Failure
from distill.seeds import FileSeeds
from distill.stages.filter import apply_filters
from distill.stages.generate import generate, one_row_a_sample
from distill.stages.judge import judge
from distill.stages.measure import measure
from distill.stages.read import read_heldout, read_seeds
from distill.table import GENERATED_COLUMNS, JUDGED_COLUMNS, count_in, drop
from distill.tasks import QA

TASK = QA(system=None, prompt="{question}", answer_marker=None)


class Scripted:
    """A client that answers by the question."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.said = said

    def ask(self, role: str, model: Any, requests: Any) -> list[Any]:
        del role, model
        return [self.said[request.prompt] for request in requests]


@dataclass
class Fixed:
    """A judge that says what it was told, by answer."""

    scores: dict[str, float | None]
    threshold: float = 0.5
    endpoint: None = None

    def score(self, table: pl.DataFrame, task: Any, client: Any) -> list[Verdict]:
        del task, client
        return [Verdict(score=self.scores[a], reason="told") for a in table["answer"]]


def test_the_first_filter_that_rejects_gives_the_reason() -> None:
    table = answered_table(["i don't know", "two words", "three words here"])
    doubt = Uncertainty(markers=("i don't know",), policy="drop", quoted=True)
    filters = {"doubt": doubt, "short": MinWords(min_words=3)}
    done = apply_filters(table, filters)

    assert done["stage"].to_list() == ["filter", "filter", None]
    assert done["reason"].to_list() == ["doubt", "short", None]
    other = apply_filters(table, {"first": MinWords(min_words=9), **filters})
    assert other["reason"].to_list() == ["first"] * 3


def test_filters_leave_real_and_fallen_rows_alone() -> None:
    table = answered_table(["x", "y", "z"], source=["real", "teacher", "teacher"])
    table = drop(table, pl.col("id") == "r1", stage="generate", reason="refusal")
    done = apply_filters(table, {"short": MinWords(min_words=2)})

    assert done["reason"].to_list() == [None, "refusal", "short"]


class Wordy:
    """A filter that explains itself: drops what holds an `x`."""

    def rejects(self, table: pl.DataFrame) -> pl.Series:
        return self.details(table).is_not_null()

    def details(self, table: pl.DataFrame) -> pl.Series:
        holds = pl.col("answer").str.contains("x")
        return table.select(d=pl.when(holds).then(pl.format("x in {}", "answer")))["d"]


def test_a_filter_that_explains_itself_has_its_words_in_the_detail() -> None:
    table = answered_table(
        ["ox", "y", "fox", "box"], source=["teacher", "teacher", "teacher", "real"]
    )
    table = table.with_columns(detail=pl.when(id="r1").then(pl.lit("of old")))
    done = apply_filters(table, {"short": MinWords(min_words=1), "wordy": Wordy()})

    assert done["reason"].to_list() == ["wordy", None, "wordy", None]
    assert done["detail"].to_list() == ["x in ox", "of old", "x in fox", None]
    assert done.columns == table.columns


def test_a_judge_drops_below_its_threshold_and_what_it_could_not_score() -> None:
    table = answered_table(["good", "edge", "bad", "odd"])
    scores = {"good": 0.9, "edge": 0.5, "bad": 0.49, "odd": None}
    done = judge(table, judge=Fixed(scores), task=TASK, client=Scripted({}), seed=0)[0]  # type: ignore[arg-type]

    assert done["reason"].to_list() == [None, None, "below_threshold", "unscored"]
    assert done["score"].to_list() == [0.9, 0.5, 0.49, None]
    assert done["judge_reason"].to_list() == ["told"] * 4


def test_a_threshold_of_zero_drops_only_the_unscored() -> None:
    table = answered_table(["bad", "odd"])
    fixed = Fixed({"bad": 0.0, "odd": None}, threshold=0.0)
    done = judge(table, judge=fixed, task=TASK, client=Scripted({}), seed=0)[0]  # type: ignore[arg-type]

    assert done["reason"].to_list() == [None, "unscored"]


def test_without_a_judge_nothing_falls_out() -> None:
    done = judge(answered_table(["a"]), judge=None, task=TASK, client=Scripted({}), seed=0)[0]  # type: ignore[arg-type]

    assert count_in(done) == 1
    assert done.select(*JUDGED_COLUMNS).null_count().row(0) == (1,) * len(JUDGED_COLUMNS)


def test_real_rows_get_their_human_answer_and_others_the_teachers() -> None:
    table = seeds_table(
        "a", "b", "c", source=["real", "teacher", "teacher"], reference=["A", "B", None]
    )
    said = {"b": reply("to b", key="kb"), "c": Failure(detail="HTTP 500", key="kc")}
    done = generate(table, task=TASK, teacher=claude(), client=Scripted(said))  # type: ignore[arg-type]

    assert done["answer"].to_list() == ["A", "to b", None]
    assert done["reason"].to_list() == [None, None, "error"]
    assert done["detail"].to_list() == [None, None, "HTTP 500"]
    assert done["request_key"].to_list() == [None, "kb", "kc"]
    assert set(GENERATED_COLUMNS) <= set(done.columns)


def test_samples_stand_next_to_each_other_under_ids_of_their_own() -> None:
    table = seeds_table("a", "b", "c", source=["teacher", "real", "teacher"])
    done = one_row_a_sample(table, 3)

    assert done["id"].to_list() == ["a", "a#1", "a#2", "b", "c", "c#1", "c#2"]
    assert done["seed_id"].to_list() == ["a"] * 3 + ["b"] + ["c"] * 3
    assert done["sample"].to_list() == [0, 1, 2, 0, 0, 1, 2]
    assert done.schema == table.schema
    assert one_row_a_sample(table, 1).equals(table)


def test_a_table_without_a_row_to_ask_asks_nobody() -> None:
    table = seeds_table("a", source=["real"], reference=["A"])
    done = generate(table, task=TASK, teacher=claude(), client=Scripted({}))  # type: ignore[arg-type]

    assert done["answer"].to_list() == ["A"]


def test_what_cannot_be_measured_is_absent() -> None:
    measures = {"vocab": MeanVocabSize(), "distinct": DistinctN(n=2, tokens=100)}

    assert measure(answered_table([]), measures, column="answer").figures == {}
    found = measure(answered_table(["one"]), measures, column="answer")
    assert found.figures == {"mean_vocab_size": 1.0}
    assert found.absent == {"distinct_2": "There is too little text."}
    assert measure(answered_table(["a b c"]), {}, column="answer").figures == {}


def test_a_figure_without_its_package_or_references_is_absent_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(_texts: object) -> None:
        raise ExtraMissingError("embeddings: the package tokenizers is not installed.", hint="pip")

    measures = {"vendi": Vendi(rows=9), "coverage": Coverage(neighbours=1, rows=9)}
    found = measure(answered_table(["a b", "c d"]), measures, column="answer")
    assert found.absent == {"coverage": "It needs more real references than the 0 that there are."}
    monkeypatch.setattr("distill.embeddings.embed", missing)
    found = measure(answered_table(["a b", "c d"]), measures, column="answer", references=["a"])
    assert found.figures == {}
    assert found.absent["vendi"].startswith("embeddings: the package tokenizers is not installed.")


def seeds(tmp_path: Path, *lines: str, real_labels: int | None = 0) -> FileSeeds:
    path = tmp_path / "seeds.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return FileSeeds(path=str(path), real_labels=real_labels, max_question_chars=100)


def test_seeds_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    given = seeds(
        tmp_path,
        '{"id": "z", "question": "last?", "answer": "yes", "source_url": "x"}',
        '{"id": "a", "question": "first?", "origin": "log"}',
    )
    table, records = read_seeds(given, seed=0)

    assert table.select("id", "seed_id", "sample", "origin", "source", "reference").rows() == [
        ("z", "z", 0, "human", "teacher", "yes"),
        ("a", "a", 0, "log", "teacher", None),
    ]
    assert table["extra"].to_list() == ['{"source_url":"x"}', None]
    assert len(records.sha256) == 64


@pytest.mark.parametrize(("real_labels", "real"), [(0, 0), (1, 1), (None, 2)])
def test_labelled_seeds_become_real_examples_as_many_as_wanted(
    tmp_path: Path, real_labels: int | None, real: int
) -> None:
    lines = [f'{{"question": "q{i}", "label": "l"}}' for i in range(2)]
    table, _ = read_seeds(
        seeds(tmp_path, *lines, '{"question": "u"}', real_labels=real_labels), seed=0
    )

    assert table.filter(source="real").height == real


def test_more_real_examples_than_there_are_labels_is_a_config_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"seeds\.real_labels"):
        read_seeds(seeds(tmp_path, '{"question": "q"}', real_labels=1), seed=0)


def test_without_a_held_out_file_there_are_no_held_out_rows() -> None:
    assert read_heldout(None) is None
