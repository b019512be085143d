"""What a dataset was made with: digests of code, versions of libraries.

When a rebuilt dataset differs from its original, these say whether the inputs, a stage's code or a
library is the reason.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import platform
import sys
from typing import Any

from distill.plan import Plan
from distill.stages import augment, export, filter, generate, judge, rewrites, select

LIBRARIES = ("anthropic", "mlflow", "numpy", "polars", "pydantic", "scikit-learn")
STAGES = (generate, filter, judge, select, export)
AUGMENTING = (augment, rewrites)


def versions() -> dict[str, str]:
    """Return the versions of distill, Python and the libraries that touch the data."""
    import distill

    found = {"distill": distill.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        found[name] = importlib.metadata.version(name)
    return found


def implementation(plan: Plan) -> dict[str, str]:
    """Return a digest of the code behind each part that shapes the dataset, by config key.

    Two runs with equal config and unequal digests were made by different code.
    """
    parts: dict[str, Any] = {
        "task": plan.task,
        "teacher": plan.teacher,
        "select": plan.select,
        "export": plan.export,
    }
    parts |= {f"filter.{name}": one for name, one in plan.filters.items()}
    if plan.judge is not None:
        parts["judge"] = plan.judge
    if plan.augment is not None:
        parts["augment"] = plan.augment
    code = {key: _source(type(part).__module__) for key, part in parts.items()}
    code |= {
        f"stage.{stage.__name__.rpartition('.')[2]}": _source(stage.__name__)
        for stage in (*STAGES, *(AUGMENTING if plan.augment is not None else ()))
    }
    return dict(sorted(code.items()))


def _source(module: str) -> str:
    text = inspect.getsource(sys.modules[module])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
