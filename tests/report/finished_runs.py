"""Finished runs of every shape: real config, real stages, and a teacher's answers made up."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from distill.build import build
from distill.config import compose
from distill.guards import Finding
from distill.models.budget import Spend
from distill.models.prices import Price
from distill.plan import Plan
from distill.record import RunRecord
from distill.records import Records
from distill.stages.evaluate import Arm, Evaluation
from distill.stages.filter import apply_filters
from distill.stages.guard import GuardResult
from distill.stages.judge import judge
from distill.stages.measure import measure
from distill.stages.read import read_heldout, read_seeds
from distill.stages.select import select
from distill.statistics import explain_verdict, mcnemar_mid_p, verdict, wilson
from distill.table import (
    GENERATED_COLUMNS,
    JUDGED_COLUMNS,
    REAL,
    add_columns,
    count_in,
    drop,
    fill,
    is_in,
    to_ask,
)

MakeRun = Callable[..., RunRecord]
LABELS = ("business", "entertainment", "politics", "sport", "tech")
WORDS = ("market", "minister", "vote", "film", "goal", "season", "phone", "rates", "court", "album")
HOSTILE = (
    '<script>alert("x")</script>',
    "</details></main><img src=http://evil.example/x onerror=alert(1)>",
    "``` ``` \n---\ntags: [owned]\n---\n# Not a heading",
    "| a | b |\n[link](http://evil.example) ![i](http://evil.example/i.png) <b>",
    "\x1b[31mred\x1b[0m \x00 \u202eright to left\u202c",
    "👩‍👩‍👧 emoji é 漢字 مرحبا بالعالم שלום",
    "{{ 7 * 7 }} {% include 'report.css' %} $(touch x) %(x)s",
    "&lt;b&gt; &amp; \" ' ` \\ ~~~",
)
# A megabyte that no browser may interpret.
LONG = "<b>" + "👩 & <i>long</i> " * 66_000


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What kind of run is made; the defaults are the run that most people see first."""

    task: str = "classify"
    overrides: tuple[str, ...] = ()
    rows: int = 300
    real: int = 50
    heldout: int = 220
    right: Mapping[str, float] | None = field(
        default_factory=lambda: {
            "majority": 0.23,
            "real_only": 0.72,
            "distilled_only": 0.80,
            "teacher": 0.86,
            "real_and_distilled": 0.84,
        }
    )
    baseline: str = "real_only"
    questions: Sequence[str] = ()
    answers: Sequence[str] = ()
    labels: Sequence[str] = LABELS
    guards: Mapping[str, GuardResult] | None = None
    price: Price | None = field(default_factory=lambda: Price(input_usd=3.0, output_usd=15.0))
    cached: int = 12
    score: float | None = None
    unscored: bool = False


@cache
def _config(overrides: tuple[str, ...]) -> dict[str, Any]:
    return compose(overrides)


def _plan(shape: Shape, folder: Path) -> Plan:
    # Inputs and labels are put in by hand: no text can then be misread as an override.
    config = deepcopy(_config(_overrides(shape)))
    config["seeds"] |= {"path": str(folder / "seeds.jsonl"), "real_labels": shape.real}
    if shape.heldout:
        config["heldout"]["path"] = str(folder / "heldout.jsonl")
    if shape.task == "classify":
        config["task"]["labels"] = list(shape.labels)
    config["filter"].pop("keyword_overlap", None)
    config["filter"].get("min_words", {}).update(min_words=3)
    return build(config)


def make(shape: Shape, folder: Path) -> RunRecord:
    """Return a finished run; its input files lie in `folder`."""
    rng = random.Random(0)
    plan = _plan(shape, folder)
    _write_inputs(shape, folder, rng)
    table, seeds = read_seeds(plan.seeds, seed=plan.seed)
    heldout = read_heldout(plan.heldout)
    record = RunRecord(
        plan=plan,
        run_id="0123456789abcdef",
        started_at="2026-11-24T07:00:00Z",
        ended_at="2026-11-24T07:04:12Z",
        seeds=seeds,
        heldout=heldout,
        table=table,
        guards=dict(_guards(plan) if shape.guards is None else shape.guards),
        funnel={"seeds": table.height},
        dataset_sha256="ab" * 32,
    )
    _walk(record, shape, rng)
    record.diversity = measure(
        record.table.filter(is_in()), plan.diversity, column=plan.task.varied
    ).figures
    record.evaluation = _evaluation(record, shape, heldout)
    record.time_s = {"generate": 201.5, "filter": 0.012, "judge": 44.0, "train": 1.3}
    return record


def _overrides(shape: Shape) -> tuple[str, ...]:
    of_task = {
        "classify": ("task=classify", "task.labels=[a,b]", "teacher=local", "student=classifier"),
        "qa": (),
        "math": ("task=math",),
    }[shape.task]
    return (
        *of_task,
        "seeds.path=seeds.jsonl",
        "paths.out=outputs/demo/2026-11-24_07-00-00",
        "tracking.uri=sqlite:///outputs/mlflow.db",
        *shape.overrides,
    )


def _write_inputs(shape: Shape, folder: Path, rng: random.Random) -> None:
    seeds = [
        {
            "id": f"s-{i}",
            "question": _cycled(shape.questions, i).replace("\0", "") or f"{i} {_prose(rng, 30)}",
            **(
                {"origin": "human", "label": _cycled(shape.labels, i)}
                if i < 2 * shape.real
                else {"origin": "synthetic" if i % 7 == 6 else "log"}
            ),
        }
        for i in range(shape.rows + shape.real)
    ]
    held = [
        {
            "id": f"h-{i}",
            "question": f"held {i} {_prose(rng, 9)}",
            "reference_answer": _cycled(shape.labels, i),
        }
        for i in range(shape.heldout)
    ]
    _write_lines(folder / "seeds.jsonl", seeds)
    _write_lines(folder / "heldout.jsonl", held)


def _write_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _walk(record: RunRecord, shape: Shape, rng: random.Random) -> None:
    """Let the rows pass the real stages, with answers and scores that are made up."""
    plan, table = record.plan, record.table
    asked = table.filter(to_ask())["id"].to_list()
    cells = [_answered(shape, i, row, rng) for i, row in enumerate(asked)]
    table = fill(table, cells, GENERATED_COLUMNS)
    is_real = pl.col("source") == REAL
    table = table.with_columns(answer=pl.when(is_real).then("reference").otherwise("answer"))
    table = drop(table, pl.col("id").is_in(asked[7::97]), stage="generate", reason="refusal")
    record.funnel["generated"] = count_in(table)
    table = apply_filters(table, plan.filters)
    record.funnel["filtered"] = count_in(table)
    table = _judged(table, record, shape, rng)
    record.funnel["judged"] = count_in(table)
    record.table = select(table, plan.select, seed=plan.seed)
    record.funnel["selected"] = count_in(record.table)
    record.spend["teacher"] = Spend(
        plan.teacher.model,
        shape.price,
        served={plan.teacher.model},
        requests=len(asked),
        cached=shape.cached,
        input_tokens=412 * len(asked),
        output_tokens=97 * len(asked),
    )


def _answered(shape: Shape, i: int, row: str, rng: random.Random) -> dict[str, Any]:
    answer = _cycled(shape.answers, i) or _prose(rng, rng.randint(2, 60))
    cells: dict[str, Any] = {"id": row, "served_model": "m", "stop_reason": "end_turn"}
    if shape.task != "classify":
        return cells | {"answer": answer, "rationale": f"Because {answer}"}
    weights = np.array([rng.random() ** 3 for _ in shape.labels])
    weights[rng.randrange(min(len(shape.labels), 5))] += rng.random() * 4
    probs = weights / weights.sum()
    label = shape.labels[int(probs.argmax())]
    return cells | {"answer": label, "label_probs": probs.tolist()}


def _judged(
    table: pl.DataFrame, record: RunRecord, shape: Shape, rng: random.Random
) -> pl.DataFrame:
    plan = record.plan
    if plan.judge is None or plan.judge.endpoint is None:
        return judge(table, judge=plan.judge, task=plan.task, client=None, seed=0)[0]  # type: ignore[arg-type]
    rows = table.filter(to_ask())["id"].to_list()
    cells = []
    for row in rows:
        drawn = rng.choice([0.0, 0.4, 0.625, 0.7, 0.75, 0.825, 0.9, 0.925, 1.0, None])
        score = drawn if shape.score is None else shape.score
        score = None if shape.unscored else score
        reason = _cycled(shape.answers, len(cells)) or "Right, but it leaves out the second part."
        raw = None if score is None else json.dumps({"accuracy": 4, "clarity": 3})
        cells.append({"id": row, "score": score, "judge_reason": reason, "judge_scores": raw})
    table = fill(table, cells, JUDGED_COLUMNS)
    table = drop(table, to_ask() & pl.col("score").is_null(), stage="judge", reason="unscored")
    low = to_ask() & (pl.col("score") < plan.judge.threshold)
    record.spend["judge"] = Spend(
        plan.judge.endpoint.model,
        shape.price,
        served={plan.judge.endpoint.model},
        requests=len(rows),
        input_tokens=650 * len(rows),
        output_tokens=80 * len(rows),
    )
    return add_columns(drop(table, low, stage="judge", reason="below_threshold"), JUDGED_COLUMNS)


def _evaluation(record: RunRecord, shape: Shape, heldout: Records | None) -> Evaluation | None:
    if heldout is None or shape.right is None or record.plan.student is None:
        return None
    n = heldout.frame.height
    rng = np.random.default_rng(0)
    hard = rng.permutation(n)
    arms = {}
    for name, share in shape.right.items():
        # Arms fail on the same hard items, but for a few of their own.
        scores = (hard >= round((1 - share) * n)).astype(np.float64)
        own = rng.choice(n, size=max(1, n // 20), replace=False)
        scores[own] = 1 - scores[own]
        counted = record.funnel["selected"] if "distilled" in name else shape.real
        arms[name] = Arm(
            name=name,
            examples=None if name in {"majority", "teacher"} else counted,
            answers=("an answer",) * n,
            scores=scores,
            headline=wilson(int(scores.sum()), n),
            metrics={"accuracy": float(scores.mean()), "macro_f1": float(scores.mean())},
        )
    student = "real_and_distilled"
    test = mcnemar_mid_p(arms[student].scores, arms[shape.baseline].scores)
    return Evaluation(
        arms=arms,
        student=student,
        baseline=shape.baseline,
        metric=next(iter(record.plan.metrics)),
        test=test,
        verdict=verdict(test),
        reason=explain_verdict(test, "Distillation", shape.baseline),
    )


def _guards(plan: Plan) -> dict[str, GuardResult]:
    return {
        name: GuardResult(status="pass", finding=Finding(fires=False, sentence="All is well."))
        for name in plan.guards
    }


def warned(rows: int = 25, text: str = "held-out h-{i} is seed s-{i}") -> dict[str, GuardResult]:
    """Return a guard that warned, one that passed and one that is off."""
    finding = Finding(
        fires=True,
        sentence=f"{rows} of 220 held-out questions are among the seeds.",
        rows=tuple(text.replace("{i}", str(i)) for i in range(rows)),
        hint="take them out of seeds.path",
    )
    fine = Finding(fires=False, sentence="Every model id is a pin.")
    return {
        "contamination": GuardResult(status="warn", finding=finding),
        "pinned_models": GuardResult(status="pass", finding=fine),
        "real_heldout": GuardResult(status="off", finding=None),
    }


SHAPES: dict[str, dict[str, Any]] = {
    "demo": {},
    "warned": {"guards": warned()},
    "few_heldout": {"heldout": 20},
    "no_heldout": {"heldout": 0},
    "no_student": {"overrides": ("student=none",)},
    "no_judge": {"overrides": ("judge=none",)},
    "no_control": {"right": {"real_and_distilled": 0.8}, "baseline": "real_and_distilled"},
    "judged_by_rubric": {"task": "qa"},
    "unknown_cost": {"task": "qa", "price": None},
    "nothing_kept": {"task": "qa", "real": 0, "score": 0.0},
    "nothing_scored": {"task": "qa", "real": 0, "unscored": True},
    "one_row": {"task": "qa", "rows": 1, "real": 0, "heldout": 1, "score": 1.0},
    "only_real": {"task": "qa", "rows": 0, "real": 20},
    "all_off": {
        "task": "qa",
        "heldout": 0,
        "overrides": ("judge=none", "filter=none", "guard=none", "diversity=none"),
    },
    "math": {"task": "math", "real": 0},
    "hostile_texts": {
        "task": "qa",
        "questions": HOSTILE,
        "answers": HOSTILE,
        "guards": warned(text="\n".join(HOSTILE)),
    },
    "hostile_labels": {"labels": [text.replace("\0", "") for text in HOSTILE]},
    "many_labels": {"labels": [f"label {i}" for i in range(120)], "rows": 400},
    "long_texts": {"task": "qa", "rows": 30, "questions": ["q" * 90_000], "answers": [LONG]},
}


def _cycled(texts: Sequence[str], i: int) -> str:
    return texts[i % len(texts)] if texts else ""


def _prose(rng: random.Random, words: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(words)).capitalize() + "."
