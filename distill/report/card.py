"""The dataset card: what is in the dataset, how it came about, and what it cannot show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from distill.paths import write_text
from distill.record import RunRecord
from distill.report.again import curve_plot, seeds_sentence
from distill.report.arms import arm_lines, has_control
from distill.report.beside import beside_lines, control_sentences
from distill.report.breakdown import breakdown_lines
from distill.report.cost import cost_notes, cost_sentence
from distill.report.facts import (
    abstention_sentence,
    diversity_lines,
    evaluates_alone,
    funnel_steps,
    judge_kind,
    label_lines,
    origins,
    rows_in_words,
    run_name,
    synthetic_share,
)
from distill.report.findings import guard_lines
from distill.report.limits import doubts, limits
from distill.report.markdown import environment
from distill.report.marks import mark_sentences
from distill.report.students import pair_lines, student_sentences
from distill.report.synthetic import gap_sentences
from distill.report.variety import absent_lines, variety_facts
from distill.report.wording import count, counted, interval, one_line, percent, source_name, usd
from distill.statistics import verdict_rule
from distill.table import TEACHER, is_in

TASK_CATEGORIES = {
    "classify": ["text-classification"],
    "qa": ["question-answering", "text-generation"],
    "math": ["text-generation"],
}
# Names and upper ends (exclusive) as the Hugging Face hub has them.
SIZES = (
    ("n<1K", 10**3),
    ("1K<n<10K", 10**4),
    ("10K<n<100K", 10**5),
    ("100K<n<1M", 10**6),
    ("1M<n<10M", 10**7),
    ("10M<n<100M", 10**8),
)
LARGEST_SIZE = "100M<n<1B"
TARGET = "_target_"
# What shapes a model's answers, of all that its config says.
ANSWER_KEYS = ("samples", "max_tokens", "temperature", "seed", "effort", "thinking")
TASK_KEYS = ("max_words", "calibration", "answer_marker")
PROMPT_CHARS = 20_000
EXAMPLE_CHARS = 1_000
NAME_CHARS = 80
SHOWN_LABELS = 50


def write_card(record: RunRecord, manifest: Mapping[str, Any], path: Path) -> None:
    """Write the dataset card, a README with the front matter of the Hugging Face hub.

    Args:
        record: Of a finished run.
        manifest: What `make_manifest` made of it.
        path: Of the file; replaced whole.
    """
    template = environment().get_template("card.md.j2")
    plan, labels = record.plan, label_lines(record)
    body = template.render(
        name=run_name(record),
        record=record,
        manifest=manifest,
        task=plan.task,
        rows=rows_in_words(manifest),
        alone=evaluates_alone(record),
        sources={name: source_name(one["source"]) for name, one in manifest["inputs"].items()},
        settings=[
            *_settings(plan.config["teacher"], ANSWER_KEYS),
            *_settings(plan.config["task"], TASK_KEYS),
        ],
        prompts=list(_prompts(plan.task)),
        filters=[_filter(name, node, manifest) for name, node in _filter_nodes(record)],
        augment=_augment(record),
        synthetic_share=synthetic_share(manifest),
        judge=_judge(record),
        select=_settings_words(plan.config["select"]),
        export=type(plan.export).__name__.lower(),
        steps=funnel_steps(record, manifest),
        abstention=abstention_sentence(manifest),
        origins=origins(record),
        labels=labels[:SHOWN_LABELS],
        more_labels=max(0, len(labels) - SHOWN_LABELS),
        cost=[cost_sentence(manifest), *cost_notes(manifest)],
        diversity=diversity_lines(manifest),
        varieties=variety_facts(manifest),
        absent=absent_lines(manifest),
        arms=arm_lines(manifest),
        beside=beside_lines(manifest),
        controls=control_sentences(manifest),
        has_control=has_control(manifest),
        rule=verdict_rule(),
        breakdowns=breakdown_lines(manifest),
        curve=curve_plot(manifest),
        seeds=seeds_sentence(manifest),
        gap=gap_sentences(manifest),
        students=student_sentences(manifest),
        pairs=pair_lines(manifest),
        marks=mark_sentences(manifest),
        guards=guard_lines(record),
        doubts=doubts(record, manifest),
        limits=limits(record, manifest),
        example=_example(record),
        show=_WORDING,
    )
    write_text(path, f"---\n{_front_matter(record, manifest)}---\n\n{body}")


def _front_matter(record: RunRecord, manifest: Mapping[str, Any]) -> str:
    import yaml

    task = record.plan.task.name
    facts = {
        "pretty_name": one_line(run_name(record), NAME_CHARS),
        "license": "unknown",
        "annotations_creators": ["machine-generated"],
        "task_categories": TASK_CATEGORIES.get(task, ["text-generation"]),
        "size_categories": [size_category(manifest["rows"])],
        "tags": ["synthetic", "distillation", "distill"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": "dataset.jsonl"}],
            }
        ],
    }
    return str(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True))


def size_category(rows: int) -> str:
    """Return the hub's name for a number of rows."""
    return next((name for name, end in SIZES if rows < end), LARGEST_SIZE)


def _settings(node: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    return [f"{key}: {node[key]}" for key in keys if node.get(key) is not None]


def _prompts(task: Any) -> Iterator[tuple[str, str]]:
    """Yield (what it is, the text verbatim) of all that the teacher is told."""
    if getattr(task, "system", None):
        yield "System prompt", _cut(task.system)
    for i, shot in enumerate(getattr(task, "shots", ()), 1):
        yield f"Example {i} in the prompt", _cut(f"{shot['question']}\n\n{shot['label']}")
    for key, heading in (("prompt", "Prompt"), ("reply", "Form of the reply")):
        if getattr(task, key, None):
            yield heading, _cut(getattr(task, key))


def _cut(text: str) -> str:
    if len(text) <= PROMPT_CHARS:
        return text
    return f"{text[:PROMPT_CHARS]}\n… cut here; {count(len(text))} characters in all"


def _filter_nodes(record: RunRecord) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in record.plan.filters:
        yield name, record.plan.config["filter"][name]


def _filter(
    name: str, node: Mapping[str, Any], manifest: Mapping[str, Any]
) -> tuple[str, str, int]:
    """Return (name, settings, rows that it took out)."""
    return name, _settings_words(node), manifest["rejected"].get(f"filter/{name}", 0)


def _settings_words(node: Mapping[str, Any]) -> str:
    """Return the settings of a component in one line, `min_words: 50`; without parts of its own."""
    import yaml

    own = {
        key: value
        for key, value in node.items()
        if key != TARGET and not (isinstance(value, Mapping) and TARGET in value)
    }
    flow = str(yaml.safe_dump(own, default_flow_style=True, sort_keys=False, allow_unicode=True))
    return one_line(flow.strip().removeprefix("{").removesuffix("}"), EXAMPLE_CHARS)


def _augment(record: RunRecord) -> dict[str, Any] | None:
    """Return what there is to say of the new questions, or `None` without any."""
    node = record.plan.config.get("augment")
    if record.plan.augment is None or not isinstance(node, dict):
        return None
    told = {"via", "system", "prompt"}
    prompts = [("System prompt", node.get("system")), ("Prompt", node.get("prompt"))]
    return {
        "kind": type(record.plan.augment).__name__.lower(),
        "settings": _settings_words({key: node[key] for key in node if key not in told}),
        "prompts": [(heading, _cut(text)) for heading, text in prompts if text],
    }


def _judge(record: RunRecord) -> dict[str, Any] | None:
    """Return what there is to say of the judge, or `None` without one."""
    judge, kind = record.plan.judge, judge_kind(record)
    if judge is None:
        return None
    node = record.plan.config["judge"]
    weights = {name: one["weight"] for name, one in (node.get("dimensions") or {}).items()}
    prompts = [("System prompt", node.get("system")), ("Prompt", node.get("prompt"))]
    return {
        "kind": kind,
        "threshold": judge.threshold,
        "weights": weights,
        "floors": node.get("floors") or {},
        "prompts": [(heading, _cut(text)) for heading, text in prompts if text],
    }


def _example(record: RunRecord) -> str | None:
    """Return the first line of the dataset, of the teacher where there is one; cut where long."""
    import json

    rows = record.table.filter(is_in())
    distilled = rows.filter(source=TEACHER)
    line = next(iter(record.plan.export.lines((distilled if distilled.height else rows)[:1])), None)
    if line is None:
        return None
    text = json.dumps(line, ensure_ascii=False, indent=2)
    return text if len(text) <= EXAMPLE_CHARS else f"{text[:EXAMPLE_CHARS]}\n… cut here"


_WORDING = {
    "count": count,
    "counted": counted,
    "interval": interval,
    "percent": percent,
    "usd": usd,
}
