"""The machine itself: memory that runs out, a start of the machine, an SSH connection that breaks."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jobs_kit import Lab, wait_until
from restarts import after_restart, before_restart
from terminal import on_terminal

from whaletui.jobs import locks, processes
from whaletui.jobs.keeper import ensure_keeper
from whaletui.jobs.local import ENGINE_VARIABLE
from whaletui.jobs.traces import exit_of
from whaletui.records.model import State

LIMIT_BYTES = 96 << 20
TRUTH_SECONDS = 2.0
CGROUPS = Path("/sys/fs/cgroup")


@pytest.fixture
def small_memory() -> Iterator[Path]:
    """Return a control group whose processes get little memory; write a pid into its `cgroup.procs`."""
    first = CGROUPS / "memory" if (CGROUPS / "memory").is_dir() else CGROUPS
    group = first / f"whaletui-test-{os.getpid()}"
    limit = "memory.max" if first == CGROUPS else "memory.limit_in_bytes"
    try:
        if first == CGROUPS:
            (first / "cgroup.subtree_control").write_text("+memory")
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        try:
            (group / limit).write_text(str(LIMIT_BYTES))
        except OSError as error:
            pytest.skip(f"no control group can be given a limit here: {error}")
        yield group
    finally:
        wait_until(lambda: not (group / "cgroup.procs").read_text(), "the group is empty")
        group.rmdir()


def test_an_engine_killed_for_memory_by_the_kernel_says_so(lab: Lab, small_memory: Path) -> None:
    run = lab.add("hungry")
    ensure_keeper(lab.workspace)
    _, engine = lab.await_engine(run)
    (small_memory / "cgroup.procs").write_text(str(engine.pid))
    lab.let_go(run)
    ended = lab.await_state(run, State.FAILED)
    left = exit_of(lab.attempt(run))
    assert left is not None
    assert left.signal == signal.SIGKILL
    assert left.oom_kills >= 1
    assert "ran out of memory" in ended.reason
    assert ended.attempt == 1  # with as little memory it would die again: it is not tried again by itself


def test_the_app_tells_a_restart_of_the_machine(lab: Lab, tmp_path: Path) -> None:
    run = before_restart(lab)
    command = after_restart(tmp_path, f"{sys.executable} -m whaletui")
    keeper = locks.take(lab.workspace.keeper_lock)  # none is to start it again before it was looked at
    assert keeper is not None
    try:
        with on_terminal([], lab.workspace.root, size=(160, 40), command=command) as terminal:
            try:
                terminal.read_until(lambda sent: b"\x1b[?1049h" in sent, "the app")
            except AssertionError as error:
                pytest.skip(f"no namespace can be made here: {error}")
            began = time.monotonic()
            terminal.read_until(lambda sent: b"restarted" in sent, "that the machine was restarted")
            took = time.monotonic() - began
    finally:
        os.close(keeper)
    assert lab.run(run).state is State.QUEUED
    assert took < TRUTH_SECONDS * 5  # on a machine that does other things, too


class Sshd:
    """A real SSH server on the loopback, with keys of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        found = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
        if not found or not shutil.which("ssh") or not shutil.which("ssh-keygen"):
            pytest.skip("sshd, ssh or ssh-keygen is not installed")
        folder.mkdir(mode=0o700)
        for name in ("host", "mine"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
        shutil.copy(folder / "mine.pub", folder / "authorized")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (folder / "config").write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\n"
            f"HostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
            "UsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\nPidFile none\n"
        )
        command = [found, "-D", "-e", "-f", str(folder / "config")]
        if os.geteuid() == 0:  # it wants a folder and a user that may not be there: a mount namespace has them
            users = Path("/etc/passwd").read_text()
            if "\nsshd:" not in users:
                users += "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n"
            (folder / "passwd").write_text(users)
            mounts = f"mount --bind {folder}/passwd /etc/passwd && mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd"
            command = ["unshare", "-m", "sh", "-c", f"{mounts} && exec " + " ".join(command)]
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(lambda: self.process.poll() is not None or self._answers(), "sshd answers")
        if self.process.poll() is not None:
            pytest.skip(f"sshd cannot be run here: {(folder / 'log').read_text()[-300:]}")

    def _answers(self) -> bool:
        with socket.socket() as line:
            return line.connect_ex(("127.0.0.1", self.port)) == 0

    def command(self, words: str) -> list[str]:
        """Return what runs a command over SSH, on a terminal."""
        options = ("UserKnownHostsFile=/dev/null", "StrictHostKeyChecking=no", "LogLevel=ERROR", "IdentitiesOnly=yes")
        told = [word for option in options for word in ("-o", option)]
        return [
            "ssh",
            "-F",
            "none",
            "-tt",
            "-p",
            str(self.port),
            "-i",
            str(self.folder / "mine"),
            *told,
            "127.0.0.1",
            words,
        ]


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """Return a running SSH server; skips where there is none."""
    server = Sshd(tmp_path / "sshd")
    yield server
    server.process.kill()
    server.process.wait()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_an_ssh_connection_that_breaks_or_freezes_ends_no_run(lab: Lab, sshd: Sshd, how: signal.Signals) -> None:
    run, second = lab.add("wait"), lab.add("finish")
    kept = {name: value for name, value in os.environ.items() if name.startswith(("WHALETUI_", "PATH", "LD_LIB"))}
    assert ENGINE_VARIABLE in kept
    script = lab.workspace.root.parent / "session.sh"
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in kept.items())
    pid_file = lab.workspace.root.parent / "app.pid"
    script.write_text(
        f"{exports}cd {lab.workspace.root}\necho $$ > {pid_file}.part\nmv {pid_file}.part {pid_file}\n"
        f"exec {sys.executable} -m whaletui\n"
    )
    with on_terminal([], lab.workspace.root, command=sshd.command(f"sh {script}")) as terminal:
        terminal.read_until(lambda sent: b"\x1b[?1049h" in sent and b"wait" in sent, "the app, over SSH")
        _, engine = lab.await_engine(run)
        app = processes.identify(int(pid_file.read_text()))
        assert app is not None
        os.kill(terminal.pid, how)
        if how is signal.SIGKILL:
            os.waitpid(terminal.pid, 0)
            terminal.status = -signal.SIGKILL
            wait_until(lambda: not processes.is_alive(app), "the app ends with its connection")
        assert processes.is_alive(engine)
        lab.let_go(run)  # half-open, the app blocks itself alone: the keeper goes on
        assert lab.await_state(run, State.FINISHED).attempt == 1
        lab.await_state(second, State.FINISHED)
        if how is signal.SIGSTOP:
            os.kill(terminal.pid, signal.SIGCONT)
            terminal.read_until(lambda sent: b"finished" in sent, "what happened meanwhile")
