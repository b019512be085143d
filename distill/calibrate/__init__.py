"""Does the judge say what humans say?

`distill calibrate` lets the configured judge score answers that humans have labelled and tells how
far both agree, which threshold keeps mostly right answers, what else moves the judge's score, and
what share of all answers is right once its errors are taken off. docs/calibrate.md has the method.

    labelled.py     the labels, and the answers that a run's judge saw
    ask.py          the judge, asked as a run asks it, once and again
    calibration.py  the calibration itself
    result.py       what comes of it
    agreement.py    kappa, rates of error, the area under the ROC curve
    thresholds.py   precision and recall by threshold, and which to take
    biases.py       length, the judge's own family, the place of an answer, its own wavering
    kin.py          whose answers are its family's
    corrected.py    prediction-powered inference
    gate.py         whether it may decide alone
    sentences.py    the findings in words
    terminal.py, page.py, as_json.py, leave.py
"""

from __future__ import annotations

from distill.calibrate.as_json import to_json
from distill.calibrate.calibration import calibrate
from distill.calibrate.gate import failures
from distill.calibrate.leave import check_writable, leave
from distill.calibrate.result import Calibration
from distill.calibrate.terminal import print_calibration

__all__ = [
    "Calibration",
    "calibrate",
    "check_writable",
    "failures",
    "leave",
    "print_calibration",
    "to_json",
]
