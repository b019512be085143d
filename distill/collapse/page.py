"""The chains to look at: one HTML file that asks nothing of the network and runs no script."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import distill
from distill.collapse.chain import MAX_RATIO
from distill.collapse.told import plain
from distill.paths import write_text
from distill.report import wording
from distill.report.collapse import collapse_plots
from distill.report.html import environment
from distill.statistics import ALPHA

TEMPLATES = Path(__file__).parent / "templates"
NAME_CHARS = 80


def write_page(told: Mapping[str, Any], path: Path) -> None:
    """Write the page.

    Args:
        told: As `show.to_json` returns it.
        path: Of the file; replaced whole.
    """
    html = (
        environment({}, TEMPLATES)
        .get_template("collapse.html.j2")
        .render(
            collapse=collapse_plots(plain(told)),
            name=wording.one_line(path.absolute().parent.name, NAME_CHARS),
            version=distill.__version__,
            max_ratio=MAX_RATIO,
            alpha=ALPHA,
        )
    )
    write_text(path, wording.visible(html))
