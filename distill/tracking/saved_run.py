"""What a run folder says of its run, in the forms that MLflow takes."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from distill.config import flatten, without_secrets
from distill.errors import ConfigError, UserError
from distill.folder import RUN_FILES
from distill.trust import read_foreign

RUN_ID_TAG = "distill.run_id"
DATASET_TAG = "distill.dataset.sha256"
PARENT_TAG = "mlflow.parentRunId"

MANIFEST_FILE = "manifest.json"
CONFIG_FILE = "config.yaml"
DATASET_FILE = "dataset.jsonl"
STUDENT_FOLDER = "student"

# Limits of MLflow, in characters.
MAX_KEY = 250
KEY_ROOM = 10  # for what makes a key plain and single
MAX_PARAM = 6000
MAX_TAG = 8000
MAX_DIGEST = 32

# Roles of the data sets, as MLflow's pages name them.
CONTEXTS = {"seeds": "seeds", "heldout": "evaluation", "dataset": "training"}
ENDED = ("FINISHED", "FAILED", "KILLED")


@dataclass(frozen=True, kw_only=True)
class SavedRun:
    """A run folder that has been read.

    Args:
        path: The folder, absolute.
        manifest: `manifest.json`.
        config: `config.yaml`, the resolved config.
    """

    path: Path
    manifest: Mapping[str, Any]
    config: Mapping[str, Any]

    @property
    def run_id(self) -> str:
        """The run's own id, whichever store it is mirrored in."""
        return str(self.manifest["run_id"])

    @property
    def student(self) -> Path | None:
        """The folder of the trained student, or `None`."""
        folder = self.path / STUDENT_FOLDER
        return folder if folder.is_dir() else None

    @property
    def status(self) -> str:
        """`FINISHED`, `FAILED` or `KILLED`; a manifest that says nothing is of a finished run."""
        status = str(self.manifest.get("status", "")).upper()
        return status if status in ENDED else ENDED[0]

    def time_ms(self, key: str) -> int | None:
        """Return a time of the manifest in milliseconds since 1970, or `None`."""
        try:
            time = datetime.fromisoformat(self.manifest[key])
        except (KeyError, TypeError, ValueError):
            return None
        return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)


@dataclass(frozen=True, kw_only=True)
class Input:
    """A data set that went into or came out of a run.

    Args:
        name: `seeds`, `heldout` or `dataset`.
        context: Its role, as MLflow's pages show it.
        sha256: Of the file, 64 hex digits.
        rows: How many, or `None` where unknown.
        source: Where it is from, without folders of this machine.
    """

    name: str
    context: str
    sha256: str
    rows: int | None
    source: str

    @property
    def digest(self) -> str:
        """The digest's beginning: MLflow has no room for a whole SHA-256."""
        return self.sha256[:MAX_DIGEST]

    @property
    def profile(self) -> str:
        """JSON of what MLflow's page of the data set lists."""
        rows = {} if self.rows is None else {"num_rows": self.rows}
        return json.dumps({**rows, "sha256": self.sha256})


def read_run(run_dir: Path) -> SavedRun:
    """Read the manifest and the config of a run folder.

    Raises:
        UserError: `run_dir` is no run folder, or one of these files cannot be read.
    """
    run_dir = Path(run_dir).absolute()
    hint = "name the folder that `distill run` printed last; it holds manifest.json and config.yaml"
    try:
        manifest = json.loads((run_dir / MANIFEST_FILE).read_text(encoding="utf-8"))
        if not isinstance(manifest, Mapping):
            raise ValueError("manifest.json is no mapping")
        if not (run_dir / CONFIG_FILE).is_file():
            raise ValueError(f"{CONFIG_FILE} is missing")
        config = read_foreign(run_dir / CONFIG_FILE)
    except (OSError, ValueError, ConfigError) as error:
        what = error.strerror if isinstance(error, OSError) else "damaged manifest.json or config"
        raise UserError(f"{run_dir}: no run folder ({what}).", hint=hint) from error
    # The id becomes part of a search expression.
    if not re.fullmatch(r"[\w-]{1,64}", str(manifest.get("run_id", ""))):
        raise UserError(f"{run_dir / MANIFEST_FILE}: run_id is missing or no id.", hint=hint)
    return SavedRun(path=run_dir, manifest=manifest, config=config)


def params(config: Mapping[str, Any], *, without: Collection[str] = ()) -> dict[str, str]:
    """Return the config flattened with dots: one text a leaf, lists as JSON, no passwords.

    Args:
        config: The resolved config.
        without: Keys to leave out.
    """
    found: dict[str, str] = {}
    for key, value in flatten(without_secrets(config)):
        if key in without:
            continue
        text = value if isinstance(value, str) else _json(value)
        found[free_name(key, found)] = cut(text, MAX_PARAM)
    return found


def tags(saved: SavedRun) -> dict[str, str]:
    """Return the tags that runs are found and compared by; unknown ones are left out."""
    manifest = saved.manifest
    teacher, judge, student = (section(manifest, role) for role in ("teacher", "judge", "student"))
    told = {
        RUN_ID_TAG: saved.run_id,
        PARENT_TAG: section(manifest, "sweep").get("id"),
        "distill.teacher.model": teacher.get("model"),
        "distill.teacher.served": _commas(teacher.get("served")),
        "distill.judge.model": judge.get("model"),
        "distill.judge.served": _commas(judge.get("served")),
        "distill.student.model": student.get("model"),
        "distill.student.served": _commas(student.get("served")),
        DATASET_TAG: manifest.get("dataset_sha256"),
        "distill.config.sha256": manifest.get("config_sha256"),
        "distill.verdict": manifest.get("verdict"),
        "distill.version": manifest.get("distill_version"),
        "mlflow.note.content": note(manifest),
    }
    return {key: cut(masked(value), MAX_TAG) for key, value in told.items() if value}


def note(manifest: Mapping[str, Any]) -> str:
    """Return the description that MLflow shows on a run's page, in Markdown."""
    verdict, reason = manifest.get("verdict"), manifest.get("verdict_reason")
    said = [f"**{verdict}**" if verdict else "", str(reason) if reason else ""]
    blocks = [": ".join(part for part in said if part)]
    funnel = section(manifest, "funnel")
    if funnel:
        rows = [f"| {stage} | {count} |" for stage, count in funnel.items()]
        blocks.append("\n".join(["| stage | rows |", "|---|---:|", *rows]))
    return "\n\n".join(block for block in blocks if block)


def inputs(manifest: Mapping[str, Any]) -> list[Input]:
    """Return the data sets whose digest the manifest knows."""
    described = dict(section(manifest, "inputs"))
    described["dataset"] = {
        "sha256": manifest.get("dataset_sha256"),
        "rows": manifest.get("rows"),
        "source": DATASET_FILE,
    }
    return [
        Input(
            name=name,
            context=CONTEXTS.get(name, name),
            sha256=about["sha256"],
            rows=about.get("rows"),
            source=_portable(about.get("source") or name),
        )
        for name, about in described.items()
        if isinstance(about, Mapping) and isinstance(about.get("sha256"), str)
    ]


def files(saved: SavedRun) -> Iterator[Path]:
    """Yield the run's own files; what else lies in the folder is none of MLflow's business."""
    for name in RUN_FILES:
        path = saved.path / name
        if path.is_file():
            yield path


def section(manifest: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a mapping of the manifest, empty where it is null or absent."""
    found = manifest.get(key)
    return found if isinstance(found, Mapping) else {}


def free_name(key: str, taken: Mapping[str, Any]) -> str:
    """Return `key` as MLflow accepts it and as no key of `taken` reads.

    MLflow takes letters, digits and `_ - . : / ` and space, and nothing that is no plain path.
    """
    name = re.sub(r"[^/\w.\- :]", "_", key)[: MAX_KEY - KEY_ROOM]
    if name.startswith(("/", "..")) or posixpath.normpath(name) != name or name == ".":
        name = "_" + name.replace("/", "_")
    free, count = name, 1
    while free in taken:
        count += 1
        free = f"{name}_{count}"
    return free


def cut(text: str, max_chars: int) -> str:
    """Return `text`, or its beginning and a word on how long it was."""
    if len(text) <= max_chars:
        return text
    mark = f"… (cut: {len(text)} characters)"
    return text[: max_chars - len(mark)] + mark


def masked(value: Any) -> str:
    """Return `value` as text without the passwords of URLs."""
    return str(without_secrets(str(value)))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _commas(value: Any) -> str | None:
    return ",".join(map(str, value)) if isinstance(value, list) else None


def _portable(source: Any) -> str:
    path = Path(str(source))
    return path.name if path.is_absolute() else masked(source)
