from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from finished_runs import MakeRun
from PIL import Image

from distill.diversity.contrast import Contrast, ContrastFigure
from distill.folder import FIGURES
from distill.manifest import make_manifest
from distill.record import RunRecord
from distill.report import figures, write_figures
from distill.report.markdown import TEMPLATES


def _drawn(record: RunRecord, folder: Path, **changes: Any) -> dict[str, bytes]:
    folder.mkdir(exist_ok=True)
    write_figures(record, make_manifest(record) | changes, folder)
    files = (path for path in folder.rglob("*.png"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _colours(path: Path) -> set[str]:
    with Image.open(path) as image:
        pixels = image.convert("RGB").getcolors(image.width * image.height)
    return {"#{:02x}{:02x}{:02x}".format(*colour) for _, colour in pixels or []}


def _beside(ratio: float, low: float | None, high: float | None) -> tuple[Contrast, ...]:
    figure = ContrastFigure(
        name="distinct_2", value=0.2, other=0.3, ratio=ratio, low=low, high=high,
        p_value=0.01, p_holm=0.01,
    )  # fmt: skip
    return (Contrast(against="references", source="real", column="answer", figures=(figure,)),)


def test_an_evaluated_run_has_all_that_there_is_to_draw(make_run: MakeRun, tmp_path: Path) -> None:
    record = make_run()
    record.contrasts = _beside(0.8, 0.7, 0.9)

    assert set(_drawn(record, tmp_path / "run")) == set(FIGURES.values())


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        pytest.param({"overrides": ("judge=none",)}, {"scores", "diversity"}, id="no judge"),
        pytest.param({}, {"diversity"}, id="nothing to compare with"),
    ],
)
def test_what_is_not_there_is_not_drawn(
    changes: dict[str, Any], absent: set[str], make_run: MakeRun, tmp_path: Path
) -> None:
    drawn = _drawn(make_run(**changes), tmp_path / "run")

    assert set(drawn) == {place for name, place in FIGURES.items() if name not in absent}


@pytest.mark.parametrize("changes", [{"overrides": ("student=none",)}, {"heldout": 0}])
def test_a_run_without_an_evaluation_has_all_pictures_but_the_arms(
    changes: dict[str, Any], make_run: MakeRun, tmp_path: Path
) -> None:
    record = make_run(**changes)
    record.contrasts = _beside(0.8, 0.7, 0.9)

    drawn = _drawn(record, tmp_path / "run")

    assert set(drawn) == {place for name, place in FIGURES.items() if name != "arms"}


def test_the_same_run_is_drawn_the_same_way_twice(make_run: MakeRun, tmp_path: Path) -> None:
    record = make_run()

    assert _drawn(record, tmp_path / "a") == _drawn(record, tmp_path / "b")


def test_arms_have_the_colours_of_their_roles(make_run: MakeRun, tmp_path: Path) -> None:
    _drawn(make_run(), tmp_path / "run")

    seen = _colours(tmp_path / "run" / FIGURES["arms"])
    assert {figures.ACCENT, figures.REAL, figures.OUT} <= seen


@pytest.mark.parametrize(
    ("ratio", "low", "high", "colour"),
    [
        pytest.param(0.8, 0.7, 0.9, figures.HURTS, id="less varied"),
        pytest.param(0.8, 0.7, 1.1, figures.OUT, id="not decided"),
        pytest.param(0.8, None, None, figures.OUT, id="no interval"),
        pytest.param(9.0, 3.0, 30.0, figures.OUT, id="beyond the scale"),
    ],
)
def test_a_figure_is_red_where_its_whole_interval_is_less_varied(
    ratio: float, low: float | None, high: float | None, colour: str, make_run: MakeRun,
    tmp_path: Path,
) -> None:  # fmt: skip
    record = make_run()
    record.contrasts = _beside(ratio, low, high)
    _drawn(record, tmp_path / "run")

    seen = _colours(tmp_path / "run" / FIGURES["diversity"])
    assert seen & {figures.HURTS, figures.OUT} == {colour}


def test_a_name_is_no_formula_and_its_letters_need_no_font(
    make_run: MakeRun, tmp_path: Path
) -> None:
    record = make_run()
    manifest = make_manifest(record)
    evaluated = manifest["eval"] | {"metric": r"$\frac{漢$ _^"}

    assert FIGURES["arms"] in _drawn(record, tmp_path / "run", eval=evaluated)


def test_the_colours_are_those_of_the_page() -> None:
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--(\w+): (#\w{6});", style[: style.index("@media")]))

    named = {name: light[name] for name in ("ink", "muted", "out", "accent", "real", "hurts")}
    assert named == {name: getattr(figures, name.upper()) for name in named}
