"""The report in a real browser: nothing that a model wrote acts, and everything can be read."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from finished_runs import HOSTILE, SHAPES, MakeRun, warned

from distill.manifest import make_manifest
from distill.record import RunRecord
from distill.report import write_report
from distill.report.page import SHOWN_EXAMPLES
from distill.review import review_frame
from distill.table import REVIEW_COLUMNS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MOST_BYTES = 2_000_000
ATTACKS = (
    *HOSTILE,
    "<script>window.owned = 1; fetch('http://127.0.0.1:9/stolen')</script>",
    "</script><script>window.owned = 1</script>",
    "</title></style><svg onload=\"window.owned = 1\"><image href='http://127.0.0.1:9/x.png'/></svg>",
    "\" autofocus onfocus='window.owned = 1' x=\"",
    "<iframe srcdoc='<script>parent.owned = 1</script>'></iframe><base href='http://127.0.0.1:9/'>",
    "<a href=\"javascript:window.owned=1\">x</a><meta http-equiv=refresh content='0;url=//x'>",
    "<!-- <![CDATA[ ]]> --> &#60;script&#62; \x00\x07\x1b[2J\x7f\x9b\ufeff\ufffe",
    "\u061c\u200e\u200f\u202a\u202b\u202d\u202e\u2066\u2067\u2068 backwards \u2069",
    "<b>\x00&\u202e" * 20_000,
    "e" + "\u0301" * 2_000,
    "W" * 100_000,
)
TURNS = r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"


@dataclass
class Seen:
    """What a page did besides being looked at."""

    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


Look = Callable[..., "tuple[Page, Seen]"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield a headless browser; skip where there is none."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium is installed to look at the report with")
    from playwright.sync_api import sync_playwright

    flags = (
        "--no-sandbox --disable-gpu --disable-quic --no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync"
    )
    with sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=chromium, args=flags.split())
        yield made
        made.close()


@pytest.fixture
def look(browser: Browser, tmp_path: Path) -> Iterator[Look]:
    """Return a function that opens a run's report and books what it does."""
    contexts = []

    def looked(record: RunRecord, **options: Any) -> tuple[Page, Seen]:
        path = tmp_path / "report.html"
        write_report(record, make_manifest(record), path)
        contexts.append(browser.new_context(**options))
        page, seen = contexts[-1].new_page(), Seen()
        page.on("request", lambda asked: seen.asked.append(asked.url))
        page.on("console", lambda told: seen.said.append(told.text))
        page.on("pageerror", lambda error: seen.said.append(str(error)))
        page.on("dialog", lambda dialog: seen.said.append(dialog.message))
        page.goto(path.as_uri())
        seen.asked.remove(path.as_uri())
        return page, seen

    yield looked
    for context in contexts:
        context.close()


def _attacked(make_run: MakeRun) -> RunRecord:
    """Return a run in which everything that a model can write is an attack."""
    record = make_run(task="qa", guards=warned(text="\n".join(ATTACKS)))
    columns = ("id", "slice", "question", "answer", "rationale", "judge_reason")
    drawn = {
        name: pl.Series([ATTACKS[(i + at) % len(ATTACKS)] for i in range(record.table.height)])
        for at, name in enumerate(columns)
    }
    record.table = record.table.with_columns(**drawn).with_columns(detail="answer")
    lines = [
        dict.fromkeys(REVIEW_COLUMNS, one) | {"stage": "guard", "reason": "contamination"}
        for one in ATTACKS
    ]
    record.review = review_frame(lines)
    record.spend["teacher"].served = set(ATTACKS[:12])
    return record


def test_nothing_that_a_model_wrote_acts(make_run: MakeRun, look: Look, tmp_path: Path) -> None:
    page, seen = look(_attacked(make_run))
    page.get_by_role("button", name="Open or close all").click()

    assert seen.asked == []
    assert seen.said == []
    assert page.evaluate("window.owned") is None
    assert page.locator("script").count() == 1
    assert page.locator("img, iframe, base, object, embed, image, [onload], [onfocus]").count() == 0
    assert page.evaluate(f"/{TURNS}/.test(document.documentElement.outerHTML)") is False
    assert page.title().startswith("distill: ")
    assert (tmp_path / "report.html").stat().st_size < MOST_BYTES


@pytest.mark.parametrize("width", [375, 1200])
@pytest.mark.parametrize("shape", ["demo", "hostile_labels", "many_labels", "attacked"])
def test_nothing_is_wider_than_the_screen(
    shape: str, width: int, make_run: MakeRun, look: Look
) -> None:
    record = _attacked(make_run) if shape == "attacked" else make_run(**SHAPES[shape])
    page, _ = look(record, viewport={"width": width, "height": 800})
    page.get_by_role("button", name="Open or close all").click()

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_rows_are_found_by_all_words_of_a_search(make_run: MakeRun, look: Look) -> None:
    page, seen = look(make_run(task="qa"))
    rows = page.locator("details.example:visible")
    assert rows.count() == 3 * SHOWN_EXAMPLES

    page.get_by_label("Search these rows").fill("REFUSAL  generate")

    assert 0 < rows.count() < SHOWN_EXAMPLES
    assert page.locator("#found").inner_text() == f"{rows.count()} of 60 rows"
    assert all("generate/refusal" in row.inner_text() for row in rows.all())
    page.get_by_label("Search these rows").fill("")
    assert rows.count() == 3 * SHOWN_EXAMPLES
    assert seen.said == []


def test_a_row_opens_by_the_keyboard_alone(make_run: MakeRun, look: Look) -> None:
    page, _ = look(make_run(task="qa"))
    page.get_by_label("Search these rows").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    assert page.locator("details.example").first.evaluate("row => row.open")
    outline = "document.activeElement.matches(':focus-visible') && "
    outline += "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"


def test_without_scripts_the_rows_are_there_and_the_search_is_not(
    make_run: MakeRun, look: Look
) -> None:
    page, _ = look(make_run(task="qa"), java_script_enabled=False)

    assert page.get_by_label("Search these rows").is_hidden()
    first = page.locator("details.example").first
    first.locator("summary").click()
    assert first.get_by_role("heading", name="Question").is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_the_reader_s(theme: str, make_run: MakeRun, look: Look) -> None:
    page, _ = look(make_run(), color_scheme=theme)

    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(int(one) for one in ground[4:-1].split(", ")) < 64) == (theme == "dark")


def test_paper_shows_what_lies_folded_up(make_run: MakeRun, look: Look) -> None:
    page, _ = look(make_run(task="qa"), color_scheme="dark")
    page.emulate_media(media="print")

    assert page.locator("details.example .text").first.is_visible()
    assert page.get_by_label("Search these rows").is_hidden()
    ink = page.evaluate("getComputedStyle(document.querySelector('.text')).color")
    assert ink == "rgb(29, 31, 35)"
