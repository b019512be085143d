"""A fast Messages API on the loopback address: one canned answer after a fixed latency.

It parses no more of HTTP than its clients send, so that the client is what a benchmark measures.
`POST /v1/messages` answers, and `POST /v1/chat/completions` does in the words of OpenAI's API;
everything else is 404.
"""

from __future__ import annotations

import argparse
import asyncio
import json

WORDS = "the answer starts from what is asked and goes step by step to what can be checked".split()  # noqa: SIM905 - it reads better
ANSWER = " ".join(WORDS[(7 * i + i // 5) % len(WORDS)] for i in range(300))
BODY = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [{"type": "text", "text": ANSWER}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 60, "output_tokens": 390},
}
CHAT_BODY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": BODY["model"],
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": ANSWER},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 60, "completion_tokens": 390, "total_tokens": 450},
}


def _response(body: dict[str, object]) -> bytes:
    content = json.dumps(body).encode()
    head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nrequest-id: req_1\r\n"
    return f"{head}content-length: {len(content)}\r\n\r\n".encode() + content


ANSWERS = {
    b"POST /v1/messages": _response(BODY),
    b"POST /v1/chat/completions": _response(CHAT_BODY),
}
NOT_FOUND = (
    b"HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
)


class Connection(asyncio.Protocol):
    """One connection; requests on it follow one another.

    Args:
        latency_s: Seconds until an answer.
    """

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer when a whole request is there."""
        self._data += data
        head, found, rest = self._data.partition(b"\r\n\r\n")
        if not found:
            return
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if len(rest) < length:
            return
        self._data = rest[length:]
        # A query, such as ?beta=true, makes no difference.
        called = b" ".join(head.split(b" ", 2)[:2]).partition(b"?")[0]
        answer = ANSWERS.get(called, NOT_FOUND)
        loop = asyncio.get_running_loop()
        loop.call_later(self._latency_s, self._write, answer)

    def _write(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def serve(latency_s: float) -> None:
    """Serve until the process is ended; the first line printed is the URL."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(latency_s), "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency-ms", type=float, default=50)
    asyncio.run(serve(parser.parse_args().latency_ms / 1000))
