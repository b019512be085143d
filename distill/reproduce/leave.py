"""Where a rebuilt dataset is written: a folder of its own, whole or not at all.

`reproduced.json` says what the folder is, so that the next rebuild may replace its files; a folder
that holds such files of anybody else is refused, a run's own folder above all.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distill.errors import UserError
from distill.folder import ABSTAIN, RUN_FILES
from distill.paths import write_text

MARK = "reproduced.json"
REBUILT_FILES = ("dataset.jsonl", "rejected.jsonl", "examples.parquet")
# Of these only what the run has.
MAYBE_FILES = (ABSTAIN,)


@contextmanager
def drafted(out: Path | None) -> Iterator[Path]:
    """Yield a folder for drafts, beside their places where there are any; it goes with the block.

    Args:
        out: Where the files are to be, or `None` for nowhere.

    Raises:
        UserError: `out` cannot be written.
    """
    if out is None:
        with tempfile.TemporaryDirectory(prefix="distill-") as folder:
            yield Path(folder)
        return
    draft = out / f".draft-{os.getpid()}"
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        draft.mkdir(parents=True)
    except OSError as error:
        raise UserError(
            f"--out: got {str(out)!r}, want a folder that can be written ({error.strerror})."
        ) from error
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        for parent in made:
            try:
                parent.rmdir()  # only where nothing was left in it
            except OSError:
                break


def check_out(out: Path, run: Path | None) -> None:
    """See that writing to `out` harms nothing.

    Args:
        out: Where a rebuilt dataset is to be.
        run: The run's own folder, or `None`.

    Raises:
        UserError: it is the run's folder, lies in it, or holds files that are not of a rebuild.
    """
    place = out.resolve()
    if run is not None and place.is_relative_to(run.resolve()):
        raise UserError(
            f"--out: got {str(out)!r}, which lies in the run; want a folder of its own.",
            hint="nothing was changed",
        )
    strangers = [name for name in RUN_FILES if (out / name).exists()]
    folders = [name for name in (*REBUILT_FILES, *MAYBE_FILES, MARK) if (out / name).is_dir()]
    if folders:
        raise UserError(
            f"--out: got {str(out)!r}, where {folders[0]} is a folder; want a folder of its own.",
            hint="nothing was changed",
        )
    own = (out / MARK).is_file() and set(strangers) <= {*REBUILT_FILES, *MAYBE_FILES}
    if strangers and not own:
        raise UserError(
            f"--out: got {str(out)!r}, which holds {', '.join(strangers)}; want a folder of its "
            "own.",
            hint="nothing was changed",
        )


def publish(draft: Path, out: Path, about: Mapping[str, Any]) -> None:
    """Put drafts in their places.

    Args:
        draft: Holds `REBUILT_FILES`, and some of `MAYBE_FILES`.
        out: Where they go.
        about: What `reproduced.json` says.
    """
    # The mark comes last: it speaks for files that are there.
    (out / MARK).unlink(missing_ok=True)
    for name in REBUILT_FILES:
        (draft / name).replace(out / name)
    for name in MAYBE_FILES:
        (out / name).unlink(missing_ok=True)
        if (draft / name).exists():
            (draft / name).replace(out / name)
    write_text(out / MARK, json.dumps(about, ensure_ascii=False, indent=2) + "\n")
