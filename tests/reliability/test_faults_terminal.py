"""Terminals that close, freeze, shrink or know nothing: runs do not notice, the app ends or waits, and spins never."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from jobs_kit import Lab, wait_until
from terminal import on_terminal

from whaletui.jobs import processes
from whaletui.records.model import State


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("how", ["killed", "hung up"])
def test_the_app_goes_and_its_runs_stay(lab: Lab, how: str) -> None:
    run = lab.add("wait")
    with on_terminal([], lab.workspace.root) as terminal:
        terminal.read_until(lambda sent: b"wait" in sent, "the run in the table")
        _, engine = lab.await_engine(run)  # the app itself has seen to a keeper
        if how == "killed":
            os.kill(terminal.pid, signal.SIGKILL)
        else:
            os.close(terminal.master)  # the connection is gone: the kernel hangs up
            terminal.master = os.open("/dev/null", os.O_RDWR)
        app = processes.identify(terminal.pid)
        wait_until(lambda: os.waitpid(terminal.pid, os.WNOHANG)[0] == terminal.pid, "the app is gone", 30)
        terminal.status = 0
        assert not processes.is_alive(app)
    assert processes.is_alive(engine)
    lab.let_go(run)
    assert lab.await_state(run, State.FINISHED).attempt == 1


def test_a_terminal_that_nobody_reads_blocks_only_the_app(lab: Lab) -> None:
    first, second = lab.add("wait"), lab.add("finish")
    with on_terminal([], lab.workspace.root, size=(200, 60)) as terminal:
        lab.await_engine(first)  # from here on nothing of what the app draws is taken
        lab.let_go(first)
        lab.await_state(second, State.FINISHED)
        began, before = time.monotonic(), cpu_seconds(terminal.pid)
        while time.monotonic() - began < 1.0:
            terminal.resize(80 + int((time.monotonic() - began) * 50), 24)
            time.sleep(0.05)
        assert cpu_seconds(terminal.pid) - before < 0.9 * (time.monotonic() - began)
        terminal.read_until(lambda sent: b"finish" in sent, "the table, once somebody reads again")
        assert terminal.wait(keys=b"\x11") == 0


@pytest.mark.parametrize(
    ("size", "variables"),
    [
        ((20, 5), {}),
        ((80, 24), {"LC_ALL": "C", "LANG": "C"}),
        ((80, 24), {"NO_COLOR": "1"}),
    ],
)
def test_a_poor_terminal_is_usable_or_left_in_order(lab: Lab, size: tuple[int, int], variables: dict[str, str]) -> None:
    with on_terminal([], lab.workspace.root, size=size, variables=variables) as terminal:
        terminal.read_until(lambda sent: len(sent) > 200, "something to see")
        for columns in (20, 200, 5, 80):  # a storm of sizes
            terminal.resize(columns, max(2, columns // 4))
        assert terminal.wait(keys=b"\x11") == 0
        assert b"Traceback" not in terminal.sent
        assert terminal.sent.rindex(b"\x1b[?1049l") > terminal.sent.rindex(b"\x1b[?1049h")  # the old screen is back


def test_a_terminal_that_can_only_print_lines_is_told_so(lab: Lab) -> None:
    with on_terminal([], lab.workspace.root, variables={"TERM": "dumb"}) as terminal:
        assert terminal.wait() == 1
        assert b"cannot show the app" in terminal.sent
        assert b"\x1b" not in terminal.sent
