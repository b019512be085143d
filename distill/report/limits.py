"""What a run cannot show, in plain sentences made from its own figures.

`doubts` are about the verdict: what could overturn it, or what stands in its way. `limits` are
about the dataset, whoever uses it and for what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from distill.costs import ROLES
from distill.guards.contamination import CONTAMINATION
from distill.judge_calibration import calibration_sentence
from distill.models import Model
from distill.record import RunRecord
from distill.report.arms import has_control
from distill.report.facts import (
    Manifest,
    empty_sentence,
    evaluates_alone,
    judge_kind,
    label_lines,
    origins,
    synthetic_share,
    unscored_share,
)
from distill.report.findings import SENTENCE_CHARS, guards_with
from distill.report.marks import mark_doubts
from distill.report.overturn import contamination_doubts, credit_doubts, seed_doubts
from distill.report.wording import count, counted, listed, one_line, percent, points
from distill.selectors.floor import REASON as REAL_SHARE
from distill.stages.evaluate import BASE
from distill.stages.evaluate_endpoint import ENDPOINT
from distill.stages.select import STAGE as SELECT
from distill.table import SYNTHETIC

FEW_HELDOUT = 200  # a comparison of fewer rarely sees less than 9 pp
FEW_ROWS = 100
MANY_UNSCORED = 0.02
NEAR_ZERO = 0.01  # an interval that ends nearer to 0 may lie across it next time
DOMINANT_SHARE = 0.5
DOMINANT_OF_TWO = 0.8
MODEL_CHARS = 60  # of a name that a server gave
JUDGE_DOUBTS = {
    "pairwise": "The judge's preferences were not compared with those of humans.",
    "rubric": "The judge's scores were not compared with scores by humans.",
    "confidence": "The score is the teacher's own confidence: where it is sure and wrong, "
    "the answer stays.",
    "agreement": "The score is how often the teacher agrees with itself: a mistake that it "
    "repeats stays.",
}


def doubts(record: RunRecord, manifest: Manifest) -> list[str]:
    """Return what could overturn the verdict, the gravest first."""
    return [
        *filter(None, [empty_sentence(record, manifest)]),
        *_comparison_doubts(manifest),
        *credit_doubts(manifest),
        *seed_doubts(manifest),
        *contamination_doubts(record),
        *_guard_doubts(record),
        *_open_doubts(manifest),
        *_judge_doubts(record, manifest),
        *mark_doubts(record, manifest),
        *_request_doubts(manifest),
    ]


def limits(record: RunRecord, manifest: Manifest) -> list[str]:
    """Return what a user of the dataset has to know, beside the doubts."""
    return [
        *_size_limits(record, manifest),
        *_review_limits(manifest),
        *_abstention_limits(manifest),
        *_human_limits(record, manifest),
        *_label_limits(record),
        *_process_limits(record),
        *_evaluation_limits(record, manifest),
    ]


def _comparison_doubts(manifest: Manifest) -> Iterator[str]:
    figures = manifest.get("eval")
    if figures is None:
        yield "No student was compared on real held-out examples."
        return
    if not has_control(manifest):
        yield (
            "The student has no control: the model before its training was not asked "
            "(student.base)."
            if figures["arm"] == ENDPOINT
            else "The student has no control: there are no real examples, or no others, to train "
            "another one on."
        )
        yield from _unanswered(figures)
        return
    n, test = figures["n"], figures["comparison"]
    smallest = test["minimum_detectable"]
    if smallest is None:
        yield (
            f"{counted(n, 'held-out item')}: the arms differ on too few of them for any "
            "difference to be found reliably."
        )
    elif manifest["verdict"] == "inconclusive" or abs(test["difference"]) < smallest:
        yield (
            f"{counted(n, 'held-out item')}: a true difference under {100 * smallest:.1f} pp is "
            "found less than 80% of the time, so another sample may tell otherwise."
        )
    elif n < FEW_HELDOUT:
        yield f"Only {counted(n, 'held-out item')}: another sample may tell otherwise."
    yield from _narrow(manifest["verdict"], test)
    yield from _unanswered(figures)


def _unanswered(figures: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys((figures["arm"], figures["baseline"])):
        missing = figures["arms"][name].get("unanswered")
        if missing:
            yield (
                f"{name} left {counted(missing, 'held-out item')} without an answer (failed, "
                "refused or cut), and they count as wrong."
            )
    for name, arm in figures["arms"].items():
        if arm["accuracy"] == 0 and not arm.get("unanswered"):
            ask = "; student.ask=task would say which" if name in {ENDPOINT, BASE} else ""
            yield (
                f"{name} is right on no held-out item: it may know nothing, or its answers may "
                f"not have the form that the metric reads (student/heldout.parquet){ask}."
            )


def _narrow(verdict: str, test: Mapping[str, Any]) -> Iterator[str]:
    nearest = test["low"] if verdict == "helps" else test["high"]
    if verdict != "inconclusive" and abs(nearest) < NEAR_ZERO:
        yield f"The interval of the difference comes near to none: it ends at {points(nearest)}."


def _guard_doubts(record: RunRecord) -> Iterator[str]:
    for name in guards_with(record, "fail", "warn"):
        finding = record.guards[name].finding
        if finding is not None:
            yield f"Guard {name}: {one_line(finding.sentence, SENTENCE_CHARS)}"
    off = guards_with(record, "off")
    if not record.guards:
        yield "No guard was on."
    elif off:
        verb = "was" if len(off) == 1 else "were"
        yield f"{counted(len(off), 'guard')} {verb} off: {listed(off)}."


def _open_doubts(manifest: Manifest) -> Iterator[str]:
    rows = manifest.get("review", {}).get(f"guard/{CONTAMINATION}", 0)
    if rows:
        yield (
            f"{counted(rows, 'row')} may ask what a held-out question asks, and no human has "
            "looked yet (review.jsonl): the student could have learnt the answer."
        )


def _judge_doubts(record: RunRecord, manifest: Manifest) -> Iterator[str]:
    kind = judge_kind(record)
    if evaluates_alone(record):
        return
    if kind is None:
        yield "No judge looked at the answers: wrong ones are still among them."
        return
    given = record.calibration
    if given is not None and not given.is_good:
        yield calibration_sentence(given.figures())
    if kind in JUDGE_DOUBTS and (given is None or not given.same_judge):
        yield JUDGE_DOUBTS[kind]
    pairs = manifest.get("judge", {}).get("pairs")
    if pairs and pairs["compared"]:
        yield (
            f"Shown {counted(pairs['compared'], 'pair')} of answers in both orders, the judge came "
            f"to the same result in {percent(pairs['position_consistency'])} of them; the others "
            "count as ties."
        )
    share = unscored_share(record, manifest)
    if share:
        grave = " So many put the judge itself in doubt." if share > MANY_UNSCORED else ""
        yield f"{percent(share)} of the judged answers got no score and fell out.{grave}"
    yield from _kinship(record)


def _kinship(record: RunRecord) -> Iterator[str]:
    teacher, judge = record.plan.teacher, record.plan.judge
    model = None if judge is None else judge.endpoint
    if model is None or _vendor(model) != _vendor(teacher):
        return
    if "lineage" in guards_with(record, "warn"):
        return
    if model.model == teacher.model:
        yield f"Judge and teacher are one model, {model.model}, and share their mistakes."
    else:
        yield f"Judge and teacher come from one provider ({_vendor(model)}): they may err alike."


def _vendor(model: Model) -> str:
    return model.namespace.partition("+")[0]


def _request_doubts(manifest: Manifest) -> Iterator[str]:
    for role in ROLES:
        spent = manifest.get(role)
        if spent is None:
            continue
        if spent["failed"]:
            yield f"{counted(spent['failed'], 'request')} to the {role} failed for good."
        asked = spent["model"].split(", ") if role == "students" else [spent["model"]]
        others = [model for model in spent["served"] if model not in asked]
        if others:
            names = listed([one_line(model, MODEL_CHARS) for model in others])
            yield f"{spent['model']} was asked, and {names} answered as {role}."


def _size_limits(record: RunRecord, manifest: Manifest) -> Iterator[str]:
    rows = manifest["rows"]
    if evaluates_alone(record):
        yield "There is no dataset: the run had no seeds and only evaluated."
    elif rows == 0:
        yield "The dataset is empty."
        if manifest["rejected"].get(f"{SELECT}/{REAL_SHARE}"):
            yield "No row has a real question: select.min_real_share left nothing of the others."
    elif rows < FEW_ROWS:
        yield f"It has only {counted(rows, 'row')}."


def _review_limits(manifest: Manifest) -> Iterator[str]:
    waiting: Mapping[str, int] = manifest.get("review", {})
    rows = sum(waiting.values())
    if rows:
        verb = "waits" if rows == 1 else "wait"
        by = listed([f"{reason} {count(n)}" for reason, n in waiting.items()])
        yield f"{counted(rows, 'row')} {verb} for review by a human in review.jsonl ({by})."


def _abstention_limits(manifest: Manifest) -> Iterator[str]:
    found = manifest.get("abstention", {})
    before, after = found.get("before"), found.get("after")
    if before and after and before["abstained"] and not after["abstained"]:
        yield (
            f"The teacher's {counted(before['abstained'], 'admission')} of not knowing fell out: "
            "a student of the dataset sees none."
        )


def _human_limits(record: RunRecord, manifest: Manifest) -> Iterator[str]:
    rows, real = manifest["rows"], manifest["real_rows"]
    if rows > real and judge_kind(record) == "verifier":
        yield "The teacher's answers were compared with a human's final answers, by rule alone."
    elif rows and not real:
        yield "Every answer is the teacher's; no human has written or checked one."
    elif rows > real:
        yield (
            f"{count(rows - real)} of {counted(rows, 'answer')} are the teacher's, and no human "
            "has checked them."
        )
    if rows > real:
        yield "It has the teacher's mistakes, habits and gaps in it, and passes them on."
    share = synthetic_share(manifest)
    if share and record.plan.augment is not None:
        yield (
            f"{percent(share)} of its questions are synthetic: a model wrote them and no user "
            "has asked them."
        )
    made, seeds = origins(record).get(SYNTHETIC, 0), sum(origins(record).values())
    if made:
        yield f"{count(made)} of {counted(seeds, 'seed')} are synthetic, not questions of users."


def _label_limits(record: RunRecord) -> Iterator[str]:
    lines = label_lines(record)
    rows = sum(line.rows for line in lines)
    if not rows:
        return
    top = max(lines, key=lambda line: line.rows)
    if top.rows / rows > (DOMINANT_OF_TWO if len(lines) == 2 else DOMINANT_SHARE):
        yield f"One label dominates: {top.label} is {percent(top.rows / rows)} of the rows."
    absent = [line.label for line in lines if not line.rows]
    if absent:
        verb = "has" if len(absent) == 1 else "have"
        yield f"{counted(len(absent), 'label')} {verb} no example: {listed(absent)}."


def _process_limits(record: RunRecord) -> Iterator[str]:
    if evaluates_alone(record):
        return
    if not record.plan.filters:
        yield "No filter was applied to the answers."
    if record.plan.config["teacher"].get("temperature") != 0:
        yield (
            "Asked again, the teacher may answer otherwise; the answers it gave are kept in "
            "responses.parquet."
        )


def _evaluation_limits(record: RunRecord, manifest: Manifest) -> Iterator[str]:
    if "heldout" not in manifest["inputs"]:
        yield "There was no held-out set: what the dataset is worth was not measured."
        return
    if manifest.get("eval", {}).get("arm") == ENDPOINT:
        yield "Whether the student met the held-out examples in its training is not known."
    if not evaluates_alone(record):
        yield "Whether the teacher met the held-out examples in its own training is not known."
    if "eval" in manifest:
        yield (
            "The intervals cover another sample of held-out items alone, not another draw of "
            "seeds, real examples or answers."
        )
