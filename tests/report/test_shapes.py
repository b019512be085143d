"""Every shape of a run can be told in all three ways, the same way every time."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from finished_runs import SHAPES, MakeRun
from rich.console import Console

from distill.manifest import make_manifest
from distill.record import RunRecord
from distill.report import write_card, write_report
from distill.report.terminal import print_summary


def _told(record: RunRecord, folder: Path) -> dict[str, str]:
    manifest = make_manifest(record)
    write_card(record, manifest, folder / "README.md")
    write_report(record, manifest, folder / "report.html")
    file = io.StringIO()
    print_summary(record, Console(file=file, width=80))
    return {
        "card": (folder / "README.md").read_text(encoding="utf-8"),
        "page": (folder / "report.html").read_text(encoding="utf-8"),
        "terminal": file.getvalue(),
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_told_with_its_verdict(
    shape: str, make_run: MakeRun, tmp_path: Path
) -> None:
    record = make_run(**SHAPES[shape])

    told = _told(record, tmp_path)

    verdict = make_manifest(record)["verdict"]
    assert f"**Verdict: {verdict}.**" in told["card"]
    assert f'<h2 id="verdict">{verdict.capitalize()}</h2>' in told["page"]
    assert f"Verdict: {verdict}\n" in told["terminal"]


@pytest.mark.parametrize("shape", ["demo", "hostile_texts", "many_labels"])
def test_the_same_run_is_told_the_same_way_twice(
    shape: str, make_run: MakeRun, tmp_path: Path
) -> None:
    first, second = make_run(**SHAPES[shape]), make_run(**SHAPES[shape])

    assert _told(first, tmp_path) == _told(second, tmp_path)
