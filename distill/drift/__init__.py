"""Does the pinned teacher still answer the same?

A provider may change a model behind the id that a run is pinned to. A run with `drift.questions`
above 0 therefore leaves canaries: questions of its own with several replies each. `distill drift`
asks them again and tests whether the distribution of the replies has moved. What that can show at
which size stands in docs/drift.md.

    baseline.py   the canaries that a run left, read with care
    draw.py       one check's own draw, the same after an interruption
    answers.py    then and now by question; what can move
    shift.py      the permutation test
    check.py      ask again, pair, test
    power.py      what a check of a given size can show
    moved.py      the questions whose answers moved most
    sentences.py  the verdict in words
    terminal.py, as_json.py
"""

from __future__ import annotations

from distill.drift.as_json import to_json
from distill.drift.check import Drift, check
from distill.drift.terminal import print_drift

__all__ = ["Drift", "check", "print_drift", "to_json"]
