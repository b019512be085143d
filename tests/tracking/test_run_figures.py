import json

import pytest
from run_folders import MANIFEST, make_run

from distill.errors import UserError
from distill.tracking.figures import costs, leaves, metrics
from distill.tracking.saved_run import read_run


def test_every_number_of_the_manifest_is_a_metric(tmp_path):
    assert metrics(read_run(make_run(tmp_path))) == pytest.approx(
        {
            "funnel/seeds": 50,
            "funnel/selected": 40,
            "rejected/filter/min_words": 4,
            "diversity/distinct_2": 0.8,
            "time/generate": 1.5,
            "judge/requests": 45,
            "judge/cached": 0,
            "judge/unscored": 1,
            "judge/score_mean": 0.5,
            "judge/score_p10": 0.1,
            "judge/score_p50": 0.5,
            "judge/score_p90": 0.9,
            "eval/accuracy": 0.79,
            "eval/low": 0.73,
            "eval/high": 0.85,
            "eval/n": 200,
            "eval/real/accuracy": 0.72,
            "eval/real/low": 0.66,
            "eval/real/high": 0.78,
            "eval/real/n": 200,
            "cost/teacher_usd": 0.5,
            "cost/judge_usd": 0.25,
            "cost/total_usd": 0.75,
            "cost/teacher_requests": 50,
            "cost/teacher_cached": 10,
            "cost/teacher_input_tokens": 1000,
            "cost/teacher_output_tokens": 300,
            "dataset/rows": 40,
        }
    )


def test_ratios_of_variety_are_metrics_beside_the_figures(tmp_path):
    compared = {
        "references": {"rows": 30, "figures": {"distinct_2": {"ratio": 0.9, "p_value": 0.1}}},
        "baseline": {"why_not": "too few"},
    }
    path = make_run(tmp_path) / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"contrasts": compared}))
    found = metrics(read_run(path.parent))
    assert found["diversity/distinct_2"] == 0.8
    assert {name: value for name, value in found.items() if "ratio" in name} == {
        "diversity/ratio_to_references/distinct_2": 0.9
    }


def test_nested_figures_are_joined_and_what_is_no_finite_number_is_left_out():
    node = json.loads('{"a": {"b": 1, "c": NaN, "d": Infinity}, "e": null, "f": true, "g": "7"}')
    assert dict(leaves(node)) == {"a/b": 1.0}


@pytest.mark.parametrize(
    ("teacher", "judge", "total"),
    [
        pytest.param({"cost_usd": 1.0}, {"cost_usd": None}, None, id="one price is unknown"),
        pytest.param({"cost_usd": 1.0}, None, 1.0, id="no judge"),
        pytest.param({"cost_usd": 1.0}, {"unscored": 0}, 1.0, id="a judge that is no model"),
        pytest.param({"cost_usd": 0.0}, None, 0.0, id="free"),
        pytest.param({"cost_usd": None}, None, None, id="no price is known"),
    ],
)
def test_a_total_is_told_only_where_every_price_is_known(teacher, judge, total):
    assert costs({"teacher": teacher, "judge": judge}).get("total_usd") == total


def test_an_unknown_price_is_no_metric(tmp_path):
    judge = MANIFEST["judge"] | {"cost_usd": None}
    found = metrics(read_run(make_run(tmp_path, manifest={"judge": judge})))
    assert "cost/judge_usd" not in found
    assert "cost/total_usd" not in found


def test_a_run_that_scored_nothing_has_no_score_metrics(tmp_path):
    folder = make_run(tmp_path)
    (folder / "examples.parquet").unlink()
    found = metrics(read_run(folder))
    assert not [key for key in found if key.startswith("judge/score")]


def test_a_damaged_table_is_named(tmp_path):
    folder = make_run(tmp_path)
    (folder / "examples.parquet").write_text("no parquet")
    with pytest.raises(UserError, match=r"examples\.parquet"):
        metrics(read_run(folder))
