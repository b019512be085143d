"""What makes two configs ask for the same dataset, wherever and however fast they run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from distill.config import flatten
from distill.ledger import canonical_json
from distill.paths import conf_dir

# Where and how fast a model is called: nothing of these shapes an answer.
HOW_CALLED = (
    "base_url",
    "concurrency",
    "workers",
    "slots",
    "limits",
    "mode",
    "lost_batch_s",
    "prompt_cache",
    "timeout_s",
    "max_retries",
    "api_key_env",
)
# Where a run leaves things and how fast it works: nothing of these shapes the dataset.
NOT_IDENTITY = (
    "paths",
    "ledger",
    "tracking",
    "budget",
    "drift",
    "collapse",
    "calibrate",
    "baseline",
    "report",
    "evaluate.controls",
    "evaluate.tuned",
    "evaluate.seeds",
    "evaluate.curve",
    "evaluate.synthetic_heldout",
    "judge_calibration",
    "students",
    "handover",
    "guard.distribution_shift",
    "guard.lineage",
    "guard.seed_shares",
    "guard.contamination.near",
    "teacher.base_url",
    "teacher.concurrency",
    "teacher.workers",
    "teacher.slots",
    "teacher.limits",
    "teacher.mode",
    "teacher.lost_batch_s",
    "teacher.prompt_cache",
    "teacher.timeout_s",
    "teacher.max_retries",
    "teacher.api_key_env",
    "judge.canaries",
    "judge.base_url",
    "judge.concurrency",
    "judge.limits",
    "judge.mode",
    "judge.timeout_s",
    "judge.max_retries",
    "judge.api_key_env",
    "judge.via.base_url",
    "judge.via.concurrency",
    "judge.via.workers",
    "judge.via.slots",
    "judge.via.limits",
    "judge.via.mode",
    "judge.via.lost_batch_s",
    "judge.via.prompt_cache",
    "judge.via.timeout_s",
    "judge.via.max_retries",
    "judge.via.api_key_env",
    "augment.via.base_url",
    "augment.via.concurrency",
    "augment.via.workers",
    "augment.via.slots",
    "augment.via.limits",
    "augment.via.mode",
    "augment.via.prompt_cache",
    "augment.via.timeout_s",
    "augment.via.max_retries",
    "augment.via.api_key_env",
    "student.base_url",
    "student.concurrency",
    "student.work",
    "student.max_memory_gb",
    "student.max_seconds",
    "student.answers_at_once",
    "metric.judged.base_url",
    "metric.judged.concurrency",
    "metric.judged.mode",
    "metric.judged.max_unscored",
    "metric.judged.human",
    *(f"metric.judged.via.{key}" for key in HOW_CALLED),
    *(f"student.{model}.{key}" for model in ("via", "base") for key in HOW_CALLED),
)


def config_sha256(config: Mapping[str, Any]) -> str:
    """Return the identity of what a config asks for, 64 hex digits.

    Paths of results, stores, hosts and speed are left out: two runs that must give the same
    dataset have the same identity wherever and however fast they ran.
    """
    kept = {
        key: value
        for key, value in flatten(config)
        if not any(key == name or key.startswith(f"{name}.") for name in NOT_IDENTITY)
    }
    # A shipped file is the same wherever distill is installed.
    kept = {
        key: value.replace(str(conf_dir()), "conf:") if isinstance(value, str) else value
        for key, value in kept.items()
    }
    return hashlib.sha256(canonical_json(kept).encode()).hexdigest()
