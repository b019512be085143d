"""Which real texts a dataset is set beside, and an earlier run."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import numpy as np
import polars as pl
import pytest
from tables import answered_table, claude
from workbench import QUESTIONS, Workbench

from distill.diversity import DistinctN
from distill.diversity.contrast import Contrast, ContrastFigure
from distill.guards import Evidence, Finding, ModeCollapse
from distill.stages.contrast import contrasts, real_references
from distill.table import REAL, TEACHER
from distill.tasks import QA

TASK = QA(system=None, prompt="{question}", answer_marker=None)
DIVERSITY = {"d": DistinctN(n=2, tokens=10_000)}


def prose(rows: int, seed: int, of: int = 200) -> list[str]:
    drawn = np.random.default_rng(seed).integers(0, of, (rows, 25))
    return [" ".join(f"w{i}" for i in row) for row in drawn]


def table(rows: int, *, of: int = 200, references: int = 0, real: int = 0) -> pl.DataFrame:
    known = [*prose(references, 1), *[None] * (rows - references)]
    sources = [*[REAL] * real, *[TEACHER] * (rows - real)]
    return answered_table(
        prose(rows, 0, of), reference=known, source=sources, question=[f"q{i}" for i in range(rows)]
    )


def held(rows: int) -> pl.DataFrame:
    said = prose(rows, 2)
    return pl.DataFrame({"question": [f"h {text}" for text in said], "reference": said})


def test_answers_stand_beside_the_answers_that_people_gave_to_the_same_questions() -> None:
    found = real_references(table(40, references=30), held(50), "answer")
    assert found.source == "30 reference answers of the seeds"
    assert found.texts["question"].to_list() == [f"q{i}" for i in range(30)]
    (one,) = contrasts(
        table(40, references=30), DIVERSITY, task=TASK, references=found, baseline=None
    )
    assert (one.against, one.column, one.rows) == ("references", "answer", (30, 30))
    assert one.paired == 30


def test_with_few_of_them_the_answers_held_out_take_their_place() -> None:
    found = real_references(table(40, references=5), held(50), "answer")
    assert found.source == "50 held-out reference answers"
    assert real_references(table(40, references=5), None, "answer").texts.height == 5


def test_questions_stand_beside_the_questions_held_out_or_those_of_real_examples() -> None:
    assert real_references(table(40), held(50), "question").source == "50 held-out questions"
    found = real_references(table(40, real=30), None, "question")
    assert found.source == "30 questions of real examples"
    assert found.texts["text"].to_list() == [f"q{i}" for i in range(30)]


def test_without_anything_real_there_is_no_comparison() -> None:
    nothing = real_references(table(40), None, "answer")
    assert contrasts(table(40), DIVERSITY, task=TASK, references=nothing, baseline=None) == ()


def test_the_teachers_rows_that_are_in_are_compared_and_no_real_ones() -> None:
    rows = table(60, references=60, real=30)
    rows = rows.with_columns(stage=pl.when(pl.col("id") == "r59").then(pl.lit("filter")))
    found = real_references(rows, None, "answer")
    (one,) = contrasts(rows, DIVERSITY, task=TASK, references=found, baseline=None)
    assert (one.rows, one.paired) == ((29, 29), 29)


def look(*found: Contrast, max_ratio: float = 0.95, max_p: float = 0.05) -> Finding:
    guard = ModeCollapse(mode="warn", max_ratio=max_ratio, max_p=max_p)
    rows = table(1)
    return guard.look(
        Evidence(teacher=claude(), judge=None, table=rows, heldout=None, contrasts=found)
    )


def one(high: float | None, p: float | None, ratio: float = 0.8) -> Contrast:
    figure = ContrastFigure(
        name="distinct_2",
        value=0.4,
        other=0.5,
        ratio=ratio,
        low=None if high is None else 0.7,
        high=high,
        p_value=p,
        p_holm=p,
    )
    return Contrast(
        against="references", source="9 others", column="answer", rows=(30, 30), figures=(figure,)
    )


def test_the_guard_fires_on_a_clear_and_sure_difference_only() -> None:
    assert look(one(0.94, 0.049)).fires
    assert not look(one(0.95, 0.001)).fires
    assert not look(one(0.99, 0.001)).fires
    assert not look(one(0.9, 0.05)).fires
    assert not look(one(None, 0.001)).fires
    assert not look(one(0.9, None)).fires
    assert not look(one(0.9, 0.001), max_ratio=0).fires
    assert not look(one(0.9, 0.001), max_p=0).fires


def test_its_evidence_is_metric_ratio_interval_and_p() -> None:
    (row,) = look(one(0.9, 0.001)).rows
    for words in ("distinct_2", "0.4 against 0.5", "0.80 times", "0.70 to 0.90", "p = 0.001"):
        assert words in row


def test_it_says_why_nothing_was_compared() -> None:
    assert "nothing real" in look().sentence
    few = Contrast(against="references", source="9 others", column="answer", why_not="too few")
    assert look(few).sentence == ("The dataset's variety was not compared with 9 others: too few.")


def narrow(prompt: str, body: object, attempt: int) -> str:
    return f"It is so, as {sum(map(ord, prompt)) % 7} of them said: it is so, it is so, it is so."


def seeds(bench: Workbench) -> Path:
    rows = [
        {"id": f"s{i}", "question": f"{QUESTIONS[0]} {i}", "answer": answer}
        for i, answer in enumerate(prose(60, 3))
    ]
    return bench.write("many.jsonl", rows)


def test_a_run_of_one_mould_warns_and_a_later_run_is_compared_with_it(bench: Workbench) -> None:
    bench.api.teacher = narrow
    seeds(bench)
    words = ("seeds.path=many.jsonl", "seeds.real_labels=0", "filter=none")
    first = bench.run_unjudged(*words, "paths.out=outputs/first")
    assert first.status == 0, first.err
    bench.api.teacher = lambda prompt, body, attempt: prose(1, crc32(prompt.encode()))[0]
    ended = bench.run_unjudged(
        *words, "baseline.run=outputs/first", "seed=1", "ledger.url=other.db"
    )
    assert ended.status == 0, ended.err
    assert "mode_collapse" in first.out + first.err
    manifest = bench.manifest
    assert manifest["guards"]["mode_collapse"] == "pass"
    found = manifest["contrasts"]
    assert found["baseline"]["source"] == "the run first"
    assert found["baseline"]["figures"]["distinct_2"]["ratio"] > 2
    assert found["references"]["paired"] == 60
    for file in ("README.md", "report.html"):
        assert "60 reference answers of the seeds" in (bench.out / file).read_text()


def test_a_baseline_that_is_not_there_stops_the_run_before_it_costs_anything(
    bench: Workbench,
) -> None:
    ended = bench.run_unjudged("baseline.run=outputs/none")
    assert ended.status == 2
    assert "baseline.run: no run is called 'outputs/none'" in ended.err
    assert bench.api.count() == 0


def test_a_damaged_baseline_is_named(bench: Workbench) -> None:
    assert bench.run_unjudged("paths.out=outputs/first").status == 0
    asked = bench.api.count()
    (bench.folder / "outputs/first/examples.parquet").write_bytes(b"PAR1")
    ended = bench.run_unjudged("baseline.run=outputs/first", "ledger.url=other.db")
    assert ended.status == 2
    assert "examples.parquet: damaged" in ended.err
    assert bench.api.count() == asked


@pytest.mark.parametrize("given", ["3", "[a]", "''"])
def test_a_baseline_is_a_name(bench: Workbench, given: str) -> None:
    ended = bench.run_unjudged(f"baseline.run={given}")
    assert ended.status == 2
    assert "baseline.run: got" in ended.err
