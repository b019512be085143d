"""A trained student as an MLflow model: shown on the run's page, loaded by `mlflow.pyfunc`.

The model holds the student's files as they are, the package's source, and the versions that it
was trained with: nothing is pickled, nothing is inferred by loading it in another process, and it
loads where the package is not installed.
"""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import distill
from distill import tracking_model
from distill.folder import ABOUT_GGUF, GGUF_FILE
from distill.students.classifier import ABOUT_FILE
from distill.students.lm.trained import KIND
from distill.tracking.saved_run import DATASET_TAG, RUN_ID_TAG, SavedRun

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run

# Not `student`: MLflow shows a model and a folder of a run's artifacts of one name as one folder.
MODEL_NAME = "trained_student"
MODEL_FILES = "data"
# Follows from the other files.
DERIVED = frozenset({GGUF_FILE, ABOUT_GGUF})
DIGEST_TAG = "distill.student.sha256"
# What `distill.students` imports; the package itself travels as source.
NEEDS = ("mlflow", "numpy", "polars", "pydantic", "scikit-learn", "scipy", "skops")
# What a language model needs beside them.
TUNED_NEEDS = ("accelerate", "gguf", "peft", "rich", "safetensors", "torch", "transformers")


def log_student(client: MlflowClient, run: Run, saved: SavedRun) -> str | None:
    """Mirror the student of a run folder as a model that belongs to `run`.

    A student that is there already, file for file, is not uploaded again; one whose upload was
    cut short is completed.

    Returns:
        The model's id, or `None` where the run trained no student.
    """
    if saved.student is None or not (saved.student / ABOUT_FILE).is_file():
        # Answers of a student that was trained elsewhere are no model.
        return None
    digest = folder_sha256(saved.student)
    model = _logged(client, run, digest)
    if model is None:
        tags = {DIGEST_TAG: digest, RUN_ID_TAG: saved.run_id}
        if dataset := saved.manifest.get("dataset_sha256"):
            tags[DATASET_TAG] = str(dataset)
        model = client.create_logged_model(
            run.info.experiment_id, MODEL_NAME, source_run_id=run.info.run_id, tags=tags
        )
    if str(model.status) != "READY":
        _upload(client, model.model_id, run.info.run_id, saved.student)
        client.finalize_logged_model(model.model_id, "READY")
    _link(client, run, model.model_id)
    return str(model.model_id)


def folder_sha256(folder: Path) -> str:
    """Return the SHA-256 over names and contents of all files below `folder`, 64 hex digits.

    What `distill serve` writes there later makes no other student of it.
    """
    total = hashlib.sha256()
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in DERIVED)
    for path in sorted(files):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def requirements(student: Path) -> list[str]:
    """Return the libraries that the student in a folder needs, pinned to those installed."""
    pinned = []
    about = json.loads((student / ABOUT_FILE).read_text(encoding="utf-8"))
    is_tuned = about["kind"] == KIND
    for name in (*NEEDS, *(TUNED_NEEDS if is_tuned else ())):
        try:
            pinned.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            continue
    return pinned


def _logged(client: MlflowClient, run: Run, digest: str) -> LoggedModel | None:
    found = client.search_logged_models(
        [run.info.experiment_id],
        filter_string=f"source_run_id = '{run.info.run_id}' AND tags.`{DIGEST_TAG}` = '{digest}'",
    )
    return found[0] if found else None


def _upload(client: MlflowClient, model_id: str, run_id: str, student: Path) -> None:
    import mlflow.pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    model = Model(run_id=run_id, model_uuid=model_id, model_id=model_id)
    with TemporaryDirectory() as scratch:
        described = Path(scratch, "model")
        mlflow.pyfunc.save_model(
            path=str(described),
            loader_module=tracking_model.__name__,
            code_paths=[str(Path(distill.__file__).parent)],
            mlflow_model=model,
            signature=ModelSignature(
                inputs=Schema([ColSpec(DataType.string, tracking_model.QUESTION)]),
                outputs=Schema([ColSpec(DataType.string, tracking_model.ANSWER)]),
            ),
            pip_requirements=requirements(student),
        )
        # The weights go up from where they are; MLflow would copy them beside the description.
        model.flavors["python_function"]["data"] = MODEL_FILES
        model.model_size_bytes = sum(f.stat().st_size for f in student.rglob("*") if f.is_file())
        model.save(str(described / "MLmodel"))
        client.log_model_artifacts(model_id, str(student), MODEL_FILES)
        client.log_model_artifacts(model_id, str(described))


def _link(client: MlflowClient, run: Run, model_id: str) -> None:
    from mlflow.entities import LoggedModelOutput

    outputs = run.outputs.model_outputs if run.outputs else []
    if all(output.model_id != model_id for output in outputs):
        client.log_outputs(run.info.run_id, [LoggedModelOutput(model_id, step=0)])
