"""What a run says, cut into the pieces that terminal, card and page all show.

Figures come from the manifest, so that every place shows the same ones; words come from the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from distill.record import RunRecord
from distill.report.wording import counted, interval, listed, one_line, percent
from distill.stages.augment import is_made
from distill.students import Endpoint
from distill.table import REAL, TEACHER, is_in
from distill.tasks import Classify

Manifest = Mapping[str, Any]

# The funnel counts what is left after a stage; the table names the stage that took a row out.
STAGE_OF = {
    "augmented": "augment",
    "generated": "generate",
    "filtered": "filter",
    "judged": "judge",
    "selected": "select",
}
DIVERSITY_MEANINGS = {
    "mean_vocab_size": "distinct words a text on average; rises with the texts' length",
    "length_std_dev": "standard deviation of the texts' lengths; says nothing of their content",
    "top_bigram_frequency": "share of the most frequent word pair; high is repetitive",
    "compression_ratio": "bytes before gzip by bytes after; high is repetitive",
    "self_repetition": "log of the places in other texts that share a text's phrases; "
    "high is repetitive",
    "opener_concentration": "share of pairs of texts that begin alike; high is one mould",
    "mean_pairwise_cosine": "mean likeness of two texts in meaning; high is alike",
    "vendi": "as many wholly different texts would be as varied",
    "cluster_entropy": "spread over the topics of the real references; 1 is even",
    "coverage": "share of the real references that have a text near; low misses some of them",
}
DIVERSITY_UNITS = {"mean_vocab_size": "words", "length_std_dev": "words"}
DISTINCT = "distinct_"
SHARES = frozenset({"top_bigram_frequency", "opener_concentration", "coverage"})
LABEL_CHARS = 80


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the funnel.

    Args:
        name: As in `manifest.json`.
        rows: Rows that are in after it.
        lost: Rows that fell out in it, by reason, the commonest first; 0 for a rule that ran.
        note: What there is to say beside the numbers.
    """

    name: str
    rows: int
    lost: Mapping[str, int]
    note: str

    @property
    def rows_lost(self) -> int:
        """All rows that fell out in this step."""
        return sum(self.lost.values())


@dataclass(frozen=True, kw_only=True)
class LabelLine:
    """One label of the dataset.

    Args:
        label: The label on one line, cut where it is long.
        real: Rows of the dataset in which a human gave it.
        distilled: Rows of the dataset in which the teacher gave it.
        generated: Rows in which the teacher gave it, before anything fell out.
        confidence: Mean probability that the teacher gave it in the distilled rows, or `None`
            where there are none.
    """

    label: str
    real: int
    distilled: int
    generated: int
    confidence: float | None

    @property
    def rows(self) -> int:
        """All rows of the dataset with this label."""
        return self.real + self.distilled


def run_name(record: RunRecord) -> str:
    """Return what the run is called: its experiment, or its task where that has no name."""
    tracking = record.plan.config.get("tracking") or {}
    return str(tracking.get("experiment") or record.plan.task.name)


def evaluates_alone(record: RunRecord) -> bool:
    """Say whether the run had no seeds, so that it made no dataset and only evaluated."""
    return record.seeds.frame.is_empty()


def student_name(record: RunRecord) -> str | None:
    """Return what the student is called, `None` without one."""
    student = record.plan.student
    if isinstance(student, Endpoint):
        return f"{one_line(student.model, LABEL_CHARS)} (trained elsewhere)"
    return None if student is None else type(student).__name__


def funnel_steps(record: RunRecord, manifest: Manifest) -> list[Step]:
    """Return the steps in their order, each with what fell out in it."""
    return [
        Step(name=name, rows=rows, lost=_lost(manifest, name), note=_note(record, manifest, name))
        for name, rows in manifest["funnel"].items()
    ]


def _lost(manifest: Manifest, name: str) -> dict[str, int]:
    stage = STAGE_OF.get(name, name)
    lost = {
        key.partition("/")[2]: rows
        for key, rows in manifest["rejected"].items()
        if key.partition("/")[0] == stage
    }
    return dict(sorted(lost.items(), key=lambda item: -item[1]))


def _note(record: RunRecord, manifest: Manifest, name: str) -> str:
    plan = record.plan
    if name == "seeds":
        real = record.table.filter(source=REAL).height
        asked = record.funnel["seeds"] - real
        notes = [f"{asked:,} for the teacher, {real:,} with a real answer"] if real else []
        samples = plan.task.rows_per_seed(plan.teacher)
        notes += [f"{samples} answers each"] if samples > 1 else []
        return "; ".join(notes)
    if name == "augmented":
        asked = record.table.filter(is_made())["seed_id"].n_unique()
        kept = record.funnel["augmented"] - record.funnel["seeds"]
        if not asked:
            settings = plan.config["augment"]
            zero = [f"augment.{key}=0" for key in ("per_seed", "max_rows") if settings[key] == 0]
            return f"no new question was asked for{f' ({listed(zero)})' if zero else ''}"
        return f"{kept:,} of {counted(asked, 'new question')} kept"
    if name == "filtered" and not plan.filters:
        return "no filters"
    if name != "judged":
        return ""
    pairs = manifest.get("judge", {}).get("pairs")
    if pairs and pairs["compared"]:
        compared = counted(pairs["compared"], "pair")
        return f"of {compared} {pairs['consistent']:,} came out alike in both orders"
    return "no judge" if plan.judge is None else ""


def empty_sentence(record: RunRecord, manifest: Manifest) -> str | None:
    """Say that the dataset is empty and what became of its rows; `None` where it is not."""
    if manifest["rows"] or evaluates_alone(record):
        return None
    lost = {why: rows for why, rows in manifest["rejected"].items() if rows}
    if not lost:
        return "The dataset is empty."
    (why, most), fell = max(lost.items(), key=lambda item: item[1]), sum(lost.values())
    main = f"all as {why}" if most == fell else f"most as {why} ({most:,})"
    return f"The dataset is empty: {counted(fell, 'row')} fell out, {main}."


def rejected_words(lost: Mapping[str, int]) -> str:
    """Return reasons with their rows, `min_words 20, uncertainty 8`; rules without rows are out."""
    return listed([f"{reason} {rows:,}" for reason, rows in lost.items() if rows])


def abstention_sentence(manifest: Manifest) -> str | None:
    """Say how often the teacher did not know, before and after the filters; `None` if unknown."""
    found = manifest.get("abstention", {})
    if "before" not in found:
        return None
    parts = [
        f"{percent(part['rate'])} (95% interval {interval(part['low'], part['high'])}) of "
        f"{counted(part['answers'], 'answer')} {when}"
        for when, part in (("before", found["before"]), ("after", found.get("after")))
        if part is not None
    ]
    kept = f" abstain.jsonl has {counted(found['rows'], 'row')}." if "rows" in found else ""
    policy = listed(sorted(set(found["policy"].values())))
    return (
        f"The teacher said that it does not know in {', '.join(parts)} the filters "
        f"(policy: {policy}).{kept}"
    )


def judge_kind(record: RunRecord) -> str | None:
    """Return the judge's kind, such as `rubric`, or `None` without a judge."""
    judge = record.plan.judge
    return None if judge is None else type(judge).__name__.lower()


def scores(record: RunRecord) -> pl.Series:
    """Return the scores that the judge gave, in [0, 1]."""
    return record.table.filter(source=TEACHER)["score"].drop_nulls()


def unscored_share(record: RunRecord, manifest: Manifest) -> float | None:
    """Return the share of the judged rows that got no score; `None` where none was judged."""
    unscored = manifest["rejected"].get("judge/unscored", 0)
    judged = scores(record).len() + unscored
    return unscored / judged if judged else None


def label_lines(record: RunRecord) -> list[LabelLine]:
    """Return the labels, in the task's order; none for tasks without labels."""
    task = record.plan.task
    if not isinstance(task, Classify):
        return []
    by_label = {
        row["answer"]: row
        for row in record.table.group_by("answer")
        .agg(
            real=(is_in() & (pl.col("source") == REAL)).sum(),
            distilled=(is_in() & (pl.col("source") == TEACHER)).sum(),
            generated=((pl.col("source") == TEACHER) & pl.col("label_probs").is_not_null()).sum(),
            confidence=pl.col("label_probs").filter(is_in()).list.max().mean(),
        )
        .iter_rows(named=True)
    }
    lines = []
    for label in task.labels:
        row = by_label.get(label, {})
        lines.append(
            LabelLine(
                label=one_line(label, LABEL_CHARS),
                real=row.get("real", 0),
                distilled=row.get("distilled", 0),
                generated=row.get("generated", 0),
                confidence=row.get("confidence"),
            )
        )
    return lines


def origins(record: RunRecord) -> dict[str, int]:
    """Return the seeds of the file by origin, the commonest first."""
    seeds = record.seeds.frame.group_by("origin").len()
    return dict(seeds.sort("len", "origin", descending=[True, False]).iter_rows())


def synthetic_share(manifest: Manifest) -> float | None:
    """Return the share of the dataset's rows that no user has asked; `None` without any row."""
    rows = manifest["rows"]
    return manifest["synthetic_rows"] / rows if rows else None


def diversity_lines(manifest: Manifest) -> list[tuple[str, str, str]]:
    """Return (name, value with its unit, what it says) of each figure of diversity."""
    return [
        (name, diversity_value(name, value), _diversity_meaning(name))
        for name, value in manifest["diversity"].items()
    ]


def diversity_value(name: str, value: float) -> str:
    """Return a figure of diversity with its unit, as it is shown everywhere."""
    if name in DIVERSITY_UNITS:
        return f"{value:.1f} {DIVERSITY_UNITS[name]}"
    is_share = name in SHARES or name.startswith(DISTINCT)
    return percent(value) if is_share else f"{value:.4g}"


def _diversity_meaning(name: str) -> str:
    if name.startswith(DISTINCT):
        words = name.removeprefix(DISTINCT)
        what = "words" if words == "1" else f"runs of {words} words"
        return f"share of {what} that are new; low is repetitive"
    return DIVERSITY_MEANINGS.get(name, "")


def rows_in_words(manifest: Manifest) -> str:
    """Return the size of the dataset: `350 rows: 50 real, 300 from the teacher`."""
    rows, real = manifest["rows"], manifest["real_rows"]
    parted = f": {real:,} real, {rows - real:,} from the teacher" if real else ""
    return f"{counted(rows, 'row')}{parted}"
