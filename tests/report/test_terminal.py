from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from finished_runs import SHAPES, MakeRun, warned
from rich.cells import cell_len
from rich.console import Console

from distill.guards import Finding
from distill.manifest import make_manifest
from distill.plan import PathSettings
from distill.record import RunRecord
from distill.report.terminal import print_summary
from distill.stages.guard import GuardResult


def _printed(record: RunRecord, width: int = 80, **console: Any) -> str:
    file = io.StringIO()
    print_summary(record, Console(file=file, width=width, **console))
    return file.getvalue()


def _with_config(record: RunRecord, group: str, **changes: Any) -> RunRecord:
    record.plan.config[group] |= changes
    return record


@pytest.mark.parametrize("shape", SHAPES)
def test_no_line_is_wider_than_80_columns(shape: str, make_run: MakeRun) -> None:
    printed = _printed(make_run(**SHAPES[shape]))

    assert max(cell_len(line) for line in printed.splitlines()) <= 80


@pytest.mark.parametrize("width", [40, 60, 100, 200])
def test_no_line_is_wider_than_the_terminal(width: int, make_run: MakeRun) -> None:
    record = _with_config(make_run(guards=warned()), "tracking", uri="http://mlflow")

    printed = _printed(record, width).replace("outputs/demo/2026-11-24_07-00-00/report.html", "")

    assert max(cell_len(line) for line in printed.splitlines()) <= width


def test_the_verdict_stands_last_but_for_where_to_look(make_run: MakeRun) -> None:
    lines = _printed(make_run()).splitlines()

    at = next(i for i, line in enumerate(lines) if line.startswith("Verdict: helps"))
    assert lines[at + 1].startswith("  Distillation helps: ")
    assert lines[-2:] == [
        "Report   outputs/demo/2026-11-24_07-00-00/report.html",
        "Compare  mlflow ui --backend-store-uri sqlite:///outputs/mlflow.db",
    ]


def test_the_funnel_says_what_dropped_the_rows(make_run: MakeRun) -> None:
    record = make_run(task="qa")
    lost = record.table["reason"].value_counts(name="rows")
    below = dict(lost.iter_rows())["below_threshold"]

    printed = _printed(record)

    assert re.search(rf"judged +{record.funnel['judged']} .*below_threshold {below}", printed)


def test_every_arm_has_its_interval_beside_it(make_run: MakeRun) -> None:
    record = make_run()
    assert record.evaluation is not None

    printed = _printed(record)

    for name, arm in record.evaluation.arms.items():
        value, low, high = (
            f"{100 * x:.1f}%" for x in (arm.headline.value, arm.headline.low, arm.headline.high)
        )
        assert re.search(rf"{name} .*{value} +{low} to {high}", printed)


def test_a_guard_that_warned_shows_the_beginning_of_its_evidence(make_run: MakeRun) -> None:
    printed = _printed(make_run(guards=warned(rows=25)))

    assert "warn contamination: 25 of 220" in printed
    assert "held-out h-4 is seed s-4" in printed
    assert "held-out h-5 is seed s-5" not in printed
    assert "… and 20 more" in printed
    assert "1 passed; off: real_heldout" in printed


def test_a_guard_that_could_not_tell_is_not_told_as_passed(make_run: MakeRun) -> None:
    unknown = Finding(fires=False, sentence="The lineage is unknown.", untold="unsure")
    nothing = Finding(fires=False, sentence="No model judges.", untold="idle")
    guards = warned(rows=1) | {
        "lineage": GuardResult(status="pass", finding=unknown),
        "unscored": GuardResult(status="pass", finding=nothing),
    }
    record = make_run(guards=guards)
    printed = _printed(record)
    manifest = make_manifest(record)

    assert "1 passed, 1 could not tell, 1 had nothing to look at; off: real_heldout" in printed
    assert "could not tell lineage: The lineage is unknown." in printed
    assert "No model judges." not in printed
    assert manifest["guards"]["lineage"] == "pass"
    assert manifest["guard_findings"]["lineage"] == {
        "status": "unsure", "sentence": "The lineage is unknown.", "rows": [],
    }  # fmt: skip


def test_an_empty_dataset_is_told_with_what_became_of_its_rows(make_run: MakeRun) -> None:
    record = make_run(**SHAPES["nothing_kept"])
    fell = make_manifest(record)["rejected"]
    printed = " ".join(_printed(record).split())
    told = f"The dataset is empty: {sum(fell.values())} rows fell out, "

    assert told in printed
    assert printed.index("Funnel") < printed.index(told) < printed.index("Cost")
    assert max(fell, key=lambda why: fell[why]) in printed.split(told)[1][:60]
    assert "The dataset is empty" not in _printed(make_run())


def test_all_evidence_of_a_guard_is_in_the_manifest(make_run: MakeRun) -> None:
    found = make_manifest(make_run(guards=warned(rows=250)))["guard_findings"]

    assert found["contamination"]["status"] == "warn"
    assert len(found["contamination"]["rows"]) == 250
    assert found["real_heldout"] == {"status": "off", "sentence": "", "rows": []}


def test_an_unknown_price_is_said_to_be_unknown(make_run: MakeRun) -> None:
    printed = _printed(make_run(task="qa", price=None))

    assert re.search(r"teacher .* unknown", printed)
    assert re.search(r"together +unknown", printed)
    assert "$" not in printed


def test_foreign_texts_cannot_act_on_the_terminal(make_run: MakeRun) -> None:
    record = make_run(guards=warned(rows=1, text="\x1b[2J[bold]\x07\u202egone"))

    printed = _printed(record)

    assert "␛[2J[bold]␇gone" in printed


def test_without_colour_the_words_are_the_same(make_run: MakeRun) -> None:
    record = make_run(guards=warned())
    coloured = _printed(record, force_terminal=True, color_system="truecolor")

    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == _printed(record)


def test_a_terminal_without_our_letters_gets_plain_ones(make_run: MakeRun) -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii", write_through=True)

    print_summary(make_run(guards=warned(text="naïve {i}")), Console(file=file, width=80))

    printed = raw.getvalue().decode("ascii")
    assert "=" * 16 in printed
    assert "na?ve 0" in printed


def test_an_address_longer_than_the_line_can_still_be_copied(make_run: MakeRun) -> None:
    record = make_run()
    out = "outputs/" + "long/" * 30
    record.plan = replace(record.plan, paths=PathSettings(out=out))

    assert f"\n{out}report.html\n" in _printed(record)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        pytest.param(
            "sqlite:////srv/my runs/mlflow.db",
            "mlflow ui --backend-store-uri 'sqlite:////srv/my runs/mlflow.db'",
            id="quoted_for_the_shell",
        ),
        pytest.param("https://u:secret@mlflow", "Compare  https://u:***@mlflow", id="server"),
    ],
)
def test_where_runs_are_compared_is_said(uri: str, shown: str, make_run: MakeRun) -> None:
    assert shown in _printed(_with_config(make_run(), "tracking", uri=uri))


def test_nothing_is_said_of_a_tracker_where_there_is_none(make_run: MakeRun) -> None:
    assert "Compare" not in _printed(_with_config(make_run(), "tracking", uri=None))
