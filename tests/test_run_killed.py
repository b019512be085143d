"""kill -9 at random moments of one run: what was paid for is kept, and the run comes out the same.

`DISTILL_KILLS=20` kills as often as a long night would; the default keeps the suite short.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from typing import Any

from workbench import Workbench

CONCURRENCY = 4
KILLS = int(os.environ.get("DISTILL_KILLS", "4"))
MOST_BETWEEN = 12
QUESTIONS = KILLS * MOST_BETWEEN + CONCURRENCY


def faithful(prompt: str, body: Mapping[str, Any], attempt: int) -> str:
    """Return an answer that hangs on the question alone, however often it is asked."""
    del body, attempt
    return f"An answer to: {prompt}"


def test_killed_over_and_over_it_pays_twice_only_for_what_was_in_flight(bench: Workbench) -> None:
    asked = [{"question": f"Question number {i} about rivers?"} for i in range(QUESTIONS)]
    bench.write("seeds.jsonl", asked)
    bench.api.teacher = faithful
    words = bench.words("judge=none", "filter=none", f"teacher.concurrency={CONCURRENCY}")
    bench.main([*words, "paths.out=runs/undisturbed", "ledger.url=undisturbed.db"])
    undisturbed = (bench.folder / "runs/undisturbed/dataset.jsonl").read_bytes()
    bench.api.forget()

    draw = random.Random(7)
    for _ in range(KILLS):
        # Moments are counted in requests, so that they lie in the run however fast it goes.
        moment = bench.api.count("teacher") + draw.randint(1, MOST_BETWEEN)
        with bench.start(words) as process:
            bench.api.wait_for("teacher", moment, unless=process.poll)
            process.kill()
            process.communicate(timeout=60)

    ended = bench.process(words)

    assert ended.status == 0, ended.err
    assert (bench.out / "dataset.jsonl").read_bytes() == undisturbed
    paid = bench.api.count("teacher")
    assert QUESTIONS <= paid <= QUESTIONS + KILLS * CONCURRENCY
    assert bench.manifest["rows"] == QUESTIONS
    assert [path.name for path in bench.out.iterdir() if path.name.startswith(".")] == []
