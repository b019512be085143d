"""What `distill collapse` found, to look at: its own page, and the part of a run's report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from left_by_collapse import HOSTILE, spread, told
from workbench import Workbench

from distill.collapse.page import write_page
from distill.collapse.told import read_collapse
from distill.errors import UserError
from distill.report.collapse import alarm_sentence, collapse_plots
from distill.report.curves import Curve, curves, round_scale


@pytest.fixture
def left(tmp_path: Path) -> Callable[[Any], Path]:
    """Return a function that leaves a folder as `distill collapse` does."""

    def leave(found: Any) -> Path:
        folder = tmp_path / "chains"
        folder.mkdir(exist_ok=True)
        (folder / "collapse.json").write_text(
            found if isinstance(found, str) else json.dumps(found), encoding="utf-8"
        )
        return folder

    return leave


def test_the_page_has_curves_numbers_and_theory_and_asks_for_nothing(tmp_path: Path) -> None:
    write_page(told(), tmp_path / "collapse.html")

    html = (tmp_path / "collapse.html").read_text(encoding="utf-8")
    assert html.count('role="img"') == 5
    assert "Support from generation 0 to 3: replace 0.8 to 0.2; keep 50% real" in html
    assert "The alarm sees every chain from generation 2 on." in html
    assert "400 (360 to 440)" in html
    assert "(theory 4)" in html
    assert "(theory at most 1.645)" in html
    assert "<script" not in html
    assert not re.search(r"\b(src|href)=\"(?!data:,|#)", html)


def test_words_of_the_file_do_not_act_on_the_page(tmp_path: Path) -> None:
    found = told(student=HOSTILE, measure=HOSTILE)
    for course in found["courses"]:
        course |= {"title": HOSTILE, "sentence": HOSTILE}
    write_page(found, tmp_path / "collapse.html")

    html = (tmp_path / "collapse.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "&lt;script&gt;" in html


def test_a_figure_that_was_not_measured_is_left_out(tmp_path: Path) -> None:
    found = told(student="Classifier", measure="macro_f1", theory=None)
    for course in found["courses"]:
        for one in course["generations"]:
            one |= {"distinct_2": None, "less_varied": None, "heldout": spread(0.8)}

    plots = collapse_plots(found)

    assert plots is not None
    assert [plot.heading for plot in plots.plots] == ["Macro f1 on real held-out", "Support"]
    assert plots.heads[-1] == "Support"
    assert plots.theory is None
    # Shares stand on the whole scale of shares, however small their differences.
    assert all(">0.75</text>" in plot.svg for plot in plots.plots)


@pytest.mark.parametrize(
    ("means", "sentence"),
    [
        ([0, 0, 0], "The alarm sees no chain less varied."),
        ([0, 1, 1], "The alarm sees every chain from generation 1 on."),
        ([0, 1, 0.5], "The alarm sees a first chain in generation 1, 50% of them in the last."),
    ],
)
def test_the_alarm_is_told_by_generation(means: list[float], sentence: str) -> None:
    generations = [{"less_varied": {"mean": mean}} for mean in means]
    assert alarm_sentence({"generations": generations}) == sentence


@pytest.mark.parametrize(
    ("greatest", "step", "top"),
    [
        (953, 200, 1000),
        (0.49, 0.1, 0.5),
        (9, 2, 10),
        (1000, 200, 1000),
        (0, 0.2, 1),
        (52.6, 20, 60),
    ],
)
def test_a_scale_is_round_and_holds_everything(greatest: float, step: float, top: float) -> None:
    assert round_scale(greatest) == (pytest.approx(step), pytest.approx(top))


def test_a_curve_stands_where_its_values_do() -> None:
    svg = curves([Curve(means=[0.0, 1.0], lows=[0.0, 0.5], highs=[0.0, 1.0])], label="x", most=1.0)
    assert '<polyline class="mean" points="9,170 97,0"/>' in svg
    assert '<polygon class="band" points="9,170 97,0 97,85 9,170"/>' in svg


def test_a_folder_and_its_file_are_read_alike(left: Callable[[Any], Path]) -> None:
    folder = left(told())
    found = read_collapse(str(folder), seeds_sha256="a" * 64)
    assert found is not None
    assert found == read_collapse(str(folder / "collapse.json"), seeds_sha256="a" * 64)
    assert (found["source"], found["same_seeds"]) == ("chains", True)
    assert read_collapse(None, seeds_sha256="a" * 64) is None


def test_chains_of_other_seeds_are_said_to_be(left: Callable[[Any], Path]) -> None:
    plots = collapse_plots(read_collapse(str(left(told())), seeds_sha256="b" * 64))
    assert plots is not None
    assert plots.warning.startswith("These chains learnt from other seeds than this run's.")


def test_a_folder_of_an_earlier_release_is_shown_without_theory(
    left: Callable[[Any], Path],
) -> None:
    found = told()
    del found["theory"], found["seeds_sha256"]
    plots = collapse_plots(read_collapse(str(left(found)), seeds_sha256="b" * 64))
    assert plots is not None
    assert plots.theory is None
    assert "other seeds" not in plots.warning


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        pytest.param("", "collapse.json: Invalid JSON", id="empty"),
        pytest.param("[" * 100_000, "collapse.json: Invalid JSON", id="deep"),
        pytest.param(told(format=2), "format: ", id="later format"),
        pytest.param(told(courses=[]), "courses: ", id="no course"),
        pytest.param(told(real=-1), "real: ", id="less than none"),
        pytest.param(told(courses=4 * told()["courses"]), "courses: ", id="too many courses"),
        pytest.param(json.dumps(told()).replace("300.0", "NaN"), "", id="not a number"),
        pytest.param(json.dumps(told()).replace("300.0", "1e999"), "", id="infinite"),
    ],
)
def test_what_is_no_collapse_is_the_user_s_to_mend(
    found: Any, cause: str, left: Callable[[Any], Path]
) -> None:
    folder = left(found)
    with pytest.raises(UserError, match=r"^report\.collapse: got .*, want the folder") as error:
        read_collapse(str(folder), seeds_sha256="")
    assert cause in str(error.value.args[0])


@pytest.mark.parametrize("path", ["nowhere", ".", "a\0b"])
def test_a_folder_without_a_collapse_is_told(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^report\.collapse: got"):
        read_collapse(path, seeds_sha256="")


def test_a_run_shows_the_curves_it_was_given_and_rebuilds_without_them(
    bench: Workbench, left: Callable[[Any], Path]
) -> None:
    folder = left(told())
    ended = bench.run_unjudged(f"report.collapse={folder}")
    assert ended.status == 0, ended.err
    html = (bench.out / "report.html").read_text(encoding="utf-8")
    assert '<a href="#collapse">' in html
    assert "<bdi>chains</bdi>" in html
    assert "These chains learnt from other seeds" in html
    assert bench.manifest["collapse"]["courses"][0]["title"] == "replace"
    shown = bench.manifest
    assert bench.run_unjudged().status == 0
    # It shapes nothing of the dataset.
    assert bench.manifest["config_sha256"] == shown["config_sha256"]
    assert "collapse" not in bench.manifest
    assert "Were students" not in (bench.out / "report.html").read_text(encoding="utf-8")


def test_a_collapse_that_cannot_be_read_stops_a_run_before_it_costs(bench: Workbench) -> None:
    ended = bench.run_unjudged("report.collapse=nowhere")
    assert ended.status == 2
    assert "report.collapse: got 'nowhere'" in ended.err
    assert not ended.has_traceback
    assert bench.api.count() == 0
