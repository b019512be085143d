"""Find a finished run by what people call it: its folder, its id, its name, or `latest`.

Nearest first: a folder that is named outright, a run below `outputs/`, a run of the tracking
store. Where a store is named, only that store is asked for ids and names.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from distill.errors import UserError, printable, shown
from distill.folder import MANIFEST

OUTPUTS = Path("outputs")
# What a run leaves that another command may want to read.
RUN_ARTIFACTS = (
    MANIFEST,
    "config.yaml",
    "dataset.jsonl",
    "rejected.jsonl",
    "examples.parquet",
    "responses.parquet",
    "student/heldout.parquet",
)
# Copies of runs that tracking stores keep below `outputs/`.
STORES = ("mlartifacts", "mlruns")
SHOWN_NAMES = 3
SHOWN_RUNS = 8
LEAST_LIKE = 0.5

_LATEST = re.compile(r"latest(?:~(\d+))?")
_ID_BEGINNING = re.compile(r"[0-9a-f]{4,}")


@dataclass(frozen=True, kw_only=True)
class KnownRun:
    """A run that can be named.

    Args:
        ids: The run's own id, and that of its copy in a tracking store where it has another.
        names: What it is called; the first is what people are shown.
        place: Its folder, or where else it is, as people are told.
        ended_ns: When it was finished, in nanoseconds since 1970.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    place: str
    ended_ns: int

    @property
    def run_id(self) -> str:
        """The run's own id."""
        return self.ids[0]


@contextmanager
def find_run(
    reference: str,
    uri: str | None = None,
    *,
    experiment: str | None = None,
    names: Sequence[str] = RUN_ARTIFACTS,
) -> Iterator[Path]:
    """Yield the folder of a run; what comes from a tracking store is gone when the block ends.

    Args:
        reference: A folder (or its manifest), an id or its beginning of at least 4 digits, a name,
            `latest`, or `latest~N` for the run N before it.
        uri: MLflow tracking URI; `None` looks below `outputs/` first and then in the store that
            `MLFLOW_TRACKING_URI` or the shipped config names.
        experiment: MLflow experiment that is searched; `None` searches all.
        names: Files that are downloaded from a store, where the run has them; the manifest always.

    Raises:
        UserError: no run is called so, or more than one.
        DistillError: the tracking store cannot be reached.
    """
    folder = _named_folder(reference)
    known = local_runs() if folder is None and uri is None else []
    if folder is None:
        folder = _latest(reference) or _known_folder(reference, known)
    if folder is not None:
        yield folder
        return
    from distill.tracking.download import downloaded

    wanted = tuple(dict.fromkeys((MANIFEST, *names)))
    with downloaded(reference, uri, experiment=experiment, names=wanted, local=known) as copied:
        yield copied


def local_runs(root: Path = OUTPUTS) -> list[KnownRun]:
    """Return the finished runs below a folder, the newest first."""
    found = []
    for manifest in _manifests(root):
        try:
            told = json.loads(manifest.read_text(encoding="utf-8"))
            run_id, ended_ns = str(told["run_id"]), manifest.stat().st_mtime_ns
        except (OSError, ValueError, KeyError, TypeError):
            continue  # damaged, or of something else: it can be named by its folder
        sweep = told.get("sweep")
        point = sweep.get("point") if isinstance(sweep, dict) else None
        folder = manifest.parent
        names = tuple(dict.fromkeys([*([str(point)] if point else []), folder.name]))
        found.append(KnownRun(ids=(run_id,), names=names, place=str(folder), ended_ns=ended_ns))
    return sorted(found, key=lambda run: -run.ended_ns)


def matching(reference: str, runs: Sequence[KnownRun]) -> list[KnownRun]:
    """Return the runs that are called so: by id, else by name, else by the beginning of an id.

    A run that lies in several places counts once, where it comes first in `runs`.
    """
    tests: list[Callable[[KnownRun], bool]] = [
        lambda run: reference in run.ids,
        lambda run: reference in run.names,
    ]
    if _ID_BEGINNING.fullmatch(reference):
        tests.append(lambda run: any(one.startswith(reference) for one in run.ids))
    for test in tests:
        found = {run.run_id: run for run in reversed(runs) if test(run)}
        if found:
            return sorted(found.values(), key=lambda run: -run.ended_ns)
    return []


def the_one(reference: str, found: Sequence[KnownRun]) -> KnownRun | None:
    """Return the run that was found, `None` where there is none.

    Raises:
        UserError: there are several.
    """
    if len(found) < 2:
        return found[0] if found else None
    lines = [
        f"  {printable(run.run_id)}  {printable(run.names[0])}  ({printable(run.place)})"
        for run in found[:SHOWN_RUNS]
    ]
    if len(found) > SHOWN_RUNS:
        lines.append(f"  … and {len(found) - SHOWN_RUNS} more")
    raise UserError(
        "\n".join([f"{len(found)} runs are called {shown(reference)}:", *lines]),
        hint="name one by its id or its folder; more digits of the id tell them apart",
    )


def unknown_run(reference: str, runs: Sequence[KnownRun], looked_in: Sequence[str]) -> UserError:
    """Return the error that no run is called so, with the names that come near.

    Args:
        reference: As the user typed it.
        runs: All that are known, the newest first.
        looked_in: Where they were sought, as people are told.
    """
    where = f"looked {' and '.join(looked_in)}"
    path = Path(reference).expanduser()
    if path.is_dir():
        # A folder around this one holds what others keep there.
        is_around = path.resolve() in Path.cwd().resolve().parents
        inside = [] if is_around else [printable(str(run.place)) for run in local_runs(path)]
        if inside:
            return UserError(
                f"{reference}: no run, but a folder of {len(inside)}.",
                hint=f"name one of them: {', '.join(inside[:SHOWN_NAMES])}",
            )
        where = f"the folder of that name holds no {MANIFEST}; {where}"
    spelled = {name: run for run in reversed(runs) for name in (*run.names, *run.ids)}
    near = get_close_matches(reference, spelled, n=SHOWN_NAMES, cutoff=LEAST_LIKE)
    if near:
        hint = f"did you mean {' or '.join(map(printable, near))}?"
    elif runs:
        newest = (f"{run.names[0]} ({run.run_id[:8]})" for run in runs[:SHOWN_NAMES])
        hint = f"the newest are {printable(', '.join(newest))}"
    else:
        hint = "name the folder that `distill run` printed last, or add tracking.uri=URI"
    return UserError(f"no run is called {shown(reference)}: {where}.", hint=hint)


def _named_folder(reference: str) -> Path | None:
    path = Path(reference).expanduser()
    folder = path.parent if path.name == MANIFEST else path
    return folder if (folder / MANIFEST).is_file() else None


def _latest(reference: str) -> Path | None:
    """Return the folder that `latest` or `latest~N` means, `None` for other references."""
    match = _LATEST.fullmatch(reference)
    if match is None:
        return None
    newest = sorted(_manifests(OUTPUTS), key=lambda file: -file.stat().st_mtime_ns)
    back = int(match[1] or 0)
    if back >= len(newest):
        raise UserError(
            f"{reference}: there are {len(newest)} finished runs below {OUTPUTS}/.",
            hint="name a run by its folder, its id or its name",
        )
    return newest[back].parent


def _known_folder(reference: str, known: Sequence[KnownRun]) -> Path | None:
    found = the_one(reference, matching(reference, known))
    return None if found is None else Path(found.place)


def _manifests(root: Path) -> Iterator[Path]:
    for folder, inside, files in os.walk(root):
        if MANIFEST in files:
            inside.clear()  # a run holds no runs
            yield Path(folder) / MANIFEST
        else:
            inside[:] = sorted(d for d in inside if not d.startswith(".") and d not in STORES)
