"""The page of `distill collapse` in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from left_by_collapse import HOSTILE, told

from distill.collapse.page import write_page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Yield a headless browser; skip where there is none."""
    import shutil

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium is installed to look at the page with")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        made = driver.chromium.launch(executable_path=chromium, args=flags)
        yield made
        made.close()


@pytest.mark.parametrize("width", [375, 1200])
def test_a_browser_sees_no_fault_and_nothing_wider_than_the_screen(
    width: int, browser: Any, tmp_path: Path
) -> None:
    found = told(measure=HOSTILE)
    found["courses"][0]["title"] = "w" * 300
    write_page(found, tmp_path / "collapse.html")
    context = browser.new_context(viewport={"width": width, "height": 800})
    page, said = context.new_page(), []
    page.on("console", lambda one: said.append(one.text))
    page.on("pageerror", lambda one: said.append(str(one)))
    page.on("request", lambda one: said.append(one.url))
    page.goto((tmp_path / "collapse.html").as_uri())
    page.get_by_text("The same in numbers").focus()
    page.keyboard.press("Enter")

    assert said == [(tmp_path / "collapse.html").as_uri()]
    assert page.get_by_role("table").nth(1).is_visible()
    assert page.evaluate("window.owned") is None
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
