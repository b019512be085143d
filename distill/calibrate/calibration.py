"""The calibration itself: read the labels, let the judge score, compare.

Everything is read and checked before the judge is asked; what it says is in the ledger for good, so
that another threshold, precision or file of more labels costs only what is new.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from rich.console import Console

from distill.calibrate.agreement import (
    area_under_roc,
    cohens_kappa,
    confusion,
    roc_curve,
)
from distill.calibrate.ask import (
    FIRST_SAMPLE,
    SAMPLES_APART,
    AgainClient,
    drawn,
    judged,
    judged_again,
)
from distill.calibrate.biases import (
    Repeats,
    SelfPreference,
    position,
    repeats,
    self_preference,
    verbosity,
)
from distill.calibrate.corrected import accuracy
from distill.calibrate.kin import is_kin
from distill.calibrate.labelled import judge_sha256, read_judged, read_labelled
from distill.calibrate.result import Calibration, Labels
from distill.calibrate.thresholds import EQUAL, lines, recommend
from distill.errors import ConfigError, DistillError, Fault, UserError, printable
from distill.folder import MANIFEST
from distill.judges import Judge, Pairwise, Verdict
from distill.ledger import Ledger, now_utc
from distill.models.budget import Budget, Spend
from distill.models.client import ModelClient
from distill.plan import Plan
from distill.progress import Progress
from distill.runs import find_run


def calibrate(plan: Plan, console: Console) -> Calibration:
    """Compare the configured judge with human labels.

    Args:
        plan: Built and validated; only judge, task, budget, ledger, seed and `calibrate` count.
        console: For progress.

    Raises:
        ConfigError: no judge or no labels are configured, or the run had another judge.
        DataError: faults of the labelled file, all at once.
        BudgetError: the next request could pass the cap; what was paid for is kept.
        UserError: the judge compares answers and no question has two.
        DistillError: the judge scored nothing.
    """
    judge = judge_of(plan)
    labels = read(plan)
    _check_pairs(judge, labels.records.frame)
    started_at = now_utc()
    with Ledger(plan.ledger.url, synchronous=plan.ledger.synchronous) as ledger:
        budget, progress = Budget(plan.budget.max_usd), Progress(console)
        client = ModelClient(ledger, budget, progress)
        verdicts = judged(labels.records.frame, judge=judge, task=plan.task, client=client)
        again = [
            AgainClient(
                ledger, budget, progress, like=client, shift=FIRST_SAMPLE + k * SAMPLES_APART
            )
            for k in range(plan.calibrate.repeats)
        ]
        wavering = _repeats(plan, judge, labels.records.frame, verdicts, again)
        spend = client.spend.get("judge") or Spend(named(judge), None)
    return compared(
        plan,
        labels=labels,
        verdicts=verdicts,
        wavering=wavering,
        spend=spend,
        started_at=started_at,
    )


def judge_of(plan: Plan) -> Judge:
    """Return the judge.

    Raises:
        ConfigError: there is none.
    """
    if plan.judge is None:
        raise ConfigError(
            [Fault("judge", "the judge that is to be calibrated", "none", "judge=rubric")]
        )
    return plan.judge


def named(judge: Judge) -> str:
    """Return the judge's model, or what kind of judge it is where no model is asked."""
    return type(judge).__name__.lower() if judge.endpoint is None else judge.endpoint.model


def read(plan: Plan) -> Labels:
    """Read the labels, and the scores of the run that is named beside them.

    Raises:
        ConfigError: no file is named, or the run had another judge.
        DataError: faults of the file, all at once.
        UserError: there is no such run.
    """
    settings = plan.calibrate
    source = settings.path or getattr(plan.heldout, "path", None)
    if source is None:
        hint = (
            'calibrate.path=FILE.jsonl with {"question": …, "answer": …, "human_score": 0 or 1} '
            "on each line"
        )
        raise ConfigError([Fault("calibrate.path", "a file of labelled answers", "nothing", hint)])
    records = read_labelled(source)
    scores, run = np.zeros(0), None
    if settings.run is not None:
        from distill.reproduce.facts import read_facts

        seen = records.frame.select("question", "answer")
        with find_run(settings.run, names=("config.yaml", "examples.parquet")) as folder:
            scores = read_judged(folder, plan.config, seen)["score"].to_numpy()
            run = read_facts(folder / MANIFEST).run_id
    return Labels(records=records, run_scores=scores, run=run)


def _check_pairs(judge: Judge, frame: pl.DataFrame) -> None:
    """Refuse labels on which a judge that compares answers would say nothing.

    Raises:
        UserError: no question has two different answers.
    """
    if not isinstance(judge, Pairwise):
        return
    answers = pl.col("answer").str.strip_chars().n_unique()
    several = frame.group_by("question").agg(answers=answers).filter(pl.col("answers") > 1)
    if several.is_empty():
        raise UserError(
            "judge=pairwise: nothing to compare: no question has two answers.",
            hint="label two or more different answers to each question, or take judge=rubric",
        )


def compared(
    plan: Plan,
    *,
    labels: Labels,
    verdicts: Sequence[Verdict],
    wavering: Repeats | str,
    spend: Spend,
    started_at: str,
) -> Calibration:
    """Compare what the judge said with what humans said.

    Raises:
        DistillError: the judge scored no labelled answer.
    """
    judge, settings = judge_of(plan), plan.calibrate
    rows = _rows(labels.records.frame, verdicts, judge.threshold, settings.right_from)
    labelled = rows.filter(pl.col("human").is_not_null())
    scored = labelled.filter(pl.col("score").is_not_null())
    if scored.is_empty():
        why = next((verdict.reason for verdict in verdicts if verdict.score is None), "")
        raise DistillError(
            f"judge: none of {labelled.height} labelled answers got a score ({printable(why)}).",
            hint="judge=rubric reads answers; judge=verifier needs reference_answer",
        )
    right, kept = scored["right"].to_numpy(), scored["kept"].to_numpy()
    human, scores = scored["human"].to_numpy(), scored["score"].to_numpy()
    others = rows.filter(pl.col("human").is_null())["kept"].drop_nulls().to_numpy()
    others = np.concatenate([others.astype(bool), labels.run_scores >= judge.threshold - EQUAL])
    both = scored.filter(pl.col("human_2").is_not_null())
    second = (both["human_2"] >= settings.right_from).to_numpy()
    candidates = lines(right, scores, configured=judge.threshold)
    return Calibration(
        judge=named(judge),
        judge_sha256=judge_sha256(plan.config),
        threshold=judge.threshold,
        right_from=settings.right_from,
        precision=settings.precision,
        labels=labels,
        rows=rows,
        unscored=labelled.height - scored.height,
        confusion=confusion(right, kept),
        kappa=cohens_kappa(right, kept),
        human_kappa=cohens_kappa(both["right"].to_numpy(), second),
        judge_kappa=cohens_kappa(both["right"].to_numpy(), both["kept"].to_numpy()),
        area=area_under_roc(right, scores),
        roc=tuple(roc_curve(right, scores)),
        lines=tuple(candidates),
        recommended=recommend(candidates, precision=settings.precision, labels=len(right)),
        accuracy=accuracy(right, kept, others),
        draw_p=_draw_p(kept, others),
        verbosity=verbosity(
            human,
            scores,
            scored["answer"].str.len_chars().cast(pl.Float64).to_numpy(),
            seed=plan.seed,
        ),
        self_preference=_self_preference(scored, judge),
        position=position([verdict.raw for verdict in verdicts]),
        repeats=wavering,
        spend=spend,
        started_at=started_at,
    )


def _rows(
    frame: pl.DataFrame, verdicts: Sequence[Verdict], threshold: float, right_from: float
) -> pl.DataFrame:
    return frame.with_columns(
        score=pl.Series([verdict.score for verdict in verdicts], dtype=pl.Float64),
        reason=pl.Series([verdict.reason for verdict in verdicts], dtype=pl.String),
    ).with_columns(kept=pl.col("score") >= threshold - EQUAL, right=pl.col("human") >= right_from)


def _draw_p(kept: np.ndarray, others: np.ndarray) -> float | None:
    from scipy.stats import fisher_exact

    if not len(others):
        return None
    table = [[int(side.sum()), int((~side).sum())] for side in (kept, others)]
    return float(fisher_exact(table)[1])


def _self_preference(scored: pl.DataFrame, judge: Judge) -> SelfPreference | str:
    if judge.endpoint is None:
        return "no model judges"
    known = scored.filter(pl.col("author").is_not_null())
    if known.is_empty():
        return 'no answer says under "model" who gave it'
    authors = {name: is_kin(name, judge.endpoint.model) for name in known["author"].unique()}
    own = np.array([authors[name] for name in known["author"]])
    return self_preference(
        known["human"].to_numpy(),
        known["score"].to_numpy(),
        own,
        [name for name, kin in authors.items() if kin],
    )


def _repeats(
    plan: Plan,
    judge: Judge,
    frame: pl.DataFrame,
    verdicts: Sequence[Verdict],
    clients: Sequence[ModelClient],
) -> Repeats | str:
    """Ask the judge again about some labelled answers that it has scored."""
    if judge.endpoint is None:
        return "no model judges"
    if not clients:
        return "calibrate.repeats=0"
    known = [
        i
        for i, (human, verdict) in enumerate(zip(frame["human"], verdicts, strict=True))
        if human is not None and verdict.score is not None
    ]
    chosen = [known[i] for i in drawn(len(known), plan.calibrate.repeat_rows, plan.seed)]
    if not isinstance(position([verdict.raw for verdict in verdicts]), str):
        # Answers are compared with each other: one alone could not be judged again.
        questions = frame[chosen]["question"].implode()
        chosen = frame.select(pl.col("question").is_in(questions).arg_true())["question"].to_list()
    further = judged_again(frame[chosen], judge=judge, task=plan.task, clients=clients)
    draws = [[verdicts[i].score, *own] for i, own in zip(chosen, further, strict=True)]
    return repeats(draws, judge.threshold - EQUAL) or "no answer was scored twice"
