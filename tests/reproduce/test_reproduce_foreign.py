"""Crafted runs and configs: nothing is written, nothing is executed, and it is said why."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from stored_runs import edit_config
from workbench import Workbench

CutOff = Callable[[], None]


def _set(*path: str, value: Any) -> Callable[[dict[str, Any]], object]:
    def change(config: dict[str, Any]) -> None:
        node = config
        for key in path[:-1]:
            node[key] = node.get(key) or {}
            node = node[key]
        node[path[-1]] = value

    return change


WRITES = {"_target_": "pathlib.Path.write_text", "self": "PWNED", "data": "x"}
CRAFTED = [
    pytest.param(
        _set("filter", "x", value={"_target_": "builtins.open", "file": "PWNED", "mode": "w"}),
        "filter.x._target_: got 'builtins.open'",
        id="builtins.open",
    ),
    pytest.param(
        _set("export", value=WRITES),
        "export._target_: got 'pathlib.Path.write_text'",
        id="pathlib.Path.write_text",
    ),
    pytest.param(
        _set("student", value={"_target_": "distill.build.importlib.import_module", "name": "x"}),
        "student._target_: got 'distill.build.importlib.import_module'",
        id="a module that ours imports",
    ),
    pytest.param(
        _set("judge", "via", "_target_", value="distill.x.pathlib.Path"),
        "judge.via._target_: got 'distill.x.pathlib.Path'",
        id="a path through our package",
    ),
    pytest.param(
        _set("select", value={"_target_": "distill.selectors.TopRows", "max_rows": [WRITES]}),
        "select.max_rows[0]._target_: got 'pathlib.Path.write_text'",
        id="in a list",
    ),
    pytest.param(
        _set("hydra", value={"callbacks": {"x": {"_target_": "pathlib.Path.touch"}}}),
        "hydra: no such key",
        id="a hydra.callbacks node",
    ),
    pytest.param(
        _set("filter", "x", value={"_target_": "${a}"}),
        "filter.x._target_: got '${a}'",
        id="an interpolated target",
    ),
    pytest.param(
        _set("task", "system", value="${oc.env:ANTHROPIC_API_KEY}"),
        "task.system: got '${oc.env:ANTHROPIC_API_KEY}', want a text without ${…}",
        id="oc.env",
    ),
    pytest.param(
        _set("task", "system", value="${evil:x}"),
        "task.system: got '${evil:x}'",
        id="an unknown resolver",
    ),
    pytest.param(
        _set("paths", "out", value="../../PWNED"),
        "paths.out: got '../../PWNED', want a path without '..' in it",
        id="a path that climbs",
    ),
    pytest.param(
        _set("ledger", "url", value="sqlite:///../PWNED.db"),
        "ledger.url: got 'sqlite:///../PWNED.db'",
        id="a ledger that climbs",
    ),
    pytest.param(
        _set("trust", value=["planted.Filter"]),
        "filter.x._target_: got 'planted.Filter'",
        id="a config that trusts itself",
    ),
    pytest.param(
        _set("teacher", "samples", value=10**9),
        "teacher.samples: got 1000000000, want at most 6",
        id="samples without end",
    ),
]


def plant(bench: Workbench, change: Callable[[dict[str, Any]], object]) -> None:
    """Make a run whose config is crafted, digests and all; a class lies ready to be imported."""
    bench.run_unjudged()
    (bench.folder / "planted.py").write_text("open('PWNED', 'w').close()\nclass Filter: ...\n")

    def crafted(config: dict[str, Any]) -> None:
        change(config)
        if "trust" in config:
            config["filter"]["x"] = {"_target_": "planted.Filter"}

    edit_config(bench.out, crafted)


@pytest.mark.parametrize(("change", "told"), CRAFTED)
@pytest.mark.parametrize("out", [(), ("--out", "rebuilt")], ids=["", "with --out"])
def test_a_crafted_run_writes_nothing_and_says_why(
    bench: Workbench,
    cut_off: CutOff,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[dict[str, Any]], object],
    told: str,
    out: tuple[str, ...],
) -> None:
    plant(bench, change)
    monkeypatch.syspath_prepend(bench.folder)
    cut_off()
    before = bench.files()

    ended = bench.main(["reproduce", "runs/one", *out])

    assert ended.status == 2
    assert told in ended.err
    assert "config.yaml: not a config that can be rebuilt from; nothing was written." in ended.err
    assert ended.out == ""
    assert not ended.has_traceback
    assert bench.files() == before
    assert not any("PWNED" in str(path) for path in bench.folder.parent.rglob("*"))
    assert "planted" not in sys.modules


@pytest.mark.parametrize(("change", "told"), CRAFTED[:-1])
def test_a_crafted_config_file_writes_nothing_and_says_why(
    bench: Workbench,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[dict[str, Any]], object],
    told: str,
) -> None:
    plant(bench, change)
    monkeypatch.syspath_prepend(bench.folder)
    (bench.out / "config.yaml").rename(bench.folder / "foreign.yaml")
    before = bench.files()

    ended = bench.main(["reproduce", "foreign.yaml"])

    assert ended.status == 2
    assert told in ended.err
    assert bench.files() == before
    assert not any("PWNED" in str(path) for path in bench.folder.parent.rglob("*"))


def test_a_crafted_refresh_asks_nobody_and_writes_nothing(bench: Workbench) -> None:
    plant(bench, _set("export", value=WRITES))
    bench.api.forget()
    before = bench.files()

    ended = bench.main(["reproduce", "runs/one", "--refresh"])

    assert ended.status == 2
    assert bench.api.count() == 0
    assert bench.files() == before


def test_endpoints_stores_and_paths_of_a_stored_config_are_never_used(
    bench: Workbench, cut_off: CutOff
) -> None:
    bench.run()

    def change(config: dict[str, Any]) -> None:
        config["teacher"]["base_url"] = "http://169.254.169.254/latest"
        config["teacher"]["api_key_env"] = "AWS_SECRET_ACCESS_KEY"
        config["judge"]["base_url"] = "http://enemy.example"
        config["judge"]["via"]["base_url"] = "http://enemy.example"
        config["tracking"] = {
            "_target_": "distill.tracking.MlflowTracking",
            "uri": f"sqlite:///{bench.folder}/enemy.db",
            "experiment": "x",
            "timeout_s": 1,
        }
        config["ledger"]["url"] = "postgresql://enemy.example/x"
        config["paths"]["out"] = str(bench.folder / "elsewhere")
        config["seeds"]["path"] = "hf://enemy/data/train"
        config["heldout"]["path"] = "/etc/passwd"

    edit_config(bench.out, change)
    cut_off()
    before = bench.files()

    ended = bench.main(["reproduce", "runs/one"])

    assert ended.status == 0, ended.out + ended.err
    assert bench.files() == before


def test_a_config_file_with_seeds_from_the_network_is_refused(
    bench: Workbench, cut_off: CutOff
) -> None:
    bench.run_unjudged()
    config = yaml.safe_load((bench.out / "config.yaml").read_text())
    config["seeds"]["path"] = "hf://owner/name/train"
    Path("foreign.yaml").write_text(yaml.safe_dump(config))
    Path("kept.jsonl").write_bytes(Path("seeds.jsonl").read_bytes())
    Path("kept.db").write_bytes(Path("ledger.db").read_bytes())
    cut_off()

    refused = bench.main(["reproduce", "foreign.yaml", "ledger.url=kept.db"])
    mended = bench.main(
        ["reproduce", "foreign.yaml", "ledger.url=kept.db", "seeds.path=kept.jsonl"]
    )

    assert refused.status == 2
    assert "seeds.path: got 'hf://owner/name/train', want a file" in refused.err
    assert mended.status == 0, mended.err


def test_a_path_that_climbs_is_no_hindrance_where_the_user_says_another(bench: Workbench) -> None:
    bench.run_unjudged()
    edit_config(bench.out, _set("ledger", "url", value="../shared/ledger.db"))

    refused = bench.main(["reproduce", "runs/one"])
    mended = bench.main(["reproduce", "runs/one", "ledger.url=ledger.db"])

    assert refused.status == 2
    assert "hint: say where yourself: ledger.url=…" in refused.err
    assert mended.status == 0, mended.err


def test_a_component_of_the_users_own_is_built_when_the_user_trusts_it(
    bench: Workbench, cut_off: CutOff, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.folder / "my_pkg.py").write_text(
        "import polars as pl\n"
        "from distill.component import component\n"
        "@component\n"
        "class Even:\n"
        "    def rejects(self, table):\n"
        "        return table['id'].str.contains('[02468]$')\n"
        "class Bare:\n"
        "    def rejects(self, table):\n"
        "        return table['id'].is_null()\n"
    )
    monkeypatch.syspath_prepend(bench.folder)
    run = bench.main(bench.words("judge=none", "filter=none", "+filter.even._target_=my_pkg.Even"))
    assert run.status == 0, run.err
    assert set(bench.reasons.values()) == {"filter/even"}
    cut_off()

    refused = bench.main(["reproduce", "runs/one"])
    trusted = bench.main(["reproduce", "runs/one", "trust=[my_pkg.Even]"])
    edit_config(bench.out, _set("filter", "even", "_target_", value="my_pkg.Bare"))
    bare = bench.main(["reproduce", "runs/one", "trust=my_pkg.Bare"])
    monkeypatch.delitem(sys.modules, "my_pkg")

    assert refused.status == 2
    assert "trust=[my_pkg.Even]" in refused.err
    assert trusted.status == 0, trusted.err
    assert bare.status == 2
    assert "a class made by @component" in bare.err


@pytest.mark.parametrize("name", ["builtins.open", "pathlib.Path.write_text", "distill.run.run"])
def test_trusting_what_is_no_component_does_not_run_it(
    bench: Workbench, cut_off: CutOff, name: str
) -> None:
    plant(bench, _set("filter", "x", value={"_target_": name, "file": "PWNED", "mode": "w"}))
    cut_off()
    before = bench.files()

    ended = bench.main(["reproduce", "runs/one", f"trust=[{name}]"])

    assert ended.status == 2
    assert f"filter.x._target_: got '{name}'" in ended.err
    assert bench.files() == before
