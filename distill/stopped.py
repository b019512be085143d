"""What a run leaves that a guard stopped: the whole evidence, and nothing that looks like a run.

The rows that the evidence names are in no other file: the run's own are published at the very end.
They stand in a folder of their own, without a manifest; a run that finishes there removes it.
"""

from __future__ import annotations

import json
from pathlib import Path

from distill.errors import GuardError
from distill.folder import EXAMPLES, FINDINGS, REVIEW, STOPPED, clear_stopped
from distill.paths import write_text
from distill.record import RunRecord
from distill.review import review_rows, write_review


def leave_evidence(stop: GuardError, out: Path, record: RunRecord | None) -> GuardError:
    """Write what the guards found into a folder and return the error that names it.

    Args:
        stop: Why the run ends.
        out: The run's folder; made if it is missing.
        record: The run, with the rows that the guards saw; `None` where these are the seeds.
    """
    folder = out / STOPPED
    results = {**({} if record is None else record.guards), **stop.results}
    found = {name: result.figures() for name, result in results.items()}
    try:
        clear_stopped(out)
        folder.mkdir(parents=True, exist_ok=True)
        if record is not None:
            record.table.write_parquet(folder / EXAMPLES)
            review = review_rows(record.table, record.plan.filters, results)
            write_review(review, folder / REVIEW)
        write_text(folder / FINDINGS, json.dumps(found, ensure_ascii=False, indent=2) + "\n")
    except OSError as error:
        told = f"the evidence could not be written to {folder} ({error.strerror})"
    else:
        files = " and ".join(sorted(file.name for file in folder.iterdir()))
        told = f"all of the evidence is in {folder}: {files}"
    return GuardError(f"{stop}\nThe run was stopped; {told}.", results=results)
