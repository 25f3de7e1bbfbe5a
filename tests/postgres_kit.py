"""A real PostgreSQL for tests: a server of our own on the loopback, as a user who is not root, gone with the tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

USERS = ("postgres", "nobody")
"""PostgreSQL refuses to run as root: then the first of these that exists runs it."""

PASSWORD = "pass-word-7391"
PATIENCE_SECONDS = 60.0


class MissingServer(Exception):
    """Why there is no PostgreSQL here."""


def _binary(name: str) -> str:
    """Return where a program of PostgreSQL's lies; raises `MissingServer`."""
    places = [Path(found) for found in [shutil.which(name)] if found]
    places += sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    if not places:
        raise MissingServer(f"{name} is not installed")
    return str(places[0].resolve())


def _as_somebody() -> list[str]:
    """Return what begins a command that must not run as root."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        raise MissingServer("PostgreSQL does not run as root, and setpriv is not installed")
    for user in USERS:
        with contextlib.suppress(KeyError):
            import pwd

            found = pwd.getpwnam(user)
            return ["setpriv", f"--reuid={found.pw_uid}", f"--regid={found.pw_gid}", "--clear-groups", "--"]
    raise MissingServer("PostgreSQL does not run as root, and there is no other user")


class Server:
    """One server, its data in a folder. It trusts the loopback, except the user "strict", who has a password."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.somebody = folder, _as_somebody()
        self.postgres = _binary("postgres")
        self.process: subprocess.Popen[bytes] | None = None
        self.databases, self.word = 0, ""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        data, initdb = folder / "data", _binary("initdb")
        if self.somebody:
            uid, gid = (int(word.partition("=")[2]) for word in self.somebody[1:3])
            os.chown(folder, uid, gid)
        self.data = data
        words = ["-D", str(data), "-U", "whale", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-A", "trust"]
        done = subprocess.run(
            [*self.somebody, initdb, *words],
            capture_output=True,
            text=True,
            cwd=folder,
            env={"PATH": os.environ["PATH"]},
        )
        if done.returncode:
            raise MissingServer(f"initdb fails: {done.stderr.strip()[-300:]}")
        (data / "pg_hba.conf").write_text(
            "host all strict 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\nlocal all all trust\n"
        )

    def url(self, database: str = "postgres", user: str = "whale") -> str:
        """Return the URL of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = {"listen_addresses": "127.0.0.1", "port": str(self.port), "fsync": "off", "shared_buffers": "16MB",
                    "unix_socket_directories": str(self.folder), "max_connections": "40"}  # fmt: skip
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.somebody, self.postgres, "-D", str(self.data), *options],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder, start_new_session=True,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self.execute("SELECT 1")
                return
            except Exception as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    log_text = (self.folder / "server.log").read_text(errors="replace")
                    raise MissingServer(f"it does not start: {log_text[-500:]}") from error
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT hangs up on everybody, SIGQUIT is a crash."""
        if self.process is not None:
            self.halt(signal.SIGCONT)
            self.process.send_signal(how)
            self.process.wait(PATIENCE_SECONDS)
            self.process = None

    def halt(self, how: signal.Signals = signal.SIGSTOP) -> None:
        """Signal all its processes at once, as SIGSTOP makes them silent and SIGCONT lets them go on."""
        assert self.process is not None
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = (folder / "stat").read_text().rpartition(") ")[2].split()
                if self.process.pid in (int(folder.name), int(fields[1])):
                    os.kill(int(folder.name), how)

    def new_database(self, workspace: Path) -> str:
        """Return the URL of a new database with whaletui's schema, as if that workspace had made it."""
        if not self.word:
            self.execute("CREATE DATABASE made")
            self.word = _make(self.url("made"))
            self.execute("CHECKPOINT")  # else a crash, which a test brings about, would let its ids skip some numbers
        self.databases += 1
        name = f"lab{self.databases}"
        # copied file by file: a copy by way of the log lets its ids go back to the template's when the server crashes
        ((version,),) = self.execute("SELECT current_setting('server_version_num')")
        how = "STRATEGY file_copy" if int(str(version)) >= 150_000 else ""
        self.execute(f"CREATE DATABASE {name} TEMPLATE made {how}")
        workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
        (workspace / "experiments.owner").write_text(self.word)
        return self.url(name)

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement outside of any transaction and return its rows."""
        import psycopg

        url = self.url(database)
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            done = connection.execute(sql.encode())
            return done.fetchall() if done.description else []


def _make(url: str) -> str:
    """Let whaletui make its tables once, to be copied; returns the word by which they know their workspace."""
    from whaletui.records.records import Records
    from whaletui.records.store import URL_VARIABLE
    from whaletui.workspace import Workspace

    with tempfile.TemporaryDirectory() as lab, pytest.MonkeyPatch.context() as patch:
        patch.setenv(URL_VARIABLE, url)
        Records.open(Workspace(lab))
        return (Path(lab) / "experiments.owner").read_text()


def run_server(folder: Path) -> Iterator[Server]:
    """Yield a server that runs; raises `MissingServer` where there is none to run."""
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise MissingServer("psycopg is not installed") from error
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop(signal.SIGQUIT)
