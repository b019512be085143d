"""The command line: which command it is, and how its end is told.

Nothing heavy is imported here: `distill --help` answers at once, and each command brings what it
needs.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import TextIO

INTERRUPTED = 130
OTHERS_MAY_NOT_WRITE = 0o022
COMMANDS = {
    "init": "a starter project: own config, seeds, held-out examples and filter",
    "run": "the whole pipeline: real inputs in, dataset, student and verdict out",
    "estimate": "requests, tokens and dollars of a run, before anything is spent",
    "reproduce": "rebuild the dataset of a run with no model call, and prove that it is the same",
    "compare": "two runs: settings, rows, diversity and students, with what can be said",
    "calibrate": "judge against human labels: agreement, error rates, bias, a threshold to use",
    "drift": "ask the teacher its canary questions again: does it still answer the same?",
    "collapse": "students that learn from students: what your data comes to, and what saves it",
    "check": "read seeds, held-out or dataset files and list every fault with its line",
    "ledger": "what was paid for: figures, why a run would have to pay, export, import, vacuum",
    "serve": "a trained student behind the Messages API and the OpenAI chat API, on this machine",
    "sync": "bring a run's folder into the tracking store",
    "doctor": "keys, models, versions, stores: what works and how to mend what does not",
    "completion": "a script for bash, zsh or fish that completes commands, choices and keys",
}
HELP = """\
usage: distill COMMAND [ARG …]

Distil a large model's skill at one task into a small one, and prove what it was worth.

commands:
{commands}

Start with    distill run experiment=demo    which needs no key and no network.
Each command explains itself: distill COMMAND --help
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: Words after `distill`; `None` takes the process's own.

    Returns:
        0 done, 1 failed, 2 the user's to mend, 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        status = _main(words)
        sys.stdout.flush()
        if argv is None:
            # The process ends: to look all that it holds through once more takes a sixth of a run.
            gc.freeze()
    except BrokenPipeError:
        # The reader has gone (`| head`): what is left in the buffer must not raise once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        # Pressed while a command was still being brought in.
        _complain("interrupted.")
        return INTERRUPTED
    return status


def _main(words: list[str]) -> int:
    name = words[0] if words else "--help"
    if name in {"-h", "--help", "help"}:
        print_help(sys.stdout)
        return 0 if words else 2
    if name in {"-V", "--version"}:
        from distill import __version__

        sys.stdout.write(f"distill {__version__}\n")
        return 0
    if name not in COMMANDS:
        _complain(f"no such command: {name}.{_near(name)}")
        return 2
    # Whatever the shell allows: nobody else is to change what a run leaves, or the paid answers.
    os.umask(os.umask(OTHERS_MAY_NOT_WRITE) | OTHERS_MAY_NOT_WRITE)
    # What is imported stays: looking through it for garbage again and again costs a tenth of a run.
    # It comes to two hundred thousand objects.
    gc.set_threshold(250_000)
    warnings.showwarning = _show_warning
    warnings.simplefilter("ignore", DeprecationWarning)
    command: Callable[[list[str]], int] = importlib.import_module(f"distill.commands.{name}").run
    return _told(command, words[1:])


def print_help(stream: TextIO) -> None:
    """Write the list of commands."""
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {does}" for name, does in COMMANDS.items())
    stream.write(HELP.format(commands=lines))


def _told(command: Callable[[list[str]], int], words: list[str]) -> int:
    """Run `command`; what the user can mend ends in a sentence, our own faults in a traceback."""
    from distill.errors import DistillError

    try:
        return command(words)
    except DistillError as error:
        _complain(str(error))
        return error.exit_status
    except KeyboardInterrupt:
        _complain("interrupted; what was paid for is kept, run the same command again to go on.")
        return INTERRUPTED


def _complain(text: str) -> None:
    sys.stderr.write(f"distill: {text}\n")


def _near(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    return f"\n  hint: did you mean {near[0]}?" if near else "\n  hint: see distill --help"


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print our own warnings as one line, others with their kind."""
    del filename, lineno, file, line
    kind = "" if category.__module__.startswith("distill") else f" ({category.__name__})"
    sys.stderr.write(f"warning{kind}: {message}\n")
