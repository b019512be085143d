"""What a run costs that pays for nothing: processor time of a wholly cached run.

    python benchmarks/cached_run.py                    # 5,000 rows, 5 times

Two runs are not counted: the first pays, to a server on the loopback address that is gone before
the others begin, and the second leaves the bytecode of what a cached run imports. Processor time
is user and system time of the whole process, imports and its end included.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from fanout import MODEL, QUESTION, serving


def cpu_s() -> float:
    """Return the CPU seconds of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(folder: Path, url: str) -> dict[str, float]:
    """Run distill over the questions in `folder`; return what was paid for and the CPU seconds."""
    words = "judge=none filter=none tracking=none teacher.concurrency=256 seeds.path=seeds.jsonl"
    told = [*words.split(), "ledger.url=ledger.db", "paths.out=out", f"teacher.model={MODEL}"]
    before = cpu_s()
    subprocess.run(
        [sys.executable, "-m", "distill", "run", *told, f"teacher.base_url={url}"],
        cwd=folder,
        # An empty word lets bytecode be kept, as an installed package keeps it.
        env=os.environ | {"ANTHROPIC_API_KEY": "none", "PYTHONDONTWRITEBYTECODE": ""},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    used_s = cpu_s() - before
    manifest = json.loads((folder / "out" / "manifest.json").read_text(encoding="utf-8"))
    return {"requests": manifest["teacher"]["requests"], "cpu_s": used_s}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5_000, help="questions, 1 or more")
    parser.add_argument("--rounds", type=int, default=5, help="runs that are counted, 1 or more")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = (json.dumps({"question": QUESTION.format(i)}) for i in range(chosen.rows))
        (folder / "seeds.jsonl").write_text("\n".join(lines), encoding="utf-8")
        with serving(None, latency_ms=0) as url:
            assert run(folder, url)["requests"] == chosen.rows
        cached = [run(folder, url) for _ in range(chosen.rounds + 1)][1:]
    assert not any(one["requests"] for one in cached)
    times = [one["cpu_s"] for one in cached]
    print(f"{chosen.rows:,} rows out of the ledger, {chosen.rounds} runs, CPU seconds of each run")
    print(f"min {min(times):.2f}  median {statistics.median(times):.2f}  max {max(times):.2f}")


if __name__ == "__main__":
    main()
