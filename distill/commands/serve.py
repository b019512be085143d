"""`distill serve`: a trained student behind the Messages API and OpenAI's chat API."""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from distill.cli import INTERRUPTED
from distill.errors import ModelError, UserError

if TYPE_CHECKING:
    from distill.models.llama.process import LlamaProcess
    from distill.serve import Ready

PORT = 8013
MAX_PORT = 65535
EPILOG = """\
RUN is
  a folder                  of a run, or of a student itself
  an id, its beginning, a name, or latest: below outputs/

A language model is written to student/model.gguf the first time (pip install 'distill[train]')
and served by llama.cpp (pip install 'distill[local]'). A classifier answers with its label.
The server listens on 127.0.0.1 alone and asks for no key; Ctrl-C ends it.

exit status: 130 ended with Ctrl-C, 1 the server failed, 2 yours to mend
"""


def run(argv: list[str]) -> int:
    """Serve a student until Ctrl-C.

    Returns:
        130, for there is no other end that is none of its own failures.

    Raises:
        DistillError: there is no such student, or the server does not start or ends by itself.
    """
    words = _parser().parse_args(argv)
    _check(words)
    from distill.models.llama.process import LlamaProcess
    from distill.serve import find_student, make_ready

    try:
        folder = find_student(words.run)
        ready = make_ready(folder)
        if ready.note is not None:
            sys.stderr.write(f"note: {ready.note}\n")
        context = min(words.context_tokens, ready.context_tokens or words.context_tokens)
        with LlamaProcess(
            model=words.name or ready.model,
            workers=words.workers,
            slots=words.slots,
            context_tokens=context,
            served=ready.served,
            port=words.port,
        ) as server:
            _announce(words.name or ready.model, folder, ready, server)
            status = server.wait()
    except KeyboardInterrupt:
        sys.stderr.write("\ndistill: stopped.\n")
        return INTERRUPTED
    raise ModelError(f"serve: the server ended by itself (status {status}).")


def _announce(model: str, folder: Path, ready: Ready, server: LlamaProcess) -> None:
    url = server.base_url
    sys.stdout.write(
        f"{model}: {ready.served.display_name}, from {folder}\n"
        f"  Messages API   {url}\n"
        f"  OpenAI's API   {url}/v1\n"
        f"  evaluate it    distill run … student=endpoint teacher@student.via=local "
        f"student.model={model} student.base_url={url}\n"
        f"  as a teacher   distill run … teacher=local teacher.model={model} "
        f"teacher.base_url={url}\n"
        "Ctrl-C ends it.\n"
    )
    sys.stdout.flush()


def _check(words: argparse.Namespace) -> None:
    """See that the numbers make sense and the port is free.

    Raises:
        UserError: one does not.
    """
    for name, least, most in (("port", 0, MAX_PORT), ("workers", 1, 64), ("slots", 1, 64)):
        value = getattr(words, name)
        if not least <= value <= most:
            raise UserError(f"--{name}: got {value}, want a whole number from {least} to {most}.")
    if words.name is not None and not words.name.strip():
        raise UserError("--name: got nothing, want an id.")
    from distill.models.llama.backend import HOST, MAX_CONTEXT_TOKENS

    if not 16 <= words.context_tokens <= MAX_CONTEXT_TOKENS:
        raise UserError(
            f"--context-tokens: got {words.context_tokens}, want a whole number from 16 to "
            f"{MAX_CONTEXT_TOKENS}."
        )
    try:
        socket.create_server((HOST, words.port)).close()
    except OSError as error:
        raise UserError(
            f"--port: got {words.port}, want a free port ({error.strerror}).",
            hint="--port 0 takes any that is free",
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="distill serve",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Serve the student of a run on this machine, over the Messages API and "
        "OpenAI's chat API.",
        epilog=EPILOG,
    )
    parser.add_argument("run", metavar="RUN", help="the run, or the student's folder")
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help=f"default {PORT}")
    parser.add_argument("--name", metavar="ID", help="id it is served as; default from its weights")
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="servers of one thread each; default 1"
    )
    parser.add_argument(
        "--slots", type=int, default=2, metavar="N", help="prompts kept warm by each; default 2"
    )
    parser.add_argument(
        "--context-tokens",
        type=int,
        default=2048,
        metavar="N",
        help="longest prompt and reply together; default 2048",
    )
    return parser
