"""`distill completion SHELL`: a script that completes commands, groups, choices and keys."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from distill.cli import COMMANDS
from distill.paths import conf_dir

SHELLS = ("bash", "zsh", "fish")
# Bash breaks a word at "=", so what is offered after one must not repeat what stands before it.
BASH = """\
# distill completion bash: put it where bash reads it, such as
#   distill completion bash > ~/.local/share/bash-completion/completions/distill
_distill() {{
    local line="${{COMP_LINE:0:COMP_POINT}}" word
    word="${{line##*[[:space:]]}}"
    COMPREPLY=()
    if [[ "${{line%"$word"}}" =~ ^[[:space:]]*[^[:space:]]+[[:space:]]+$ ]]; then
        COMPREPLY=($(compgen -W "{commands}" -- "$word"))
        return
    fi
    COMPREPLY=($(compgen -W "{words}" -- "$word"))
    [[ ${{#COMPREPLY[@]}} -eq 0 ]] && COMPREPLY=($(compgen -f -P "${{word%"${{word##*=}}"}}" -- "${{word##*=}}"))
    [[ ${{#COMPREPLY[@]}} -eq 1 && "${{COMPREPLY[0]}}" == *= ]] && compopt -o nospace 2>/dev/null
    [[ -n "${{BASH_VERSION:-}}" && "$word" == *=* ]] && COMPREPLY=("${{COMPREPLY[@]#"${{word%"${{word##*=}}"}}"}}")
    return 0
}}
complete -F _distill distill
"""  # noqa: E501
ZSH = """\
# distill completion zsh: in ~/.zshrc
#   source <(distill completion zsh)
autoload -U +X bashcompinit && bashcompinit
"""


def run(argv: Sequence[str]) -> int:
    """Print the script of a shell.

    Args:
        argv: Arguments after `completion`.

    Returns:
        0.

    Raises:
        SystemExit: the arguments cannot be read (2), or help was asked for (0).
    """
    parser = argparse.ArgumentParser(
        prog="distill completion",
        description="Print a script that completes commands, groups, choices and keys.",
        epilog="bash and zsh: source <(distill completion bash)   "
        "fish: distill completion fish | source",
    )
    parser.add_argument("shell", choices=SHELLS)
    shell = parser.parse_args(argv).shell
    words = sorted({*choices(conf_dir()), *keys(conf_dir())})
    if shell == "fish":
        sys.stdout.writelines(_fish(words))
        return 0
    script = BASH.format(commands=" ".join(COMMANDS), words=" ".join(words))
    sys.stdout.write(ZSH + script if shell == "zsh" else script)
    return 0


def choices(conf: Path) -> Iterator[str]:
    """Yield `group=choice` for every choice of a config folder."""
    for folder in conf.iterdir():
        for file in folder.glob("*.yaml"):
            yield f"{folder.name}={file.stem}"


def keys(conf: Path) -> Iterator[str]:
    """Yield `key=` for every key that a config file sets, with the groups it stands in."""
    import yaml

    for file in [conf / "config.yaml", *conf.glob("*/*.yaml")]:
        text = file.read_text(encoding="utf-8")
        own = file.parent == conf or text.startswith("# @package _global_")
        values = yaml.safe_load(text) or {}
        yield from _leaves(values, "" if own else f"{file.parent.name}.")


def _leaves(values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in values.items():
        if key in {"defaults", "_target_"}:
            continue
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}="


def _fish(words: Sequence[str]) -> Iterator[str]:
    yield "# distill completion fish: distill completion fish | source\n"
    first = f"not __fish_seen_subcommand_from {' '.join(COMMANDS)}"
    for name, does in COMMANDS.items():
        yield f'complete -c distill -f -n "{first}" -a {name} -d "{does}"\n'
    then = f"__fish_seen_subcommand_from {' '.join(COMMANDS)}"
    yield f'complete -c distill -n "{then}" -a "{" ".join(words)}"\n'
