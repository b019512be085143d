"""The page's colours: read by everybody, in both themes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from distill.report.markdown import TEMPLATES

STYLE = (TEMPLATES / "report.css").read_text(encoding="utf-8")
THEMES = ("light", "dark")
GROUNDS = ("page", "panel")
WORDS = ("ink", "muted", "accent", "helps", "hurts", "inconclusive")
MARKS = ("accent", "real", "out", "helps", "hurts", "inconclusive")
# Marks that lie side by side and differ in their colour alone.
BESIDE = (("accent", "out"), ("accent", "real"), ("real", "out"))
# Of WCAG 2.2, 1.4.3 and 1.4.11.
TEXT_CONTRAST = 4.5
MARK_CONTRAST = 3.0
# About ten times what is just seen apart in CIE 1976.
APART = 20.0
# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
BLINDNESS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], dtype=np.float64
)
WHITE = XYZ.sum(axis=1)


def _theme(name: str) -> dict[str, str]:
    """Return the variables of a theme; the dark one comes second and overrides the light one."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE, flags=re.DOTALL)[: THEMES.index(name) + 1]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", "".join(blocks)))


def _linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((float(XYZ[1] @ _linear(colour)) for colour in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _lab(linear: np.ndarray) -> np.ndarray:
    x, y, z = np.cbrt(np.clip(XYZ @ linear, 1e-6, None) / WHITE)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_black_on_white_has_the_greatest_contrast() -> None:
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", THEMES)
def test_every_word_can_be_read_on_every_ground(theme: str) -> None:
    colours = _theme(theme)
    pairs = [(word, ground) for word in WORDS for ground in (*GROUNDS, "code")]
    for verdict in ("helps", "hurts", "inconclusive"):
        pairs += [(word, f"{verdict}-soft") for word in ("ink", verdict)]

    low = {pair: round(_contrast(*(colours[name] for name in pair)), 2) for pair in pairs}

    assert {pair: ratio for pair, ratio in low.items() if ratio < TEXT_CONTRAST} == {}


@pytest.mark.parametrize("theme", THEMES)
def test_every_mark_stands_out_from_its_ground(theme: str) -> None:
    colours = _theme(theme)
    pairs = [(mark, ground) for mark in MARKS for ground in GROUNDS]

    low = {pair: round(_contrast(*(colours[name] for name in pair)), 2) for pair in pairs}

    assert {pair: ratio for pair, ratio in low.items() if ratio < MARK_CONTRAST} == {}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("blindness", BLINDNESS)
@pytest.mark.parametrize("pair", BESIDE, ids="-".join)
def test_neighbours_are_told_apart_by_the_colour_blind(
    pair: tuple[str, str], blindness: str, theme: str
) -> None:
    seen = np.array(BLINDNESS[blindness])
    one, other = (_lab(seen @ _linear(_theme(theme)[name])) for name in pair)

    assert np.linalg.norm(one - other) > APART


def test_paper_is_light_whatever_the_theme() -> None:
    assert "@media screen and (prefers-color-scheme: dark)" in STYLE
    assert len(re.findall(r"prefers-color-scheme", STYLE)) == 1


def test_nothing_moves_for_those_who_asked_for_stillness() -> None:
    still = STYLE[STYLE.index("@media (prefers-reduced-motion: reduce)") :]

    assert "html { scroll-behavior: auto; }" in still
    assert not re.search(r"\b(animation|transition)\b", STYLE)
