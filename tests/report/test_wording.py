from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.report.wording import (
    counted,
    duration,
    excerpt,
    listed,
    one_line,
    source_name,
    usd,
    visible,
)


@given(st.text())
def test_visible_text_can_be_written_and_cannot_act(text: str) -> None:
    shown = visible(text)

    shown.encode()
    assert not any(ord(letter) < 32 and letter not in "\n\t" for letter in shown)


def test_half_a_surrogate_can_be_written() -> None:
    assert visible("a\ud800b") == "a�b"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/home/someone/data/seeds.jsonl", "seeds.jsonl"),
        ("data/seeds.csv", "seeds.csv"),
        (r"C:\data\seeds.parquet", "seeds.parquet"),
        ("/mnt/shared", "shared"),
        ("hf://owner/name/train", "hf://owner/name/train"),
        ("owner/name", "owner/name"),
    ],
)
def test_a_source_keeps_its_name_and_loses_its_folders(source: str, name: str) -> None:
    assert source_name(source) == name


@pytest.mark.parametrize(
    ("cost_usd", "shown"),
    [
        (None, "unknown"),
        (0.0, "$0.00"),
        (0.0042, "$0.0042"),
        (12.345, "$12.35"),
        (1e4, "$10,000.00"),
    ],
)
def test_dollars_are_never_guessed_nor_rounded_away(cost_usd: float | None, shown: str) -> None:
    assert usd(cost_usd) == shown


@pytest.mark.parametrize(
    ("time_s", "shown"),
    [
        (0.04, "0.0 s"),
        (59.96, "1 min 0 s"),
        (60, "1 min 0 s"),
        (3600, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_times_have_the_unit_that_fits(time_s: float, shown: str) -> None:
    assert duration(time_s) == shown


def test_a_text_is_cut_and_its_whole_length_kept() -> None:
    cut, whole = excerpt("abcdef", 3), excerpt("\u202eabc", 4)

    assert (cut.text, cut.chars, cut.is_cut) == ("abc", 6, True)
    assert (whole.text, whole.is_cut) == ("abc", False)


def test_lines_become_one() -> None:
    assert one_line("a\n\n b\t", 10) == "a b"
    assert one_line("abcdef", 3) == "abc…"
    assert one_line(None, 3) == ""


def test_long_lists_end_in_a_number() -> None:
    assert listed(["a", "b"], 2) == "a, b"
    assert listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"


def test_nouns_agree_with_their_number() -> None:
    assert [counted(n, "row") for n in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]
