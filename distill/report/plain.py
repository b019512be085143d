"""What is printed on terminals whose encoding has no such letters as ours."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console

LETTERS = str.maketrans("━─●·…–→", "=-o-~->")


def print_plainly(render: Callable[[Console], None], console: Console) -> None:
    """Print what `render` prints, in letters that the console has.

    Args:
        render: Prints to the console that it is given.
        console: Where; no line is wider than it.
    """
    if console.encoding.lower().startswith("utf"):
        render(console)
        return
    with console.capture() as capture:
        render(console)
    text = capture.get().translate(LETTERS)
    console.file.write(text.encode(console.encoding, "replace").decode(console.encoding))
