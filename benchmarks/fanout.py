"""What a request costs: distill's client beside a bare aiohttp loop, in one run.

    python benchmarks/fanout.py                        # 5,000 requests, 256 in flight, 50 ms
    python benchmarks/fanout.py --requests 100000 --clients distill    # memory
    python benchmarks/fanout.py --peer-python peers/bin/python         # beside peers.py

Each client is a process of its own and is asked in turns, `--rounds` times. The bare loop posts
bytes and reads bytes: the limit of what Python does. distill's figures include the ledger (every
response durable before it counts) and the reading of all answers back out of it. Imports are not
counted, as they are paid once a run; a peer's are, as it imports when it is called.
`--server URL` measures against another server, such as one with faults.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MODEL = "claude-haiku-4-5-20251001"
QUESTION = "Explain in a few sentences what happens when pod number {} exceeds its memory limit."


def cpu_s() -> float:
    """Return the CPU seconds that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def bare(url: str, requests: int, concurrency: int) -> dict[str, float]:
    """Post with aiohttp and nothing else: workers over one iterator."""
    import aiohttp

    async def run() -> None:
        todo = iter(range(requests))
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def work() -> None:
                for i in todo:
                    body = {
                        "model": MODEL,
                        "max_tokens": 1024,
                        "messages": [{"role": "user", "content": QUESTION.format(i)}],
                    }
                    async with session.post(f"{url}/v1/messages", json=body) as response:
                        json.loads(await response.read())

            await asyncio.gather(*(work() for _ in range(concurrency)))

    return _measured(lambda: asyncio.run(run()))


def sdk(url: str, requests: int, concurrency: int) -> dict[str, float]:
    """Call the official SDK as its documentation does."""
    from anthropic import AsyncAnthropic

    async def run() -> None:
        todo = iter(range(requests))
        async with AsyncAnthropic(api_key="none", base_url=url) as client:

            async def work() -> None:
                for i in todo:
                    await client.messages.create(
                        model=MODEL,
                        max_tokens=1024,
                        messages=[{"role": "user", "content": QUESTION.format(i)}],
                    )

            await asyncio.gather(*(work() for _ in range(concurrency)))

    return _measured(lambda: asyncio.run(run()))


def distill(url: str, requests: int, concurrency: int) -> dict[str, float]:
    """Ask through distill's own client, with a ledger on disk."""
    from anthropic import AsyncAnthropic
    from rich.console import Console

    from distill.build import build
    from distill.config import compose
    from distill.ledger import Ledger
    from distill.models.budget import Budget
    from distill.models.client import ModelClient
    from distill.models.protocol import Request
    from distill.progress import Progress

    words = [f"teacher.model={MODEL}", f"teacher.base_url={url}", "judge=none", "seeds.path=-"]
    _ = AsyncAnthropic(api_key="none").models  # imported here, so that it is not counted
    teacher = build(compose([*words, f"teacher.concurrency={concurrency}"])).teacher
    with tempfile.TemporaryDirectory() as folder, Ledger(f"{folder}/ledger.db") as ledger:

        def ask() -> None:
            client = ModelClient(ledger, Budget(None), Progress(Console(quiet=True)))
            asked = [Request(prompt=QUESTION.format(i)) for i in range(requests)]
            answered = sum(bool(outcome.text) for outcome in client.ask("teacher", teacher, asked))  # type: ignore[union-attr]
            assert answered == requests

        paid = _measured(ask)
        cached = _measured(ask)
    return paid | {"cached_cpu_s": cached["cpu_s"]}


PEERS = ("curator", "litellm")
CLIENTS = {"bare": bare, "distill": distill, "sdk": sdk}


def _measured(work: Any) -> dict[str, float]:
    before, start = cpu_s(), time.perf_counter()
    work()
    wall_s, used_s = time.perf_counter() - start, cpu_s() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu_s": used_s, "wall_s": wall_s, "peak_mb": peak}


@contextmanager
def serving(url: str | None, latency_ms: float) -> Iterator[str]:
    """Yield the URL of a server: the one that is named, or one of our own."""
    if url is not None:
        yield url
        return
    words = [sys.executable, str(HERE / "server.py"), "--latency-ms", str(latency_ms)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def main() -> None:
    """Measure every client in turns and print the medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", nargs="+", choices=CLIENTS, default=list(CLIENTS))
    parser.add_argument("--server", metavar="URL")
    parser.add_argument("--peer-python", metavar="PYTHON", help="of an environment with peers")
    parser.add_argument("--one", choices=CLIENTS, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.one:
        print(json.dumps(CLIENTS[words.one](words.server, words.requests, words.concurrency)))
        return
    turns = {name: [sys.executable, __file__, "--one", name] for name in words.clients}
    if words.peer_python:
        turns |= {name: [words.peer_python, str(HERE / "peers.py"), name] for name in PEERS}
    found: dict[str, list[dict[str, float]]] = {name: [] for name in turns}
    with serving(words.server, words.latency_ms) as url:
        for _ in range(words.rounds):
            for name, command in turns.items():
                figures = _alone(command, name, url, words.requests, words.concurrency)
                found[name].append(figures)
    _print(found, words.requests)


def _alone(
    command: list[str], name: str, url: str, requests: int, concurrency: int
) -> dict[str, float]:
    words = [url, str(requests), str(concurrency)]
    if name not in PEERS:
        words = ["--server", url, "--requests", words[1], "--concurrency", words[2]]
    made = subprocess.run([*command, *words], check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(made.stdout.splitlines()[-1])
    return figures


def _print(found: dict[str, list[dict[str, float]]], requests: int) -> None:
    base = [run["cpu_s"] for run in found.get("bare", [])]
    print(
        f"{'client':<9} {'ms CPU/request':>15} {'times bare':>11} {'requests/s':>11} {'peak MB':>8}"
    )
    for name, runs in found.items():
        cpu_ms = statistics.median(run["cpu_s"] for run in runs) / requests * 1000
        rate = requests / statistics.median(run["wall_s"] for run in runs)
        peak = max(run["peak_mb"] for run in runs)
        ratios = [run["cpu_s"] / one for run, one in zip(runs, base, strict=False)]
        times = f"{statistics.median(ratios):.1f}" if ratios else "–"
        print(f"{name:<9} {cpu_ms:>15.2f} {times:>11} {rate:>11,.0f} {peak:>8,.0f}")
        if "cached_cpu_s" in runs[0]:
            again = statistics.median(run["cached_cpu_s"] for run in runs)
            print(f"{'':<9} the same again, out of the ledger: {again:.2f} s CPU")


if __name__ == "__main__":
    main()
