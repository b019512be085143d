from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from finished_runs import MakeRun, Shape, make

from distill.record import RunRecord


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Return a function that makes a finished run out of changes to the usual `Shape`."""

    def made(**changes: Any) -> RunRecord:
        return make(replace(Shape(), **changes), tmp_path)

    return made
