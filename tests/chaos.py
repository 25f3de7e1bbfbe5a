"""Strike at random at a workspace that works its queue off, then see that nothing was lost: `python tests/chaos.py`.

Keeper, supervisors, engines and the app are killed at random instants while runs go through two slots. Afterwards
no run may have run twice at once, no slot been given twice, no run be missing or in two minds, the database be
sound and equal to one made again from the run folders. The seed is printed; --seed repeats the draw (not the
machine's own timing). Exit code 1 on any fault; the last line holds the counts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pty
import random
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from engine.contract.errors import WhaleError
from engine.contract.events import Cancelled, Failed, Finished
from engine.contract.spec import RunSpec
from whaletui.jobs import locks, processes
from whaletui.jobs.keeper import ensure_keeper, signature, stop_keeper
from whaletui.jobs.outcome import outcome
from whaletui.jobs.settle import reconcile
from whaletui.jobs.traces import final_event, supervisor_of
from whaletui.records.care import what_is_wrong
from whaletui.records.model import RunRecord, State
from whaletui.records.rebuild import rebuild
from whaletui.records.records import Records
from whaletui.workspace import Workspace

SLOTS = 2
PATIENCE_SECONDS = 900.0
OF_RUN = ("supervisor", "engine", "both")
OTHERS = ("keeper", "app")


class App:
    """The app on a terminal of its own, opened again when it was killed; nobody reads what it draws but the kernel."""

    def __init__(self, root: Path) -> None:
        self.root, self.pid, self.master = root, 0, -1

    def see_that_it_is_open(self) -> None:
        """Open the app where it is not, and keep its terminal empty."""
        if self.pid and os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            os.set_blocking(self.master, False)
            try:
                while os.read(self.master, 1 << 16):
                    pass
            except (BlockingIOError, OSError):
                return
            return
        self._close()
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(self.root)
            os.execve(sys.executable, [sys.executable, "-m", "whaletui"], {**os.environ, "TERM": "xterm-256color"})

    def strike(self) -> bool:
        """Kill the app."""
        if not self.pid:
            return False
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self._close()
        return True

    def _close(self) -> None:
        if self.master >= 0:
            os.close(self.master)
        self.pid, self.master = 0, -1


class Chaos:
    """One storm over one workspace."""

    def __init__(self, root: Path, runs: int, strikes: int, seed: int, with_app: bool) -> None:
        self.draw = random.Random(seed)
        self.workspace = Workspace(root)
        self.workspace.prepare()
        self.records = Records.open(self.workspace)
        self.wanted, self.struck = strikes, Counter[str]()
        self.app = App(root) if with_app else None
        self.runs = [self._add(number) for number in range(runs)]
        self.faults: list[str] = []

    def _add(self, number: int) -> RunRecord:
        word = "fail" if number % 5 == 4 else "finish"
        seconds = self.draw.uniform(0.15, 0.6)
        return self.records.add_run(RunSpec.of({"name": f"{word} sleep={seconds:.2f} {number}"}))

    def storm(self) -> None:
        """Strike until all runs have ended; queue more runs where they end before enough strikes were made."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            if time.monotonic() > deadline:
                self.faults.append(f"runs still wait after {PATIENCE_SECONDS:.0f} s")
                return
            with contextlib.suppress(WhaleError):  # of those struck before they came to work the next waits a little
                ensure_keeper(self.workspace)
            if self.app:
                self.app.see_that_it_is_open()
            time.sleep(self.draw.uniform(0.05, 0.45))
            active = self.records.active()
            if sum(self.struck.values()) < self.wanted:
                self._strike(active)
                if len(active) <= SLOTS:
                    self.runs.append(self._add(len(self.runs)))
            elif not active:
                return

    def _strike(self, active: list[RunRecord]) -> None:
        """Strike whoever of the drawn kind is there; where nothing runs, seldom, or nothing would ever start."""
        told = [
            found
            for record in active
            if record.state is State.RUNNING
            and (found := supervisor_of(self.workspace.run_dir(record.folder).attempt(record.attempt)))
            and processes.is_alive(found.engine)
        ]
        chance, of_run = self.draw.random(), sum(self.struck[kind] for kind in OF_RUN)
        if not told and self.struck.total() > 2 * of_run + 4:
            return
        victim = self.draw.choice(OF_RUN if told and chance < 0.7 else OTHERS)
        if victim == "app":
            self.struck[victim] += bool(self.app and self.app.strike())
        elif victim == "keeper":
            _, keeper, _ = signature(self.workspace.keeper_lock)
            held = keeper is not None and locks.is_held(self.workspace.keeper_lock)
            self.struck[victim] += bool(held and keeper and processes.send(keeper, signal.SIGKILL))
        else:
            one = self.draw.choice(told)
            targets = {"supervisor": [one.supervisor], "engine": [one.engine], "both": [one.supervisor, one.engine]}
            hit = [processes.send(each, signal.SIGKILL) for each in targets[victim] if each]
            self.struck[victim] += any(hit)

    def calm(self) -> None:
        """Let all that still goes on come to its end."""
        if self.app:
            self.app.strike()
        stop_keeper(self.workspace)
        reconcile(self.records, self.workspace)

    def judge(self) -> None:
        """Look for every fault that there may be."""
        self._no_two_at_once()
        records = {run.id: self.records.run(run.id) for run in self.runs}
        for record in records.values():
            self._one_mind(record)
        if self.records.leases():
            self.faults.append(f"slots are still given: {self.records.leases()}")
        if wrong := what_is_wrong(self.workspace):
            self.faults.append(f"the database {wrong}")
        report = rebuild(self.workspace)
        self.faults += [f"rebuild left out {trouble}" for trouble in report.damaged]
        for run_id, before in records.items():
            after = self.records.run(run_id)
            differing = [name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)]
            if differing:
                told = ", ".join(f"{name} {getattr(before, name)!r} -> {getattr(after, name)!r}" for name in differing)
                self.faults.append(f"run {run_id} differs when it is rebuilt: {told}")

    def _no_two_at_once(self) -> None:
        """No two intervals may overlap in a run or in a slot; one whose end was not told ends with its attempt."""
        path = self.workspace.root / "intervals.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for key in ("run", "slot"):
            last: dict[str, tuple[float, str]] = {}
            for begun, ended, told in _intervals(lines):
                before = last.get(told[key])
                if before and before[0] > begun:
                    self.faults.append(f"{key} {told[key]}: {told['attempt']} began before {before[1]} ended")
                last[told[key]] = (ended, told["attempt"])

    def _one_mind(self, record: RunRecord) -> None:
        """State, files and the engine's own words must agree."""
        run_dir = self.workspace.run_dir(record.folder)
        if record.state.is_active:
            self.faults.append(f"run {record.id} is {record.state} though all is calm")
            return
        done = [each for each in run_dir.attempts() if isinstance(final_event(each), Finished | Failed)]
        if len(done) > 1:
            self.faults.append(f"run {record.id} was done {len(done)} times")
        attempt = run_dir.attempt(record.attempt)
        word, ended = final_event(attempt), outcome(run_dir, attempt)
        says = {Finished: State.FINISHED, Failed: State.FAILED}.get(type(word))
        if says and says is not record.state:
            self.faults.append(f"run {record.id} is {record.state}, its engine said {type(word).__name__}")
        if isinstance(word, Cancelled) and record.state not in (State.CANCELLED, State.LOST):
            self.faults.append(f"run {record.id} is {record.state}, its engine was stopped")
        if ended is not None and ended.state is not record.state:
            self.faults.append(f"run {record.id} is {record.state}, its folder says {ended.state}")


def _intervals(lines: list[dict[str, Any]]) -> list[tuple[float, float, dict[str, str]]]:
    """Return (start, last sign of life, who) of each attempt, in the order of their starts."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        found.setdefault(line["attempt"], []).append(line)
    spans = [(told[0]["at"], told[-1]["at"], told[0]) for told in found.values()]
    return sorted(spans, key=lambda span: span[0])


def prepare(root: Path) -> None:
    """Put the stand-in engine and two CPU slots in the place of the real ones, for all that is started from here."""
    engine = Path(__file__).parent / "whaletui" / "stand_in_engine.py"
    gpus = root / "gpus.json"
    gpus.write_text("[]")
    os.environ |= {
        "WHALETUI_ENGINE": json.dumps([sys.executable, str(engine)]), "WHALETUI_GPUS": str(gpus),
        "WHALETUI_CPU_SLOTS": str(SLOTS), "WHALETUI_RETRY_SECONDS": "0.2", "PYTHONPATH": os.getcwd(),
    }  # fmt: skip
    os.environ.pop("WHALETUI_DATABASE_URL", None)


def main() -> int:
    """Let a storm pass over a workspace and judge what is left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="60 runs and 300 strikes, the app among the victims")
    parser.add_argument("--seed", type=int, default=None)
    chosen = parser.parse_args()
    seed = secrets.randbelow(1 << 32) if chosen.seed is None else chosen.seed
    runs, strikes = (60, 300) if chosen.long else (6, 12)
    print(f"seed {seed}, {runs} runs, {strikes} strikes", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        began = time.monotonic()
        chaos = Chaos(Path(folder) / "workspace", runs, strikes, seed, with_app=chosen.long)
        try:
            chaos.storm()
        finally:
            chaos.calm()
        chaos.judge()
        states = Counter(str(chaos.records.run(run.id).state) for run in chaos.runs)
    for fault in chaos.faults:
        print(f"FAULT  {fault}")
    struck = ", ".join(f"{count} {victim}" for victim, count in sorted(chaos.struck.items()))
    ended = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    total = sum(chaos.struck.values())
    seconds = time.monotonic() - began
    print(f"{len(chaos.runs)} runs ({ended}), {total} strikes ({struck}), {seconds:.0f} s, {len(chaos.faults)} faults")
    return 1 if chaos.faults else 0


if __name__ == "__main__":
    sys.exit(main())
