"""A run, from real inputs to a verdict: read this file from top to bottom.

Everything is built, read and guarded before the first paid call, and nothing is written before
that either, but the evidence of a guard that stops the run. The files are drafted aside and take
their places at the very end, so that a run that fails leaves an earlier run in the same folder as
it was.
"""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from distill.abstention import export_abstained
from distill.across import models_of
from distill.collapse.told import read_collapse
from distill.config import to_yaml
from distill.costs import uncached_usd
from distill.errors import DistillError, GuardError
from distill.folder import ABSTAIN, CANARIES, MANIFEST, REVIEW, RunFolder, file_digests
from distill.guards import Evidence
from distill.judge_calibration import read_judge_calibration
from distill.ledger import Ledger, now_utc
from distill.manifest import make_manifest
from distill.models.budget import Budget
from distill.models.client import ModelClient
from distill.models.protocol import Model
from distill.paths import write_text
from distill.plan import Plan
from distill.progress import Progress
from distill.proof import prove
from distill.record import RunRecord, heldout_of
from distill.report import CROISSANT, write_card, write_croissant, write_figures, write_report
from distill.review import review_rows, write_review
from distill.stages.augment import augment
from distill.stages.canaries import ask_canaries
from distill.stages.contrast import contrasts, read_baseline, real_references
from distill.stages.export import (
    export_dataset,
    export_heldout,
    export_rejected,
    export_responses,
)
from distill.stages.filter import apply_filters
from distill.stages.generate import generate
from distill.stages.guard import look, merged
from distill.stages.hand_over import hand_over
from distill.stages.judge import judge
from distill.stages.marked import read_marks
from distill.stages.read import (
    check_heldout,
    check_labels,
    check_questions,
    read_heldout,
    read_seeds,
)
from distill.stages.screen import Screen, screen_of
from distill.stages.select import select
from distill.stages.synthetic import read_synthetic
from distill.stopped import leave_evidence
from distill.students import Endpoint, Student, Tuned
from distill.table import count_in


def run(
    plan: Plan, console: Console, *, parent: str | None = None, name: str | None = None
) -> RunRecord:
    """Run the whole pipeline, leave its files in `plan.out` and mirror them to the tracker.

    Args:
        plan: Built and validated.
        console: For progress.
        parent: Id of the sweep that the run is a point of, or `None`.
        name: What the run is called in the tracker; `None` takes its folder's name.

    Raises:
        DistillError: with one clear sentence; what was paid for is in the ledger.
    """
    try:
        record = prepare(plan)
    except DistillError as error:
        if isinstance(error, GuardError):
            error = leave_evidence(error, plan.out, None)
        if parent is not None:
            # A sweep shows what became of each of its points; a run of its own never began.
            plan.tracking.open(parent=parent, name=name).fail(str(error))
        raise error
    tracked = plan.tracking.open(parent=parent, name=name)
    record.run_id, record.sweep_id, record.name = tracked.run_id, parent, name
    try:
        with (
            Ledger(plan.ledger.url, synchronous=plan.ledger.synchronous) as ledger,
            RunFolder(plan.out) as folder,
        ):
            client = ModelClient(ledger, Budget(plan.budget.max_usd), Progress(console))
            distil(record, client, folder.draft)
            inspect(record)
            watch(record, client, folder.draft)
            prove(record, client)
            leave(record, client, ledger, folder.draft)
            folder.publish()
    except KeyboardInterrupt:
        tracked.kill()
        raise
    except BaseException as error:
        tracked.fail(str(error))
        raise
    tracked.finish(plan.out)
    return record


def prepare(plan: Plan) -> RunRecord:
    """Read the real inputs and let the guards look: free, and nothing is written here."""
    started_at = now_utc()
    table, seeds = read_seeds(plan.seeds, seed=plan.seed)
    heldout = read_heldout(plan.heldout)
    synthetic = read_synthetic(plan.evaluate.synthetic_heldout, plan.heldout)
    check_labels(plan.task, table, heldout, synthetic)
    check_heldout(plan.student, heldout)
    check_questions(plan.student, table, heldout)
    if isinstance(plan.student, Tuned):
        plan.student.ready()
    baseline = read_baseline(plan)
    record = RunRecord(
        plan=plan,
        started_at=started_at,
        seeds=seeds,
        heldout=heldout,
        table=table,
        guards={},
        funnel={"seeds": table.height},
        baseline=baseline,
        synthetic=synthetic,
        marks=read_marks(plan.metrics),
        calibration=read_judge_calibration(plan.judge_calibration.path, plan.config),
        collapse=read_collapse(plan.report.collapse, seeds_sha256=seeds.sha256),
    )
    record.guards = look(plan.guards, evidence_of(record), when="before")
    return record


def evidence_of(record: RunRecord) -> Evidence:
    """Return what the guards may look at."""
    plan = record.plan
    return Evidence(
        teacher=plan.teacher,
        judge=None if plan.judge is None else plan.judge.endpoint,
        augment=None if plan.augment is None else plan.augment.via,
        table=record.table,
        heldout=heldout_of(record),
        watch=record.watch,
        contrasts=record.contrasts,
        student_base=base_of(plan.student),
        students=plan.student.models if isinstance(plan.student, Endpoint) else {},
        markers=plan.markers,
        others=models_of(plan.students),
    )


def base_of(student: Student | None) -> str | None:
    """Return the id of the model that the student is tuned from, where it says so."""
    if isinstance(student, Tuned):
        return student.base_model
    base = getattr(student, "base", None)
    return base.model if isinstance(base, Model) else base


def distil(
    record: RunRecord, client: ModelClient, draft: Path, *, screen: Screen | None = None
) -> None:
    """Turn seeds into the training set: augment, generate, filter, judge, select, export.

    Args:
        record: Seeds in, dataset out.
        client: Answers.
        draft: Where the files go.
        screen: Finds new questions that give a held-out one away; `None` looks at the held-out set.
    """
    plan, table = record.plan, record.table
    record.spend = client.spend
    if plan.augment is not None:
        with record.timed("augment"):
            table = augment(
                table,
                augmenter=plan.augment,
                model=plan.augment.via or plan.teacher,
                client=client,
                screen=screen or screen_of(heldout_of(record), plan.augment),
                seed=plan.seed,
            )
            record.funnel["augmented"] = count_in(table)
    with record.timed("generate"):
        table = generate(table, task=plan.task, teacher=plan.teacher, client=client)
        record.funnel["generated"] = count_in(table)
    with record.timed("filter"):
        table = apply_filters(table, plan.filters)
        record.funnel["filtered"] = count_in(table)
    with record.timed("judge"):
        table, record.watch = judge(
            table, judge=plan.judge, task=plan.task, client=client, seed=plan.seed
        )
        record.funnel["judged"] = count_in(table)
    with record.timed("select"):
        table = select(table, plan.select, seed=plan.seed)
        record.funnel["selected"] = count_in(table)
    with record.timed("export"):
        record.table = table
        record.dataset_sha256 = export_dataset(table, plan.export, draft / "dataset.jsonl")
        export_rejected(table, draft / "rejected.jsonl")
        record.abstain_sha256 = export_abstained(table, plan.filters, plan.export, draft / ABSTAIN)
        record.handed_over = hand_over(
            plan.handovers, draft / "dataset.jsonl", draft, name=f"distill-{plan.task.name}"
        )


def inspect(record: RunRecord) -> None:
    """Compare the finished dataset and let the guards look, before anything is trained on it."""
    plan, column = record.plan, record.plan.task.varied
    with record.timed("contrast"):
        record.contrasts = contrasts(
            record.table,
            plan.diversity,
            task=plan.task,
            references=real_references(record.table, heldout_of(record), column),
            baseline=record.baseline,
        )
    try:
        found = look(plan.guards, evidence_of(record), when="after")
    except GuardError as stop:
        raise leave_evidence(stop, plan.out, record) from None
    record.guards = merged(record.guards, found)
    record.review = review_rows(record.table, record.plan.filters, record.guards)


def watch(record: RunRecord, client: ModelClient, draft: Path) -> None:
    """Keep what the teacher says today to a few questions, for `distill drift` to compare with."""
    plan = record.plan
    if plan.drift.questions == 0:
        return
    with record.timed("canaries"):
        record.canaries = ask_canaries(
            record.table,
            drift=plan.drift,
            task=plan.task,
            teacher=plan.teacher,
            client=client,
            seed=plan.seed,
        )
        record.canaries.replies.write_parquet(draft / CANARIES)


def leave(record: RunRecord, client: ModelClient, ledger: Ledger, draft: Path) -> None:
    """Draft every file that the run leaves beside its dataset; the manifest comes last."""
    plan = record.plan
    record.table.write_parquet(draft / "examples.parquet")
    write_review(record.review, draft / REVIEW)
    export_responses(ledger, client.used, draft / "responses.parquet")
    record.uncached_usd = uncached_usd(draft / "responses.parquet", client.used)
    write_text(draft / "config.yaml", to_yaml(plan.config))
    if record.trained is not None:
        (draft / "student").mkdir()
        record.trained.save(draft / "student")
    if record.evaluation is not None and record.heldout is not None:
        (draft / "student").mkdir(exist_ok=True)
        answers = draft / "student" / "heldout.parquet"
        export_heldout(record.evaluation, record.heldout.frame, answers)
    record.ended_at = now_utc()
    manifest = make_manifest(record) | {"files": file_digests(draft)}
    write_card(record, manifest, draft / "README.md")
    write_croissant(record, manifest, draft / CROISSANT)
    write_report(record, manifest, draft / "report.html")
    write_figures(record, manifest, draft)
    write_text(draft / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=2) + "\n")
