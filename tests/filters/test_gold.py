"""`distill check --gold`: which share of human answers the filters would drop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from distill.commands.check import run
from distill.errors import ConfigError
from distill.filters import MinWords, NumberPresent
from distill.filters.gold import false_rejects, gold_answers
from distill.heldout.file import heldout_shape
from distill.paths import conf_dir
from distill.records import read_records
from distill.statistics import wilson

GSM8K = Path(__file__).parents[2].parent / "shared" / "data" / "gsm8k" / "train.jsonl"
real = pytest.mark.skipif(
    not GSM8K.is_file(), reason="the real data sets are not beside this checkout"
)


def written(tmp_path: Path, *rows: Any) -> str:
    path = tmp_path / "x.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


def rate(told: str, name: str) -> float:
    """Return the share in [0, 1] that was told of a filter."""
    line = next(line for line in told.splitlines() if line.strip().startswith(name))
    return float(line.strip().removeprefix(name).split("%")[0]) / 100


def test_each_filter_is_tried_on_all_answers_and_all_of_them_together() -> None:
    answers = ["one 1", "one", "1", "one two"]
    gold = pl.DataFrame({"question": ["?"] * 4, "answer": answers})
    found = false_rejects(gold, {"short": MinWords(min_words=2), "number": NumberPresent()})

    assert found.alone == {"short": wilson(2, 4), "number": wilson(2, 4)}
    assert found.together == wilson(3, 4)


def test_a_worked_answer_counts_before_the_reference_and_synthetic_rows_do_not(
    tmp_path: Path,
) -> None:
    source = written(
        tmp_path,
        {"question": "a", "reference_answer": "18", "worked": "9 * 2 = 18"},
        {"question": "b", "reference_answer": "7"},
        {"question": "c", "reference_answer": "8", "origin": "synthetic"},
    )
    gold = gold_answers(read_records(source, heldout_shape(99)).frame)

    assert gold["answer"].to_list() == ["9 * 2 = 18", "7"]


def test_a_filter_that_drops_human_answers_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"question": f"q {i}", "answer": "It is 5." if i else "No idea."} for i in range(5)]
    source = written(tmp_path, *rows)
    assert run([source, "--gold", "--filter", "[empty,number_present]"]) == 0
    told = capsys.readouterr().out
    interval = wilson(1, 5)
    assert f"number_present  20.0% ({interval.low:.1%} to {interval.high:.1%})" in told
    assert rate(told, "empty") == 0
    assert "warning: number_present, all together would drop more than 10%" in told


def test_filters_that_leave_human_answers_alone_bring_no_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # One in ten is the most that goes without a warning.
    rows = [{"question": f"q {i}", "answer": "It is 5." if i else "No idea."} for i in range(10)]
    assert run([written(tmp_path, *rows), "--gold", "--filter", "math"]) == 0
    told = capsys.readouterr().out
    assert rate(told, "number_present") == 0.1
    assert "warning" not in told


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"question": "a"}, id="seeds without answers"),
        pytest.param({"prompt": "a", "completion": "b"}, id="a teacher's dataset"),
    ],
)
def test_a_file_without_human_answers_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: dict[str, str]
) -> None:
    assert run([written(tmp_path, row), "--gold"]) == 0
    assert "no human answers to try the filters on" in capsys.readouterr().out


def test_without_gold_no_filter_is_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([written(tmp_path, {"question": "a", "answer": "b"})]) == 0
    assert "filters" not in capsys.readouterr().out


def test_a_choice_that_does_not_exist_is_a_fault_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no_such"):
        run([written(tmp_path, {"question": "a"}), "--gold", "--filter", "no_such"])


def test_a_filter_over_samples_says_that_one_answer_cannot_show_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = written(tmp_path, {"question": "How many are there?", "answer": "5"})
    assert run([source, "--gold", "--filter", "[self_consistency,number_present]"]) == 0
    told = capsys.readouterr().out
    assert "self_consistency  cannot be measured on one answer a question: it compares" in told
    assert rate(told, "number_present") == rate(told, "all together") == 0


def test_filters_are_tried_with_the_numbers_that_are_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = written(tmp_path, {"question": "a", "answer": "one two"})
    for words, share in ((2, 0.0), (3, 1.0)):
        assert run([source, "--gold", "--filter", "min_words", "--set",
                    f"filter.min_words.min_words={words}"]) == 0  # fmt: skip
        assert rate(capsys.readouterr().out, "min_words") == share
    with pytest.raises(ConfigError, match="min_wrods"):
        run([source, "--gold", "--set", "filter.min_wrods.min_words=1"])


def test_a_filter_of_the_users_own_is_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "conf" / "filter" / "brief.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("brief:\n  _target_: distill.filters.MaxWords\n  max_words: 1\n")
    source = written(tmp_path, {"question": "a", "answer": "one two"})
    assert run([source, "--gold", "--filter", "brief", "--config-dir", str(own.parents[1])]) == 0
    assert rate(capsys.readouterr().out, "brief") == 1


def test_settings_without_gold_are_a_fault_of_the_user(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run([written(tmp_path, {"question": "a"}), "--set", "filter.min_words.min_words=1"])
    assert caught.value.code == 2
    assert "give --gold too" in capsys.readouterr().err


# What needs a value beside its own choice.
BESIDE = {"format_regex": "filter.format_regex.pattern='####'"}
CHOICES = sorted(file.stem for file in (conf_dir() / "filter").glob("*.yaml"))


@pytest.mark.parametrize(
    "name", sorted(file.stem for file in (conf_dir() / "filter").glob("*.yaml"))
)
def test_every_choice_of_filters_can_be_tried_on_gold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    source = written(tmp_path, {"question": "How many are there?", "answer": "There are 5."})
    more = ["--set", BESIDE[name]] if name in BESIDE else []
    assert run([source, "--gold", "--filter", name, *more]) == 0
    assert "all together" in capsys.readouterr().out


# Shares of the 7,473 human answers of GSM8K's training set that each rule may drop, in [0, 1].
BARS = {
    "language": 0.001,
    "pii": 0.001,
    "secrets": 0.0005,
    "length_outliers": 0.005,
    "question_quality": 0.001,
    "repetition": 0.001,
    "exact_duplicates": 0.001,
}


@real
@pytest.mark.parametrize(("name", "bar"), BARS.items())
def test_a_rule_leaves_human_worked_answers_alone(
    capsys: pytest.CaptureFixture[str], name: str, bar: float
) -> None:
    assert run([str(GSM8K), "--gold", "--filter", name]) == 0
    assert rate(capsys.readouterr().out, name) <= bar


@real
def test_the_prose_rules_drop_half_of_human_worked_answers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run([str(GSM8K), "--gold", "--filter", "qa"]) == 0
    told = capsys.readouterr().out
    assert 0.5 < rate(told, "all together") < 0.6
    assert "warning: min_words, all together" in told


@real
def test_the_math_rules_drop_hardly_any_human_worked_answer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run([str(GSM8K), "--gold", "--filter", "math"]) == 0
    told = capsys.readouterr().out
    assert rate(told, "all together") < 0.02
    assert "warning" not in told
