import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_folders import MANIFEST, OWN_ID, SHA, make_run

from distill.errors import UserError
from distill.tracking.saved_run import cut, free_name, inputs, note, params, read_run, tags


def test_a_config_becomes_one_text_a_leaf():
    config = {
        "a": {"b": 1, "c": None, "d": True, "e": "", "f": {}},
        "labels": ["Sport", "Köln"],
        "share": 0.25,
    }
    assert params(config) == {
        "a.b": "1",
        "a.c": "null",
        "a.d": "true",
        "a.e": "",
        "a.f": "{}",
        "labels": '["Sport", "Köln"]',
        "share": "0.25",
    }


def test_no_password_of_a_url_reaches_a_parameter():
    config = {"url": "postgresql://me:secret@db/x", "mirrors": ["https://u:secret@host"]}
    assert "secret" not in json.dumps(params(config))
    assert params(config)["url"] == "postgresql://me:***@db/x"


def test_a_long_parameter_is_cut_and_says_so():
    text = params({"prompt": "p" * 7000})["prompt"]
    assert len(text) == 6000
    assert text.endswith("p… (cut: 7000 characters)")
    assert cut("p" * 6000, 6000) == "p" * 6000


@pytest.mark.parametrize(
    ("key", "name"),
    [
        pytest.param("filter.min_words._target_", "filter.min_words._target_", id="plain"),
        pytest.param("real+teacher", "real_teacher", id="refused character"),
        pytest.param("a//b", "_a__b", id="no plain path"),
        pytest.param("../x", "_.._x", id="a way up"),
        pytest.param("", "_", id="empty"),
    ],
)
def test_keys_that_mlflow_refuses_are_mapped(key, name):
    assert free_name(key, {}) == name


def test_keys_that_would_read_the_same_stay_apart():
    assert params({"a+b": 1, "a@b": 2, "a_b": 3}) == {"a_b": "1", "a_b_2": "2", "a_b_3": "3"}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.text("/.", max_size=300)))
def test_mlflow_takes_every_key_and_none_is_lost(keys):
    from mlflow.utils.validation import _validate_length_limit, _validate_metric_name

    found = {}
    for key in keys:
        found[free_name(key, found)] = key
    assert list(found.values()) == keys
    for name in found:
        _validate_metric_name(name)
        _validate_length_limit("key", 250, name)


def test_tags_name_models_digests_and_verdict(tmp_path):
    found = tags(read_run(make_run(tmp_path)))
    del found["mlflow.note.content"]
    assert found == {
        "distill.run_id": OWN_ID,
        "distill.teacher.model": "claude-opus-4-5-20251101",
        "distill.teacher.served": "claude-opus-4-5-20251101",
        "distill.judge.model": "gpt-x",
        "distill.judge.served": "gpt-x,gpt-x-2026",
        "distill.dataset.sha256": SHA["dataset"],
        "distill.config.sha256": "c" * 64,
        "distill.verdict": "helps",
        "distill.version": "0.1.0",
    }


def test_a_run_without_a_judge_has_no_tag_of_one(tmp_path):
    found = tags(read_run(make_run(tmp_path, manifest={"judge": None})))
    assert not [key for key in found if "judge" in key]


def test_the_note_says_the_verdict_and_the_funnel():
    assert note(MANIFEST) == (
        "**helps**: The student gains 7 points.\n\n"
        "| stage | rows |\n|---|---:|\n| seeds | 50 |\n| selected | 40 |"
    )


def test_data_sets_keep_their_own_digests_and_no_folder_of_this_machine():
    found = {item.name: item for item in inputs(MANIFEST)}
    assert {name: item.sha256 for name, item in found.items()} == SHA
    assert found["dataset"].digest == "d" * 32
    assert found["heldout"].source == "heldout.jsonl"
    assert found["seeds"].source == "data/seeds.jsonl"
    assert json.loads(found["seeds"].profile) == {"num_rows": 50, "sha256": SHA["seeds"]}


def test_a_data_set_without_a_digest_is_left_out():
    assert [item.name for item in inputs(MANIFEST | {"inputs": {"seeds": {"rows": 3}}})] == [
        "dataset"
    ]


def test_times_are_read_with_their_zone_and_utc_without(tmp_path):
    run = read_run(
        make_run(
            tmp_path,
            manifest={
                "started_at": "1970-01-01T01:00:01+01:00",
                "ended_at": "1970-01-01T00:00:02",
                "other": "yesterday",
            },
        )
    )
    assert run.time_ms("started_at") == 1000
    assert run.time_ms("ended_at") == 2000
    assert run.time_ms("other") is None
    assert run.time_ms("absent") is None


@pytest.mark.parametrize(
    ("file", "text"),
    [
        pytest.param("manifest.json", "{", id="half a manifest"),
        pytest.param("manifest.json", "[]", id="a manifest that is a list"),
        pytest.param("manifest.json", "{}", id="a manifest without a run id"),
        pytest.param("manifest.json", '{"run_id": "x\' OR 1"}', id="a run id that is no id"),
        pytest.param("config.yaml", "a: [", id="half a config"),
        pytest.param("config.yaml", None, id="no config"),
    ],
)
def test_a_folder_that_is_no_run_folder_is_the_users_to_mend(tmp_path, file, text):
    make_run(tmp_path)
    if text is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(text)
    with pytest.raises(UserError, match="hint: name the folder"):
        read_run(tmp_path)
