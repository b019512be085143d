"""The only place that knows providers; `distill.models.Claude` and its like are named in config."""

from distill.models.anthropic import Claude
from distill.models.local import LocalModel
from distill.models.openai import OpenAICompatible
from distill.models.protocol import Failure, Model, Outcome, Reply, Request
from distill.models.trained import TrainedModel

__all__ = [
    "Claude",
    "Failure",
    "LocalModel",
    "Model",
    "OpenAICompatible",
    "Outcome",
    "Reply",
    "Request",
    "TrainedModel",
]
