"""Run the points of a sweep through Hydra's launcher: in turn, in parallel, or on a cluster.

Every point is composed, built and validated before the first one runs. A point that fails is told
and the others go on. A point that an earlier, interrupted sweep left whole in the same folder is
not run again.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distill.ablation import written_out
from distill.build import build
from distill.config import compose, forced, plain, register_resolvers
from distill.errors import ConfigError, DistillError, Fault
from distill.folder import MANIFEST, clear_dead_drafts
from distill.identity import config_sha256
from distill.ledger import Ledger, canonical_json
from distill.paths import conf_dir, write_text
from distill.plan import Plan
from distill.stages.read import read_heldout, read_seeds
from distill.sweep.choice import choose
from distill.sweep.points import Point, expand
from distill.sweep.results import FAILURE_FILE, collect
from distill.sweep.show import leave_files, print_table
from distill.tracking.owner import is_gone, owner

# How a point learns of its sweep: inherited by the processes that a launcher starts.
STATE = "DISTILL_SWEEP"
# How often a worker looks whether its sweep is still there, and how it ends where it is not.
LOOK_AGAIN_S = 0.5
ORPHANED = 1
# Hydra keeps its hands off: no logs, no folders of its own, no change of directory.
QUIET = (
    "hydra/job_logging=none",
    "hydra/hydra_logging=none",
    "hydra.output_subdir=null",
    "hydra.sweep.subdir=.",
)
HYDRA_FILE = "multirun.yaml"
# Where submitit keeps its jobs, pickled, beside their logs.
SUBMITIT_FOLDER = ".submitit"


def sweep(overrides: Sequence[str], *, config_dir: Path | None) -> int:
    """Run every combination of the swept values.

    Args:
        overrides: As the user typed them.
        config_dir: The user's own config folder, or `None`.

    Returns:
        0 where every point ran, 1 where one failed.

    Raises:
        ConfigError: faults of any point or of the launcher, before any point runs.
    """
    from rich.console import Console

    overrides = written_out(overrides, config_dir=config_dir)
    points = expand([word for word in overrides if not word.startswith("hydra")])
    plans = validated(points, config_dir)
    launcher = [word for word in overrides if word.startswith("hydra")]
    compose([*points[0].overrides, *launcher], config_dir=config_dir)
    first = plans[0]
    with Ledger(first.ledger.url, synchronous=first.ledger.synchronous):
        pass  # made here once, so that points that start together find it
    parent = first.tracking.open_sweep(
        identity=canonical_json([config_sha256(plan.config) for plan in plans]), out=first.out
    )
    folders = [point.folder(parent.out) for point in points]
    os.environ[STATE] = json.dumps(
        {
            "parent": parent.run_id,
            "owner": owner(),
            "names": [point.name for point in points],
            "folders": [str(folder) for folder in folders],
        }
    )
    try:
        _launch(overrides, config_dir, parent.out)
    except (KeyboardInterrupt, SystemExit):  # the latter is how Hydra tells a launcher's fault
        parent.kill()
        raise
    finally:
        del os.environ[STATE]
    results = [collect(point, folder) for point, folder in zip(points, folders, strict=True)]
    choice = choose(results)
    leave_files(results, choice, parent.out, run_id=parent.run_id)
    parent.finish()
    print_table(results, choice, parent.out, Console(), page=parent.page)
    failed = any(result.status == "failed" for result in results)
    return 1 if failed else 0


def run_point(composed: Any) -> None:
    """Run one point; called by Hydra's launcher, perhaps in another process.

    Args:
        composed: The point's config as Hydra composed it.
    """
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf
    from rich.console import Console

    from distill.run import run

    register_resolvers()
    state, settings = json.loads(os.environ[STATE]), HydraConfig.get()
    number = int(settings.job.num)
    name, out = state["names"][number], Path(state["folders"][number])
    choices = OmegaConf.to_container(settings.runtime.choices)
    config = plain(composed, choices, list(settings.overrides.task))
    config["paths"]["out"] = str(out)
    _end_with(state["owner"])
    started = time.monotonic()
    try:
        plan = build(config)
        if _is_done(out, plan):
            clear_dead_drafts(out)  # of a point that was killed just after it was published
            return
        sys.stderr.write(f"point {number}: {name}\n")
        run(plan, Console(stderr=True), parent=state["parent"], name=name)
    except Exception as error:
        text = str(error) if isinstance(error, DistillError) else traceback.format_exc()
        sys.stderr.write(f"point {number} failed: {text}\n")
        out.mkdir(parents=True, exist_ok=True)
        failure = {"error": text, "seconds": round(time.monotonic() - started, 3)}
        write_text(out / FAILURE_FILE, json.dumps(failure) + "\n")
    else:
        (out / FAILURE_FILE).unlink(missing_ok=True)


def validated(points: Sequence[Point], config_dir: Path | None) -> list[Plan]:
    """Build every point; a fault is told once, with the points that have it."""
    plans, faults = [], dict[Fault, None]()
    for point in points:
        try:
            plans.append(build(compose(point.overrides, config_dir=config_dir)))
        except ConfigError as error:
            faults.update(dict.fromkeys(error.faults))
    if faults:
        raise ConfigError(list(faults))
    return plans


def _launch(overrides: Sequence[str], config_dir: Path | None, out: Path) -> None:
    import hydra

    folders = [conf_dir(), *([config_dir.absolute()] if config_dir else [])]
    own = [f"--config-dir={config_dir.absolute()}"] if config_dir else []
    words = [forced(word, folders) for word in listed(overrides)]
    argv, sys.argv = sys.argv, ["distill", *own, "-m", *QUIET, f"hydra.sweep.dir='{out}'", *words]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="config")(
            run_point
        )()
    finally:
        sys.argv = argv
        # They repeat the overrides, and one of them may hold a password.
        for file in (out / HYDRA_FILE, *(out / SUBMITIT_FOLDER).rglob("*.pkl")):
            file.unlink(missing_ok=True)


def listed(overrides: Sequence[str]) -> list[str]:
    """Return the overrides with every sweep written out, values rounded, in the points' order."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    from distill.sweep.points import rounded

    words = []
    for word, parsed in zip(
        overrides, OverridesParser.create().parse_overrides(list(overrides)), strict=True
    ):
        if parsed.is_sweep_override():
            values = [rounded(value) for value in parsed.sweep_string_iterator()]
            words.append(f"{parsed.get_key_element()}={','.join(values)}")
        else:
            words.append(word)
    return words


def _is_done(out: Path, plan: Plan) -> bool:
    """Say whether `out` holds a whole run of the very same config on the very same inputs."""
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if manifest.get("config_sha256") != config_sha256(plan.config):
        return False
    _, seeds = read_seeds(plan.seeds, seed=plan.seed)
    heldout = read_heldout(plan.heldout)
    now = {"seeds": seeds.sha256} | ({} if heldout is None else {"heldout": heldout.sha256})
    return now == {name: about.get("sha256") for name, about in manifest["inputs"].items()}


def _end_with(sweep: str) -> None:
    """End this process soon after the sweep's own has ended.

    A launcher's worker outlives a sweep that is killed, and would go on paying and writing where
    the same command, given again, does too.
    """
    if sweep == owner() or any(thread.name == STATE for thread in threading.enumerate()):
        return

    def watch() -> None:
        while not is_gone(sweep):
            time.sleep(LOOK_AGAIN_S)
        os._exit(ORPHANED)

    threading.Thread(target=watch, name=STATE, daemon=True).start()
