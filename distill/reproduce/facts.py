"""What a manifest says of how its dataset came about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pydantic

from distill.costs import ROLES
from distill.errors import UserError
from distill.manifest import FORMAT
from distill.reproduce.damage import damaged, read_bytes

MAX_MANIFEST_BYTES = 16 * 2**20

Digest = Annotated[str, pydantic.Field(pattern=r"^[0-9a-f]{64}$")]


class _Format(pydantic.BaseModel):
    format: pydantic.StrictInt


class _Seeds(pydantic.BaseModel):
    rows_sha256: Digest
    rows: pydantic.NonNegativeInt | None = None


class _Inputs(pydantic.BaseModel):
    seeds: _Seeds


class _Spent(pydantic.BaseModel):
    failed: pydantic.NonNegativeInt = 0


class Facts(pydantic.BaseModel):
    """What a manifest says of how its dataset came about; everything else in it is passed over.

    Args:
        format: How the run's folder is to be read.
        run_id: The run's own id.
        dataset_sha256: Of `dataset.jsonl`.
        config_sha256: Identity of the config.
        inputs: With the digest of the seeds' contents, and how many there are.
        versions: Of distill, Python and libraries, by name.
        implementation: Digests of code, by config key.
        files: SHA-256 of other files of the folder, by name.
        teacher: Requests that failed for good.
        judge: The same.
        augment: The same.
        student: The same, of one that was trained elsewhere.
        student_base: The same, of its base.
    """

    format: int
    run_id: Annotated[str, pydantic.Field(pattern=r"^[\w-]{1,64}$")]
    dataset_sha256: Digest
    config_sha256: Digest
    inputs: _Inputs
    versions: dict[str, str] = {}
    implementation: dict[str, str] = {}
    files: dict[str, str] = {}
    teacher: _Spent = _Spent()
    judge: _Spent = _Spent()
    augment: _Spent = _Spent()
    student: _Spent = _Spent()
    student_base: _Spent = _Spent()
    students: _Spent = _Spent()
    metric_judge: _Spent = _Spent()

    @property
    def failed(self) -> dict[str, int]:
        """Requests that failed for good, by role."""
        return {role: getattr(self, role).failed for role in ROLES}


def read_facts(path: Path) -> Facts:
    """Read what a manifest says.

    Raises:
        UserError: it was written by a newer release.
        DamagedRunError: it is missing or no manifest.
    """
    data = read_bytes(path, MAX_MANIFEST_BYTES)
    try:
        known = _Format.model_validate_json(data).format
        if known > FORMAT:
            raise UserError(
                f"{path.name}: a run of format {known}; this release reads up to {FORMAT}.",
                hint="upgrade: pip install --upgrade distill",
            )
        return Facts.model_validate_json(data)
    except pydantic.ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        reason = f"{where}: {fault['msg']}" if where else str(fault["msg"])
        raise damaged(path, reason) from None
