"""How MLflow's pages show an experiment: runs as models in training, and the columns that matter.

MLflow opens an experiment as one of traces unless its kind says otherwise, and lists runs without
a single figure. A shared view is a tag of the experiment, and an address opens it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

KIND_TAG, KIND = "mlflow.experimentKind", "custom_model_development"
VIEW_TAG = "mlflow.sharedViewState."
LOCAL_SERVER = "http://127.0.0.1:5000"
KEY_CHARS = 12
METRICS = (
    "eval/accuracy",
    "eval/low",
    "eval/high",
    "funnel/selected",
    "diversity/distinct_2",
    "cost/total_usd",
)
TAGS = ("distill.verdict", "distill.teacher.served")


def share_view(client: MlflowClient, experiment: str, *, parent: str, swept: Sequence[str]) -> None:
    """Make the view of a sweep: its points alone, their swept values beside their figures.

    Args:
        client: Of the tracking store.
        experiment: Its id.
        parent: The sweep's run in MLflow.
        swept: Keys that the points differ in.
    """
    columns = [f"params.`{key}`" for key in swept]
    columns += [f"metrics.`{name}`" for name in METRICS]
    columns += [f"tags.`{name}`" for name in TAGS]
    state = {
        "selectedColumns": columns,
        "searchFilter": f"tags.mlflow.parentRunId = '{parent}'",
        "orderByKey": "attributes.`start_time`",
        "orderByAsc": True,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
    }
    value = json.dumps(state)
    tag = f"{VIEW_TAG}{view_key(parent)}"
    if client.get_experiment(experiment).tags.get(tag) != value:
        client.set_experiment_tag(experiment, tag, value)


def view_key(parent: str) -> str:
    """Return the name of a sweep's view."""
    return f"sweep-{parent[:KEY_CHARS]}"


def page(uri: str, experiment: str, parent: str) -> str:
    """Return where a sweep's points are looked at: an address, after a command where one is needed.

    Args:
        uri: MLflow tracking URI.
        experiment: Its id.
        parent: The sweep's run in MLflow.
    """
    from distill.config import without_secrets

    served = uri.startswith(("http://", "https://"))
    server = str(without_secrets(uri)).rstrip("/") if served else LOCAL_SERVER
    query = f"viewStateShareKey={view_key(parent)}&workflowType=machine_learning"
    address = f"{server}/#/experiments/{experiment}/runs?{query}"
    if served:
        return address
    return f"mlflow ui --backend-store-uri {without_secrets(uri)}, then {address}"
