"""A check for programs, and for the record below `outputs/drift/`: one JSON object.

format            version of this object, 1
run_id, task      of the run whose canaries were asked
checked_at        when the check began, UTC, ISO 8601
drift             whether the teacher is not the one that it was
verdict, notes    sentences
p_value           of all measures together, adjusted (Holm), in (0, 1]
model             the pinned id; served {then, now}: the ids that answered
questions, samples, not_compared, failed
shifts            name (answers, numbers, stops, length), effect, p_value, p_holm, found;
`effect` of length is the log of the ratio, of the others a share or
a distance in [0, 1], chance taken off
changed           the questions whose answers moved most: question, moved, then, now
({answer: replies})
teacher           requests, cached, failed, input_tokens, output_tokens, cost_usd
(null where the price is unknown)
"""

from __future__ import annotations

from typing import Any

from distill.drift.check import Drift, said
from distill.drift.moved import most_moved
from distill.drift.sentences import said_of, verdict

FORMAT = 1


def to_json(made: Drift) -> dict[str, Any]:
    """Return a check as plain values."""
    spend = made.spend
    return {
        "format": FORMAT,
        "run_id": made.run_id,
        "task": made.task,
        "checked_at": made.checked_at,
        "drift": made.drifted,
        "verdict": verdict(made),
        "notes": said_of(made),
        "p_value": made.p_value,
        "model": made.model,
        "served": {"then": list(made.served_then), "now": list(made.served_now)},
        "questions": len(made.asked),
        "samples": made.samples,
        "not_compared": made.not_compared,
        "failed": made.failed,
        "shifts": [
            {
                "name": shift.name,
                "effect": shift.effect,
                "p_value": shift.p_value,
                "p_holm": shift.p_holm,
                "found": shift.found,
            }
            for shift in made.shifts
        ],
        "changed": [
            {
                "question": one.question,
                "moved": moved,
                "then": dict(said(one.then)),
                "now": dict(said(one.now)),
            }
            for one, moved in most_moved(made)
        ],
        "teacher": {
            "requests": spend.requests,
            "cached": spend.cached,
            "failed": spend.failed,
            "input_tokens": spend.input_tokens,
            "output_tokens": spend.output_tokens,
            "cost_usd": spend.cost_usd,
        },
    }
