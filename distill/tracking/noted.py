"""What was found out about a tracked run after its end, noted with it in MLflow."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping

from distill.config import without_secrets
from distill.errors import DistillError
from distill.tracking.mirror import RETRIES
from distill.tracking.saved_run import RUN_ID_TAG
from distill.tracking.store import connected
from distill.tracking.tracked import TrackingWarning

PATIENCE_S = 10.0


def note(run_id: str, uri: str, *, tags: Mapping[str, str], metrics: Mapping[str, float]) -> None:
    """Add tags and metrics to a tracked run; warn where it cannot be done.

    A metric that was noted before gets a further value, so that MLflow draws its course.

    Args:
        run_id: The run's own id: letters, digits, `_` and `-`.
        uri: MLflow tracking URI.
        tags: Tags by name.
        metrics: Finite numbers by name.
    """
    from mlflow.entities import Metric, RunTag

    now_ms = int(time.time() * 1000)
    try:
        with connected(uri, timeout_s=PATIENCE_S, retries=RETRIES) as client:
            experiments = [one.experiment_id for one in client.search_experiments()]
            clause = f"tags.`{RUN_ID_TAG}` = '{run_id}'"
            found = client.search_runs(experiments, clause, max_results=1)
            if not found:
                raise DistillError(
                    f"tracking.uri: {without_secrets(uri)} does not know the run {run_id}."
                )
            client.log_batch(
                found[0].info.run_id,
                metrics=[Metric(key, value, now_ms, 0) for key, value in metrics.items()],
                tags=[RunTag(key, value) for key, value in tags.items()],
            )
    except DistillError as error:
        text = f"{error.args[0]}\n  hint: bring the run there first: distill sync RUN_DIR"
        warnings.warn(TrackingWarning(text), stacklevel=2)
