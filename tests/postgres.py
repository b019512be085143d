"""A private PostgreSQL server for tests, where the machine has the programs of one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote

import pytest
from replayed import free_port

USER = "ledger_user"
# Signs that a URL must escape, so that nothing that cuts a URL apart goes unnoticed.
PASSWORD = "s3cr3t@pl:nted/h1dden"
SERVER_USER = "nobody"
WAIT_S = 60


def programs() -> Path | None:
    """Return the folder of the newest server's programs, `None` where there is none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    found.sort(key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("initdb")
    return found[-1] if found else Path(on_path).resolve().parent if on_path else None


@dataclass
class Server:
    """A server of our own, which can be stopped and started again."""

    programs: Path
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    databases: int = 0
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "log"

    def url(self, database: str, *, password: str = PASSWORD, query: str = "") -> str:
        """Return the URL of a database."""
        secret = quote(password, safe="")
        return f"postgresql://{USER}:{secret}@127.0.0.1:{self.port}/{database}{query}"

    def new_database(self) -> str:
        """Make an empty database and return its URL."""
        self.databases += 1
        name = f"d{self.databases}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Execute one statement as the owner of everything."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def connect(self, database: str = "postgres") -> Any:
        """Return a connection of its own."""
        import psycopg

        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=USER,
            password=PASSWORD,
            dbname=database,
            autocommit=True,
        )

    def start(self) -> None:
        """Start the server and return when it answers."""
        options = (
            f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off "
            "-c shared_buffers=16MB -c max_connections=60"
        )
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data", *options.split()],
                stdout=log,
                stderr=log,
                **_as_server(),
            )
        ends_at = monotonic() + WAIT_S
        ready = [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode != 0:
            alive = self.process.poll() is None and monotonic() < ends_at
            assert alive, self.log.read_text(errors="replace")
            threading.Event().wait(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server; SIGINT throws everybody out, SIGQUIT is a crash."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(WAIT_S)
            self.process = None


def _as_server() -> dict[str, Any]:
    """Return how a program of the server is started: it refuses to work for root."""
    return {"user": SERVER_USER, "group": "nogroup", "cwd": "/"} if os.geteuid() == 0 else {}


@contextmanager
def postgres_server() -> Iterator[Server]:
    """Run a server while the block runs; skip the test where there is none to run."""
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="psycopg is not installed (the extra postgres)")
    folder = Path(tempfile.mkdtemp(prefix="distill-pg-"))
    server = Server(found, folder, free_port())
    try:
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (folder, secret):
                shutil.chown(path, SERVER_USER, "nogroup")
        subprocess.run(
            [
                *(found / "initdb", "-D", folder / "data", "-U", USER, "--no-sync", "-E", "UTF8"),
                *("--auth=scram-sha-256", f"--pwfile={secret}", "--locale=C"),
            ],
            check=True,
            capture_output=True,
            **_as_server(),
        )
        server.start()
        yield server
    finally:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(folder)
