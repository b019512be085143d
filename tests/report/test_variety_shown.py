"""The dataset's variety beside that of others, as card and page show it."""

from __future__ import annotations

from pathlib import Path

import pytest
from finished_runs import Shape, make

from distill.diversity.contrast import Contrast, ContrastFigure
from distill.manifest import make_manifest
from distill.report import write_card, write_report
from distill.report.variety import variety_facts, variety_plots

HOSTILE = '<script>alert("x")</script> | [a](http://evil.example)\n# b'


def figure(name: str, ratio: float, low: float | None, high: float | None) -> ContrastFigure:
    p = None if low is None else 0.001
    return ContrastFigure(
        name=name, value=0.4, other=0.5, ratio=ratio, low=low, high=high, p_value=p, p_holm=p
    )


FOUND = (
    Contrast(
        against="references",
        source="300 reference answers of the seeds",
        column="answer",
        rows=(300, 300),
        words=8330,
        paired=290,
        dealt=20,
        permutations=999,
        figures=(
            figure("distinct_2", 0.8, 0.75, 0.86),
            figure("vendi", 1.1, None, None),
            figure("top_bigram_frequency", 7.0, 0.5, 90.0),
        ),
    ),
    Contrast(against="baseline", source=HOSTILE, column="answer", why_not="it is <b>other</b>"),
)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    record = make(Shape(task="qa", rows=40, real=0), tmp_path)
    record.contrasts = FOUND
    record.diversity_absent = {"coverage": "embeddings: no package.\n  hint: install <it>"}
    manifest = make_manifest(record)
    write_card(record, manifest, tmp_path / "README.md")
    write_report(record, manifest, tmp_path / "report.html")
    return (tmp_path / "README.md").read_text(), (tmp_path / "report.html").read_text()


def test_page_and_card_show_ratio_interval_and_p(files: tuple[str, str]) -> None:
    for text in files:
        assert "at 300 rows and 8,330 words a side" in text
        assert "290 questions swapped between the sides and 20 questions dealt anew" in text
        assert "0.80×" in text
        assert "0.75× to 0.86×" in text
        assert "coverage" in text


def test_what_others_named_is_escaped(files: tuple[str, str]) -> None:
    card, page = files
    assert "<script>alert" not in page
    assert "<b>other" not in page
    assert "<script>alert" not in card
    assert "\n# b" not in card
    assert "[a](http" not in card.replace("\\[", "")


def test_the_page_draws_each_figure_against_the_line_of_equal_variety(
    files: tuple[str, str],
) -> None:
    page = files[1]
    label = 'aria-label="distinct_2: 0.80× as varied, 95% interval 0.75× to 0.86×"'
    assert label in page
    assert page.count("as varied, 95% interval") == 2
    assert 'aria-label="vendi: 1.10× as varied"' in page


def test_a_run_without_a_comparison_shows_none() -> None:
    assert variety_facts({"diversity": {}}) == []
    assert variety_plots({"diversity": {}}) == []
