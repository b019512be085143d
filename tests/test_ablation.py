"""Runs without one filter."""

from __future__ import annotations

import pytest

from distill.ablation import ablated, written_out
from distill.config import compose
from distill.errors import ConfigError
from distill.identity import config_sha256

CONFIG = compose(["seeds.path=-"])
FILTERS = list(CONFIG["filter"])


def without(name: str) -> list[str]:
    return list(compose(["seeds.path=-", f"ablate={name}"])["filter"])


def test_one_filter_all_or_none_is_left_out() -> None:
    assert len(FILTERS) > 2
    assert without("min_words") == [name for name in FILTERS if name != "min_words"]
    assert without("none") == FILTERS
    assert without("all") == []


def test_an_ablated_config_is_that_without_the_filter() -> None:
    one = compose(["seeds.path=-", "ablate=min_words"])
    same = compose(["seeds.path=-", "~filter.min_words"])

    assert "ablate" not in one
    assert config_sha256(one) == config_sha256(same)


@pytest.mark.parametrize(("name", "hint"), [("min_wrds", "min_words"), ("filters", "-m")])
def test_a_filter_that_is_not_there_is_told(name: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=rf"ablate: got '{name}'[^\n]*\n.*{hint}"):
        without(name)


@pytest.mark.parametrize("value", [3, True, ["min_words"], {"a": 1}], ids=repr)
def test_what_is_no_name_is_told(value: object) -> None:
    with pytest.raises(ConfigError, match="ablate: got"):
        ablated({"filter": {"min_words": {}}, "ablate": value})


def test_filters_stands_for_every_filter_by_itself() -> None:
    given = ["seeds.path=-", "ablate=filters", "judge.threshold=0.5,0.6", "hydra/launcher=joblib"]
    found = written_out(given, config_dir=None)

    assert found[1] == f"ablate=none,{','.join(FILTERS)},all"
    assert [found[0], *found[2:]] == [given[0], *given[2:]]
    assert written_out(["seeds.path=-", "seed=1,2"], config_dir=None) == [
        "seeds.path=-",
        "seed=1,2",
    ]


def test_only_the_filters_of_the_config_are_swept() -> None:
    given = ["seeds.path=-", "~filter.min_words", "ablate=filters"]
    assert "min_words" not in written_out(given, config_dir=None)[-1]

    with pytest.raises(ConfigError, match="a config with filters"):
        written_out(["seeds.path=-", "filter=none", "ablate=filters"], config_dir=None)
