from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from finished_runs import HOSTILE, SHAPES, MakeRun, warned
from markdown_it import MarkdownIt
from markdown_it.token import Token

from distill.manifest import make_manifest
from distill.record import RunRecord
from distill.report import write_card
from distill.report.card import size_category
from distill.report.markdown import block, code, escape

MARKDOWN = MarkdownIt("commonmark").enable("table")
HEADINGS = [
    "What it is",
    "How it was made",
    "Counts",
    "Cost",
    "Diversity",
    "Evaluation",
    "Guards",
    "Limits",
    "Rebuilding it",
    "Licence and terms",
]


def _card(record: RunRecord, folder: Path) -> tuple[dict[str, Any], str]:
    """Return the front matter and the body of a run's card."""
    write_card(record, make_manifest(record), folder / "README.md")
    text = (folder / "README.md").read_text(encoding="utf-8")
    start, front, body = text.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(front), body


def _tokens(body: str) -> list[Token]:
    return [part for token in MARKDOWN.parse(body) for part in (token, *(token.children or ()))]


def _headings(body: str) -> list[str]:
    tokens = MARKDOWN.parse(body)
    return [tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open"]


@pytest.mark.parametrize("shape", SHAPES)
def test_no_text_of_a_run_breaks_out_of_its_place(
    shape: str, make_run: MakeRun, tmp_path: Path
) -> None:
    _, body = _card(make_run(**SHAPES[shape]), tmp_path)

    kinds = {token.type for token in _tokens(body)}
    assert not kinds & {"html_inline", "html_block", "link_open", "image", "hr"}
    assert _headings(body) == ["distill", *HEADINGS]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_row_of_a_table_has_the_cells_of_its_head(
    shape: str, make_run: MakeRun, tmp_path: Path
) -> None:
    _, body = _card(make_run(**SHAPES[shape]), tmp_path)

    lines = body.splitlines()
    tables = [i for i, line in enumerate(lines) if line.startswith("|-")]
    assert tables
    for rule in tables:
        cells = lines[rule].count("|")
        for line in lines[rule:]:
            if not line.startswith("|"):
                break
            assert line.replace("\\\\", "").replace("\\|", "").count("|") == cells


@pytest.mark.parametrize("shape", SHAPES)
def test_the_front_matter_is_what_the_hub_reads(
    shape: str, make_run: MakeRun, tmp_path: Path
) -> None:
    front, _ = _card(make_run(**SHAPES[shape]), tmp_path)

    assert {"synthetic", "distillation"} <= set(front["tags"])
    assert front["size_categories"] == ["n<1K"]
    assert front["configs"] == [
        {"config_name": "default", "data_files": [{"split": "train", "path": "dataset.jsonl"}]}
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("shape", SHAPES)
def test_the_hub_s_own_library_reads_the_card_and_keeps_every_key(
    shape: str, make_run: MakeRun, tmp_path: Path
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    front, body = _card(make_run(**SHAPES[shape]), tmp_path)

    card = hub.DatasetCard.load(tmp_path / "README.md")

    assert card.data.to_dict() == front
    assert card.text.strip() == body.strip()
    # Its own keys come out as its own fields, so they are spelt as the hub spells them.
    known = vars(hub.DatasetCardData())
    assert set(front) - set(known) == {"tags", "configs"}
    assert yaml.safe_load(card.content.split("---\n")[1]) == front


@pytest.mark.parametrize(
    ("rows", "category"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**5, "100K<n<1M"), (10**9, "100M<n<1B")],
)
def test_sizes_have_the_names_of_the_hub(rows: int, category: str) -> None:
    assert size_category(rows) == category


def test_a_name_that_is_yaml_stays_a_name(make_run: MakeRun, tmp_path: Path) -> None:
    record = make_run()
    record.plan.config["tracking"]["experiment"] = "a: [b]\n---\ntags: owned"

    front, body = _card(record, tmp_path)

    assert front["pretty_name"] == "a: [b] --- tags: owned"
    assert _headings(body)[1:] == HEADINGS


def test_prompts_stand_verbatim(make_run: MakeRun, tmp_path: Path) -> None:
    record = make_run()
    prompt = "Say which:\n````\n{question}\n````\n# label?  <b>"
    task = replace(record.plan.task, prompt=prompt)
    record.plan = replace(record.plan, task=task)

    _, body = _card(record, tmp_path)

    fences = [token.content for token in MARKDOWN.parse(body) if token.type == "fence"]
    assert f"{prompt}\n" in fences


def test_folders_of_this_machine_stay_out(make_run: MakeRun, tmp_path: Path) -> None:
    record = make_run()

    _, body = _card(record, tmp_path)

    assert str(tmp_path) in record.seeds.source
    assert str(tmp_path) not in body
    assert "`seeds.jsonl`" in body


def test_the_card_says_how_the_rows_came_about(make_run: MakeRun, tmp_path: Path) -> None:
    record = make_run(task="qa")

    _, body = _card(record, tmp_path)

    for said in (
        "`claude-opus-4-5-20251101` (anthropic)",
        "`min_words: 3`",
        "rows that score below 0.75 fall out",
        "Weights: accuracy 0.4, completeness 0.3, clarity 0.3.",
        "Graded below 3 in accuracy, an answer scores 0.",
        f"`{record.dataset_sha256}`",
        f"{record.funnel['selected']} rows: 50 real",
    ):
        assert said in body


def test_evidence_of_a_guard_is_cut_and_counted(make_run: MakeRun, tmp_path: Path) -> None:
    _, body = _card(make_run(guards=warned(rows=25)), tmp_path)

    assert "  - held-out h-19 is seed s-19\n  - … and 5 more, in manifest.json" in body


@pytest.mark.parametrize("text", [*HOSTILE, "1. one", "- one", "+ one", "===", "- - -", "www.a.b"])
def test_an_escaped_text_reads_as_itself(text: str) -> None:
    inline = MARKDOWN.parse(escape(text))

    assert [token.type for token in inline] == ["paragraph_open", "inline", "paragraph_close"]
    parts = inline[1].children or []
    assert {part.type for part in parts} <= {"text", "text_special"}
    shown = "".join(part.content for part in parts)
    assert "".join(shown.split()).startswith("".join(text.split())[:4].replace("\x1b", "␛"))


@pytest.mark.parametrize("text", ["plain", "a `tick`", "``", "`", "two\nlines"])
def test_a_code_span_holds_its_text(text: str) -> None:
    children = MARKDOWN.parse(code(text))[1].children or []

    assert [(part.type, part.content) for part in children] == [
        ("code_inline", " ".join(text.split()))
    ]


def test_a_block_is_closed_by_its_own_fence_alone() -> None:
    text = "```\n~~~\n````\nend"

    tokens = MARKDOWN.parse(block(text))

    assert [(token.type, token.content) for token in tokens] == [("fence", f"{text}\n")]
