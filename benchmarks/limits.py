"""How much of an allowance is used, and how much overdrawn, where a server enforces it.

    python benchmarks/limits.py                                # 1,200 requests a minute, 45 seconds
    python benchmarks/limits.py --requests-per-minute 0 --input-tokens-per-minute 60000

The server has token buckets as the Messages API does: they refill continuously, a request that
finds too little gets a 429 with `retry-after`, and every response tells the limits in its headers.
Nothing of them is in the config: all is learned from the first answer on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from server import BODY

BYTES_A_TOKEN = 4
MODEL = str(BODY["model"])


@dataclass
class Server:
    """A Messages API with token buckets.

    Args:
        limits: What each allows a minute; those of 0 are off.
        burst: The most that gathers, as a share of a minute's allowance.
        latency_s: Seconds until an answer.
    """

    limits: dict[str, float]
    burst: float
    latency_s: float
    accepted: int = 0
    refused: int = 0
    tokens: int = 0
    started: float = 0.0
    _levels: dict[str, float] = field(default_factory=dict)
    _at: float = 0.0

    async def answer(self, request: web.Request) -> web.Response:
        """Answer, or refuse what finds too little."""
        now = time.monotonic()
        if not self._levels:
            self.started = self._at = now
            self._levels = {name: limit * self.burst for name, limit in self.limits.items()}
        data = await request.read()
        for name, limit in self.limits.items():
            gained = limit / 60 * (now - self._at)
            self._levels[name] = min(limit * self.burst, self._levels[name] + gained)
        self._at = now
        costs = {"requests": 1.0, "input-tokens": len(data) / BYTES_A_TOKEN}
        waits = [
            (costs[name] - level) / (self.limits[name] / 60)
            for name, level in self._levels.items()
            if level < costs[name]
        ]
        if waits:
            self.refused += 1
            headers = self._headers() | {"retry-after": f"{max(waits):.3f}"}
            error = {"type": "error", "error": {"type": "rate_limit_error", "message": "slower"}}
            return web.json_response(error, status=429, headers=headers)
        for name in self._levels:
            self._levels[name] -= costs[name]
        self.accepted += 1
        self.tokens += len(data) // BYTES_A_TOKEN
        headers = self._headers()
        await asyncio.sleep(self.latency_s)
        usage = {"input_tokens": len(data) // BYTES_A_TOKEN, "output_tokens": 390}
        return web.json_response(BODY | {"usage": usage}, headers=headers)

    def _headers(self) -> dict[str, str]:
        told = {}
        for name, limit in self.limits.items():
            told[f"anthropic-ratelimit-{name}-limit"] = str(int(limit))
            told[f"anthropic-ratelimit-{name}-remaining"] = str(max(0, int(self._levels[name])))
        return told


def serving(server: Server) -> str:
    """Serve in a thread of its own until the process ends; return the URL."""
    ready: list[str] = []
    is_up = threading.Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/v1/messages", server.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        ready.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        is_up.set()
        await asyncio.Event().wait()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    is_up.wait()
    return ready[0]


def ask(url: str, requests: int, concurrency: int, bytes_each: int) -> float:
    """Ask so many questions through distill's client; return the seconds it took."""
    from rich.console import Console

    from distill.build import build
    from distill.config import compose
    from distill.ledger import Ledger
    from distill.models.budget import Budget
    from distill.models.client import ModelClient
    from distill.models.protocol import Request
    from distill.progress import Progress

    words = [f"teacher.model={MODEL}", f"teacher.base_url={url}", "judge=none", "seeds.path=-"]
    words.append("teacher.api_key_env=null")
    teacher = build(compose([*words, f"teacher.concurrency={concurrency}"])).teacher
    with tempfile.TemporaryDirectory() as folder, Ledger(f"{folder}/ledger.db") as ledger:
        client = ModelClient(ledger, Budget(None), Progress(Console(quiet=True)))
        sizes = [bytes_each // 2 + (37 * i) % bytes_each for i in range(requests)]
        asked = [Request(prompt=f"{i} {'word ' * (size // 5)}") for i, size in enumerate(sizes)]
        start = time.monotonic()
        client.ask("teacher", teacher, asked)
        return time.monotonic() - start


def main() -> None:
    """Ask for as much as the allowance gives in the time, and print what became of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests-per-minute", type=float, default=1200)
    parser.add_argument("--input-tokens-per-minute", type=float, default=0)
    parser.add_argument("--burst", type=float, default=0.25, help="of a minute's allowance")
    parser.add_argument("--latency-ms", type=float, default=200)
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=45)
    words = parser.parse_args()
    limits = {
        "requests": words.requests_per_minute,
        "input-tokens": words.input_tokens_per_minute,
    }
    limits = {name: limit for name, limit in limits.items() if limit}
    server = Server(limits, words.burst, words.latency_ms / 1000)
    bytes_each = 800
    minutes = words.burst + words.seconds / 60
    requests = int(
        min(
            limits.get("requests", 1e9) * minutes,
            limits.get("input-tokens", 1e9) * minutes * BYTES_A_TOKEN / (bytes_each + 90),
        )
    )
    took_s = ask(serving(server), requests, words.concurrency, bytes_each)
    used: dict[str, Any] = {"requests": server.accepted, "input-tokens": server.tokens}
    for name, limit in limits.items():
        allowed = limit * (words.burst + (took_s - words.latency_ms / 1000) / 60)
        print(f"{name}: {used[name]} of {allowed:.0f} allowed in {took_s:.1f} s: "
              f"{used[name] / allowed:.1%}")  # fmt: skip
    share = server.refused / (server.refused + server.accepted)
    print(f"refused: {server.refused} of {server.refused + server.accepted} ({share:.2%})")
    print(json.dumps({"accepted": server.accepted, "refused": server.refused, "seconds": took_s}))


if __name__ == "__main__":
    main()
