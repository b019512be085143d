"""A real MLflow server: what a person sees of a sweep, and a server that is away in the middle.

The pages are looked at in a headless Chromium where one is installed. `DISTILL_SCREENSHOTS=DIR`
leaves pictures of them there.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from fake_api import FakeApi, Hang, serving
from workbench import REPOSITORY

from distill.tracking.store import connected

if TYPE_CHECKING:
    from playwright.sync_api import Page

UP_S = 120
# Its jobs run judges of MLflow's own, which nobody here asks for, in eight further processes.
SERVING = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
LABELS = {"sport": "team match goal cup", "politics": "law vote party bill"}
TEXTS = [
    (f"{number} words on the {words.split()[number % 4]} and the {words.split()[(number + 1) % 4]}",
     label)
    for number in range(40)
    for label, words in LABELS.items()
]  # fmt: skip
THRESHOLDS = ("0.5", "0.7", "0.9")


def right_but_unsure(prompt: str, body: Mapping[str, Any], attempt: int) -> str:
    """Name the right label, and now and then the other one in one of several samples."""
    del body
    right = "sport" if any(word in prompt for word in LABELS["sport"].split()) else "politics"
    other = "politics" if right == "sport" else "sport"
    number = next(int(word) for word in prompt.split() if word.isdigit())
    return json.dumps({"label": other if attempt < number % 4 else right})


class Place:
    """A folder with the inputs of a sweep, and commands in processes of their own.

    Args:
        folder: The working directory.
        api: The teacher.
    """

    def __init__(self, folder: Path, api: FakeApi) -> None:
        self.folder, self.api = folder, api
        rows = [{"question": text, "label": label} for text, label in TEXTS]
        heldout = [{"question": f"again {t}", "reference_answer": label} for t, label in TEXTS]
        self._write("seeds.jsonl", rows)
        self._write("heldout.jsonl", heldout)

    def _write(self, name: str, rows: list[dict[str, str]]) -> None:
        lines = (json.dumps(row) + "\n" for row in rows)
        (self.folder / name).write_text("".join(lines), encoding="utf-8")

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `distill`."""
        return subprocess.Popen(
            [sys.executable, "-m", "distill", *words],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY), "ANTHROPIC_API_KEY": "none"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def words(self, uri: str, *more: str) -> list[str]:
        """Return the command line of a sweep over thresholds with a student and a verdict."""
        return [
            "run",
            "-m",
            "task=classify",
            "task.labels=[sport,politics]",
            "student=classifier",
            "seeds.path=seeds.jsonl",
            "seeds.real_labels=8",
            "heldout.path=heldout.jsonl",
            "guard.contamination.mode=off",
            "teacher.samples=4",
            "evaluate.teacher=false",
            f"teacher.base_url={self.api.url}",
            "tracking.experiment=topics",
            f"tracking.uri={uri}",
            "tracking.timeout_s=5",
            "ledger.url=ledger.db",
            "paths.out=sweep",
            *more,
        ]

    def run(self, *words: str) -> str:
        """Run `distill` to its end; return what it printed."""
        with self.start(*words) as process:
            told, _ = process.communicate(timeout=240)
        assert process.returncode == 0, told
        return told


@contextmanager
def mlflow_server(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Serve the store of a folder while the block runs."""
    store = f"sqlite:///{folder / 'store' / 'mlflow.db'}"
    with connected(store, timeout_s=UP_S, retries=0):
        pass  # it is made faster than a server makes it
    words = ["--backend-store-uri", store, "--host", "127.0.0.1", "--port", str(port)]
    words += ["--workers", "1", "--artifacts-destination", str(folder / "store" / "artifacts")]
    with subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *words],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # The server and all that it starts end together.
        start_new_session=True,
        env=os.environ | SERVING,
    ) as process:
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", process)
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server and everything that it started."""
    if process.poll() is None:
        os.killpg(process.pid, 15)
    process.wait(timeout=60)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    ends_at = time.monotonic() + UP_S
    while True:
        assert process.poll() is None, "the server ended"
        assert time.monotonic() < ends_at, "the server did not come up"
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.2)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def runs_of(uri: str) -> tuple[list[Any], list[Any]]:
    """Return the parents and the children of the experiment."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("topics")
    assert experiment is not None
    runs = list(client.search_runs([experiment.experiment_id]))
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    return parents, [run for run in runs if "mlflow.parentRunId" in run.data.tags]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, str, str]]:
    """Yield the place of a sweep, the server's URL, and what the sweep printed."""
    folder = tmp_path_factory.mktemp("served")
    with serving() as api:
        api.teacher = right_but_unsure
        place, port = Place(folder, api), free_port()
        with mlflow_server(folder, port):
            url = f"http://127.0.0.1:{port}"
            told = place.run(*place.words(url, f"judge.threshold={','.join(THRESHOLDS)}"))
            yield place, url, told


@pytest.fixture(scope="module")
def page(swept: tuple[Place, str, str]) -> Iterator[Page]:
    """Yield a page of a headless browser at the server; skip where there is no browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium is installed to look at MLflow's pages with")
    from playwright.sync_api import TimeoutError as NotThere
    from playwright.sync_api import sync_playwright

    flags = (
        "--no-sandbox --disable-gpu --disable-quic --no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync"
    )
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=flags.split())
        made = browser.new_page(viewport={"width": 1500, "height": 800})
        made.set_default_timeout(60_000)
        made.goto(swept[1])
        with suppress(NotThere):  # it covers a third of the page, and is MLflow's own
            made.get_by_role("button", name="Close").click(timeout=15_000)
        yield made
        browser.close()


def shot(page: Page, name: str) -> None:
    """Leave a picture of the page where pictures are asked for."""
    folder = os.environ.get("DISTILL_SCREENSHOTS")
    if folder:
        page.wait_for_timeout(1500)
        page.screenshot(path=Path(folder) / f"mlflow-{name}.png")


def test_the_address_that_a_sweep_prints_shows_its_points_with_their_figures(
    swept: tuple[Place, str, str], page: Page
) -> None:
    _, url, told = swept
    address = next(line for line in told.splitlines() if line.startswith("MLflow: "))[8:]
    assert address.startswith(url)
    page.goto(address)

    for threshold in THRESHOLDS:
        page.get_by_text(f"judge.threshold={threshold}", exact=True).first.wait_for()
    for column in ("judge.threshold", "eval/accuracy", "funnel/selected", "distill.verdict"):
        page.get_by_text(column, exact=True).first.wait_for()
    page.get_by_text("3 matching runs").first.wait_for()
    shot(page, "runs")


def test_a_point_shows_its_verdict_its_data_sets_and_its_model(
    swept: tuple[Place, str, str], page: Page
) -> None:
    _, url, _ = swept
    _, children = runs_of(url)
    run = next(run for run in children if run.info.run_name == "judge.threshold=0.7")
    page.goto(f"{url}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}")

    page.get_by_role("heading", name="judge.threshold=0.7").wait_for()
    page.get_by_text("Distillation", exact=False).first.wait_for()
    page.get_by_text("seeds (", exact=False).first.wait_for()
    page.get_by_text("distill.dataset.sha256", exact=False).first.wait_for(state="attached")
    shot(page, "point")
    page.get_by_text("seeds (", exact=False).first.click()
    page.get_by_text("dataset (", exact=False).first.wait_for()
    shot(page, "data")


def test_the_report_of_a_point_is_rendered(swept: tuple[Place, str, str], page: Page) -> None:
    _, url, _ = swept
    _, children = runs_of(url)
    run = children[0]
    page.goto(f"{url}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}/artifacts")
    page.get_by_text("report.html", exact=True).first.click()

    report = page.frame_locator("iframe").first
    report.get_by_text("Verdict", exact=False).first.wait_for()
    shot(page, "report")


def test_the_sweep_says_which_point_is_supported_and_why(
    swept: tuple[Place, str, str], page: Page
) -> None:
    _, url, _ = swept
    parents, _ = runs_of(url)
    parent = parents[0].info
    page.goto(f"{url}/#/experiments/{parent.experiment_id}/runs/{parent.run_id}")

    note = page.get_by_text("standard error", exact=False).first
    note.wait_for()
    note.scroll_into_view_if_needed()
    shot(page, "sweep")


def test_the_points_are_compared_by_what_was_swept(
    swept: tuple[Place, str, str], page: Page
) -> None:
    _, url, _ = swept
    _, children = runs_of(url)
    ids = json.dumps([run.info.run_id for run in children])
    experiments = json.dumps([children[0].info.experiment_id])
    page.goto(f"{url}/#/compare-runs?runs={ids}&experiments={experiments}")

    page.get_by_text("Parallel Coordinates Plot").first.wait_for()
    plot = page.locator("svg.main-svg").first
    plot.wait_for()
    for name in ("judge.threshold", "eval/accuracy"):
        page.locator(".axis-title", has_text=name).first.wait_for()
    assert page.locator(".axis-title", has_text="paths.out").count() == 0
    shot(page, "compare")


def test_a_server_that_goes_away_costs_a_sweep_nothing(tmp_path: Path) -> None:
    with serving() as api:
        place, port = Place(tmp_path, api), free_port()
        uri = f"http://127.0.0.1:{port}"
        words = place.words(uri, "teacher.max_tokens=101,102,103", "teacher.concurrency=4")
        api.teacher = lambda prompt, body, attempt: (
            Hang(right_but_unsure(prompt, body, attempt))
            if body["max_tokens"] == 102
            else right_but_unsure(prompt, body, attempt)
        )
        asked = 4 * (len(TEXTS) - 8)
        with mlflow_server(tmp_path, port) as server, place.start(*words) as sweep:
            # The first point is through, the second has begun: now the server goes.
            api.wait_for("teacher", asked + 1, unless=sweep.poll)
            stop(server)
            api.released.set()
            told, _ = sweep.communicate(timeout=240)
        assert sweep.returncode == 0, told
        assert "distill sync" in told
        points = sorted(path for path in (tmp_path / "sweep").iterdir() if path.is_dir())
        assert all((point / "manifest.json").is_file() for point in points)
        assert len(points) == 3

        with mlflow_server(tmp_path, port):
            for _ in range(2):
                place.run("sync", "sweep")
            parents, children = runs_of(uri)
            from mlflow import MlflowClient

            history = [
                MlflowClient(uri).get_metric_history(run.info.run_id, "funnel/selected")
                for run in children
            ]
        assert (len(parents), len(children)) == (1, 3)
        assert {run.info.status for run in [*parents, *children]} == {"FINISHED"}
        assert [len(one) for one in history] == [1, 1, 1]
        assert api.count("teacher") == 3 * asked
