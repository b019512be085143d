"""The page of a comparison: one file, no network, nothing of a foreign text acts."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compared_runs import EVAL, answers, fallen, heldout_answers, make_run

from distill.compare import compare, read_side
from distill.compare.page import render, write_page
from distill.compare.sentences import what_can_be_said

STUDENT = "real_and_distilled"
HOSTILE = (
    '<script>alert("x")</script>',
    "</details></main><img src=http://evil.example/x onerror=alert(1)>",
    "{{ 7 * 7 }} {% include 'report.css' %}",
    "\x1b[31mred \x00 \u202eleft",
    "]]><!-- <style>*{display:none}</style>",
)
VOID = {"meta", "link", "br", "img", "circle", "line", "rect"}


class Page(HTMLParser):
    """Tags, their nesting, and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def page(tmp_path: Path) -> Any:
    def make(a: list[dict[str, Any]], b: list[dict[str, Any]], **of_b: Any) -> str:
        rng = np.random.default_rng(0)
        right = (rng.random(50) < 0.8).astype(float)
        told = {"eval": EVAL}
        make_run(tmp_path / "a", a, manifest=told, heldout=heldout_answers({STUDENT: right}))
        other = {"manifest": told, "heldout": heldout_answers({STUDENT: 1 - right})} | of_b
        make_run(tmp_path / "b", b, side="b", **other)
        return render(compare(read_side(tmp_path / "a"), read_side(tmp_path / "b")))

    return make


def changed() -> list[dict[str, Any]]:
    rows = answers(30)
    for row in rows[:10]:
        row["answer"] = "another answer of some words"
    rows[20] = fallen(rows[20], "judge", "below_threshold", score=0.2)
    return rows


def test_the_page_is_whole_and_asks_nothing_of_the_network(page: Any) -> None:
    html = page(answers(30), changed())
    read = Page(html)
    assert read.open == []
    assert "default-src 'none'" in html
    assert not [tag for tag, _ in read.tags if tag in {"script", "img", "iframe", "object"}]
    addresses = [
        value for _, attrs in read.tags for key, value in attrs.items() if key in {"src", "href"}
    ]
    assert all(one and one.startswith(("#", "data:")) for one in addresses)
    assert not re.search(r"url\(|@import|https?://", html)


def test_every_link_leads_to_a_section(page: Any) -> None:
    read = Page(page(answers(30), changed()))
    ids = [attrs["id"] for _, attrs in read.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [attrs["href"] for tag, attrs in read.tags if tag == "a"]
    assert {f"#{one}" for one in ids} >= set(links)


def test_sentences_and_figures_are_on_the_page(page: Any, tmp_path: Path) -> None:
    text = " ".join(Page(page(answers(30), changed())).text.split())
    c = compare(read_side(tmp_path / "a"), read_side(tmp_path / "b"))
    for sentence in what_can_be_said(c):
        assert sentence in text
    for part in ("distinct_2", "judge/below_threshold", "aaaa1111", "claude-opus-4-5-20251101"):
        assert part in text


def test_hostile_texts_are_shown_and_do_nothing(page: Any) -> None:
    hostile = " ".join(HOSTILE)
    half = "\ud800"  # JSON allows half a letter, UTF-8 does not
    a, b = answers(4), answers(4)
    a[0]["question"] = b[0]["question"] = f"question {hostile}"
    b[0]["answer"] = f"answer {hostile}"
    b[1] = fallen(b[1], "judge", f"reason {hostile}", judge_reason=hostile, score=0.1)
    a[2]["id"] = b[2]["id"] = f"id {hostile}"
    a[2]["answer"] = hostile
    config = {"judge": {"threshold": hostile, hostile: 1}}
    manifest = {
        "eval": EVAL,
        "verdict": half + hostile,
        "started_at": hostile,
        "distill_version": hostile + half,
        "inputs": {hostile: {"sha256": hostile}},
        "versions": {hostile: hostile},
        "implementation": {"stage.generate": hostile},
        "teacher": {"model": hostile, "served": [hostile], "requests": 1},
        "diversity": {hostile: 1.0},
        "funnel": {hostile: 4},
        "rejected": {hostile: 2},
    }
    heldout = heldout_answers({STUDENT: np.ones(50)}).rename(
        {f"answer/{STUDENT}": f"answer/{hostile}", f"score/{STUDENT}": f"score/{hostile}"}
    )
    html = page(a, b, config=config, manifest=manifest, heldout=heldout)
    read = Page(html)
    assert read.open == []
    assert not [tag for tag, _ in read.tags if tag in {"script", "img"}]
    assert [tag for tag, _ in read.tags].count("style") == 1
    assert "{{ 7 * 7 }}" in read.text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e\ud800-\udfff]", html)


def test_long_texts_are_cut_and_said_to_be(page: Any) -> None:
    b = answers(3)
    b[0]["answer"] = "long " * 40_000
    html = page(answers(3), b)
    assert len(html) < 150_000
    assert "Cut here; 200,000 characters in all." in html


@pytest.mark.parametrize(
    ("a", "b", "of_b"),
    [
        pytest.param([], [], {}, id="nothing kept"),
        pytest.param(answers(1), answers(1), {}, id="one row"),
        pytest.param(answers(5), answers(5), {"heldout": None}, id="no student"),
        pytest.param(answers(5), answers(5), {"config": {"judge": None}}, id="no judge"),
        pytest.param(
            answers(5), answers(5), {"config": {"task": {"_target_": "x.Math"}}}, id="other task"
        ),
        pytest.param(
            answers(5),
            answers(5),
            {"heldout": heldout_answers({STUDENT: [1.0]}, ids=["z"])},
            id="other held-out set",
        ),
        pytest.param(answers(5), answers(9, seed=4), {"manifest": {"funnel": {}}}, id="bare"),
    ],
)
def test_every_kind_of_pair_has_a_whole_page(page: Any, a: Any, b: Any, of_b: Any) -> None:
    assert Page(page(a, b, **of_b)).open == []


def test_the_file_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    sides = [read_side(make_run(tmp_path / name, answers(3), side=name)) for name in ("a", "b")]
    target = tmp_path / "page.html"
    target.write_text("before")
    write_page(compare(*sides), target)
    assert target.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "page.html"]
