"""What trainers elsewhere are given, read by their own parsers where those are installed.

The validators of Axolotl, LLaMA-Factory and Together weigh too much for the usual tests; each is
asked where it is installed and the test says so where it is not.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import importlib.util
import inspect
import json
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from tables import answered_table

from distill.build import instantiate
from distill.config import compose
from distill.exports import Chat, Completion, Preference
from distill.handovers import Dataset, Handover
from distill.stages.export import export_dataset
from distill.stages.hand_over import HandedOver, hand_over

NAMES = ("trl", "llama_factory", "axolotl", "openai", "together")
TEXTS = ['A\u2028B\n"C"', "雪 🙂", *(f"Answer {n}." for n in range(10))]
QUESTIONS = [f"Quëstion {n}?" for n in range(len(TEXTS))]
TABLE = answered_table(TEXTS, question=QUESTIONS)


def needs(*packages: str) -> pytest.MarkDecorator:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def made(name: str, **changes: Any) -> Handover:
    node = compose(["seeds.path=x", f"handover={name}"])["handover"][name]
    faults: list[Any] = []
    component: Handover = instantiate(node | changes, name, faults)
    assert not faults, faults
    return component


def dataset(folder: Path, export: Any, table: Any = TABLE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(export, Preference):
        worse = pl.Series("rejected_answer", [f"Worse {n}." for n in range(table.height)])
        table = table.with_columns(worse)
    export_dataset(table, export, folder / "dataset.jsonl")
    return folder / "dataset.jsonl"


def handed(folder: Path, name: str, export: Any, **changes: Any) -> tuple[Path, HandedOver]:
    path = dataset(folder, export)
    given = hand_over({name: made(name, **changes)}, path, folder, name="distill-qa")[name]
    return folder / "handover" / name, given


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the warnings of foreign packages from failing a test of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


CHAT = Chat(system="Be exact.")
PAIRS = Preference(system=None)


@pytest.mark.parametrize("export", [CHAT, Chat(system=None), Completion(), PAIRS])
@pytest.mark.parametrize("name", NAMES)
def test_every_example_arrives_word_for_word_and_in_order(
    name: str, export: Any, tmp_path: Path
) -> None:
    folder, given = handed(tmp_path, name, export)
    rows = lines(folder / "train.jsonl")
    told = [json.dumps(row, ensure_ascii=False) for row in rows]

    assert given.faults == ()
    assert len(rows) == len(TEXTS)
    for row, question, answer in zip(told, QUESTIONS, TEXTS, strict=True):
        assert json.dumps(question, ensure_ascii=False) in row
        assert json.dumps(answer, ensure_ascii=False) in row
        assert ("Be exact." in row) == (export is CHAT)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_dataset_gives_the_same_bytes_and_the_digests_are_theirs(
    name: str, tmp_path: Path
) -> None:
    folder, given = handed(tmp_path / "a", name, CHAT)
    _, again = handed(tmp_path / "b", name, CHAT)

    assert given == again
    assert set(given.files) == {f"handover/{name}/{path.name}" for path in folder.iterdir()}
    for path, digest in given.files.items():
        assert hashlib.sha256((tmp_path / "a" / path).read_bytes()).hexdigest() == digest


def test_an_empty_dataset_is_said_to_be_empty_and_writes_nothing(tmp_path: Path) -> None:
    path = dataset(tmp_path, CHAT, TABLE.clear())
    given = hand_over({"trl": made("trl")}, path, tmp_path, name="x")

    assert given["trl"].faults == ("the dataset is empty.",)
    assert not (tmp_path / "handover").exists()


def test_a_dataset_of_another_form_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "dataset.jsonl"
    good = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    for bad in ({"text": "x"}, {"messages": good["messages"][:1]}, {"prompt": 1, "completion": ""}):
        path.write_text(json.dumps(good) + "\n" + json.dumps(bad) + "\n", encoding="utf-8")
        given = hand_over({"trl": made("trl")}, path, tmp_path / "out", name="x")["trl"]
        assert given.files == {}
        assert "dataset.jsonl:2" in given.faults[0]
        shutil.rmtree(tmp_path / "out", ignore_errors=True)


def test_openai_is_told_of_too_few_examples_and_of_empty_texts(tmp_path: Path) -> None:
    path = dataset(tmp_path, CHAT, answered_table(["fine", " "], question=["q", "r"]))
    given = hand_over({"openai": made("openai")}, path, tmp_path, name="x")["openai"]

    assert given.faults == (
        "2 examples, want at least 10.",
        "empty texts in lines 2, want words in each.",
    )
    assert given.files


def test_a_pair_of_equal_answers_is_a_fault_of_services_alone(tmp_path: Path) -> None:
    table = TABLE.with_columns(rejected_answer=pl.col("answer"))
    path = tmp_path / "dataset.jsonl"
    export_dataset(table, PAIRS, path)
    given = hand_over({name: made(name) for name in NAMES}, path, tmp_path, name="x")

    assert [name for name in NAMES if given[name].faults] == ["openai", "together"]


def test_all_weights_are_trained_where_there_is_no_rank(tmp_path: Path) -> None:
    for name in ("trl", "llama_factory", "axolotl"):
        folder, _ = handed(tmp_path / name, name, CHAT, lora_rank=None)
        (config,) = folder.glob("*.yaml")
        told = yaml.safe_load(config.read_text(encoding="utf-8"))
        assert not {key for key in told if "lora" in key or key in {"adapter", "use_peft"}}


@needs("trl")
@pytest.mark.parametrize(("export", "method"), [(CHAT, "sft"), (PAIRS, "dpo")])
def test_trl_parses_the_config_and_datasets_reads_the_data(
    export: Any, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder, _ = handed(tmp_path, "trl", export)
    monkeypatch.chdir(folder)
    with _quiet():
        parser = importlib.import_module(f"trl.scripts.{method}").make_parser()
        words = ["--config", f"{method}.yaml", "--use_cpu", "--bf16", "false"]
        _, training, model, mixture = parser.parse_args_and_config(
            words, fail_with_unknown_args=True
        )
    assert (training.num_train_epochs, training.seed) == (3.0, 0)
    assert (model.use_peft, model.lora_r, model.lora_alpha) == (True, 16, 32)
    assert mixture.datasets[0].data_files == "train.jsonl"


@needs("axolotl")
@pytest.mark.parametrize("export", [CHAT, PAIRS])
def test_axolotl_accepts_the_config(export: Any, tmp_path: Path) -> None:
    with _quiet():
        from axolotl.utils.config import validate_config
        from axolotl.utils.dict import DictDefault
    folder, _ = handed(tmp_path, "axolotl", export)
    told = yaml.safe_load((folder / "train.yaml").read_text(encoding="utf-8"))
    with _quiet():
        config = validate_config(DictDefault(told))
    assert config["rl"] == ("dpo" if export is PAIRS else None)
    assert config["datasets"][0]["path"] == "train.jsonl"
    assert set(told) <= set(config)


@needs("llamafactory")
@pytest.mark.parametrize("export", [CHAT, PAIRS])
def test_llama_factory_parses_config_and_data(
    export: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISABLE_VERSION_CHECK", "1")
    folder, _ = handed(tmp_path, "llama_factory", export)
    monkeypatch.chdir(folder)
    with _quiet():
        from llamafactory.data.converter import get_dataset_converter
        from llamafactory.data.parser import get_dataset_list
        from llamafactory.hparams import DataArguments, FinetuningArguments, ModelArguments
        from transformers import HfArgumentParser, TrainingArguments

        told = yaml.safe_load((folder / "train.yaml").read_text(encoding="utf-8"))
        parser = HfArgumentParser(
            (ModelArguments, DataArguments, TrainingArguments, FinetuningArguments)
        )
        _, data, _, tuning = parser.parse_dict(told | {"use_cpu": True}, allow_extra_keys=False)
        (about,) = get_dataset_list(data.dataset, data.dataset_dir)
        convert = get_dataset_converter(about.formatting, about, data)
        rows = [convert(row) for row in lines(folder / about.dataset_name)]
    assert (tuning.stage, about.ranking) == (("dpo", True) if export is PAIRS else ("sft", False))
    assert [row["_response"][0]["content"] for row in rows] == TEXTS
    assert {row["_system"] for row in rows} == {"" if export is PAIRS else "Be exact."}


@needs("together", "httpx")
@pytest.mark.parametrize("export", [CHAT, PAIRS])
def test_together_accepts_file_and_job(export: Any, tmp_path: Path) -> None:
    with _quiet():
        from together.lib.utils.files import check_file
        from together.resources.fine_tuning import FineTuningResource
    folder, _ = handed(tmp_path, "together", export)
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    signature = inspect.signature(FineTuningResource.create)

    assert check_file(folder / "train.jsonl")["is_check_passed"]
    signature.bind(None, training_file="file-1", **job)


@needs("openai")
@pytest.mark.parametrize(("export", "method"), [(CHAT, "supervised"), (PAIRS, "dpo")])
def test_the_job_is_one_that_openai_s_client_describes(
    export: Any, method: str, tmp_path: Path
) -> None:
    from openai.types.fine_tuning.job_create_params import JobCreateParams
    from pydantic import TypeAdapter

    folder, _ = handed(tmp_path, "openai", export, epochs=2, suffix="mine")
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    whole = job | {"training_file": "file-1"}

    assert job["method"] == {"type": method, method: {"hyperparameters": {"n_epochs": 2}}}
    assert TypeAdapter(JobCreateParams).validate_python(whole).keys() == whole.keys()
    if export is PAIRS:
        first = lines(folder / "train.jsonl")[0]
        assert set(first) == {"input", "preferred_output", "non_preferred_output"}


def test_a_dataset_of_one_line_has_pairs_only_where_one_answer_was_rejected(tmp_path: Path) -> None:
    assert not Dataset(path=dataset(tmp_path / "a", CHAT), name="x").has_pairs
    assert Dataset(path=dataset(tmp_path / "b", PAIRS), name="x").has_pairs


def test_all_fields_of_a_handover_have_defaults_in_yaml_alone() -> None:
    for name in NAMES:
        assert all(
            field.default is dataclasses.MISSING for field in dataclasses.fields(type(made(name)))
        )
