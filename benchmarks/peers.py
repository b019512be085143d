"""Other tools' clients against the same server; run by `fanout.py --peer-python`.

Each is called as its own documentation shows, with its rate limits set out of the way. They live
in an environment of their own: `python -m venv peers && peers/bin/pip install bespokelabs-curator`
(which brings litellm).
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

MODEL = "claude-haiku-4-5-20251001"
QUESTION = "Explain in a few sentences what happens when pod number {} exceeds its memory limit."


def curator(url: str, requests: int, concurrency: int) -> None:
    """Bespoke Curator's LLM over its OpenAI backend, cache on, as it is by default."""
    os.environ["CURATOR_CACHE_DIR"] = tempfile.mkdtemp()
    os.environ["TELEMETRY_ENABLED"] = "0"
    os.environ["CURATOR_VIEWER"] = "0"
    # Its token counter would download a vocabulary, which litellm ships.
    found = importlib.util.find_spec("litellm")
    assert found is not None
    assert found.origin is not None
    tokenizers = Path(found.origin).parent / "litellm_core_utils/tokenizers"
    os.environ["TIKTOKEN_CACHE_DIR"] = str(tokenizers)
    from bespokelabs import curator as library

    plenty = 10_000_000
    llm = library.LLM(
        model_name=MODEL,
        backend="openai",
        backend_params={
            "base_url": f"{url}/v1",
            "api_key": "none",
            "max_requests_per_minute": plenty,
            "max_tokens_per_minute": 1000 * plenty,
            "max_concurrent_requests": concurrency,
        },
    )
    made = llm([QUESTION.format(i) for i in range(requests)])
    rows = getattr(made, "dataset", made)
    assert len(rows) == requests


def litellm(url: str, requests: int, concurrency: int) -> None:
    """LiteLLM's acompletion over the Messages API, workers over one iterator."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm as library

    library.suppress_debug_info = True

    async def run() -> None:
        todo = iter(range(requests))

        async def work() -> None:
            for i in todo:
                await library.acompletion(
                    model=f"anthropic/{MODEL}",
                    api_base=url,
                    api_key="none",
                    max_tokens=1024,
                    messages=[{"role": "user", "content": QUESTION.format(i)}],
                )

        await asyncio.gather(*(work() for _ in range(concurrency)))

    asyncio.run(run())


PEERS = {"curator": curator, "litellm": litellm}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    name, server, number, in_flight = sys.argv[1:]
    before, start = _cpu_s(), time.perf_counter()
    PEERS[name](server, int(number), int(in_flight))
    figures = {
        "wall_s": time.perf_counter() - start,
        "cpu_s": _cpu_s() - before,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures))
