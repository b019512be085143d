"""Guards against the named failure modes: each says what it found, with evidence by row.

A guard's mode is `error` (the run stops), `warn` (the run says so and goes on) or `off`.
"""

from __future__ import annotations

from distill.guards.contamination import Contamination
from distill.guards.distribution_shift import DistributionShift
from distill.guards.finding import Evidence, Finding, Guard, Mode, Moment, Untold
from distill.guards.judge_canaries import JudgeCanaries
from distill.guards.judge_independence import JudgeIndependence
from distill.guards.lineage import Lineage
from distill.guards.mode_collapse import ModeCollapse
from distill.guards.pinned_models import PinnedModels
from distill.guards.real_heldout import RealHeldout
from distill.guards.seed_shares import SeedShares
from distill.guards.unscored import Unscored

__all__ = [
    "Contamination",
    "DistributionShift",
    "Evidence",
    "Finding",
    "Guard",
    "JudgeCanaries",
    "JudgeIndependence",
    "Lineage",
    "Mode",
    "ModeCollapse",
    "Moment",
    "PinnedModels",
    "RealHeldout",
    "SeedShares",
    "Unscored",
    "Untold",
]
