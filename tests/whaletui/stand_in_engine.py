"""Stands for the engine in tests of the jobs: does what the words of its spec's name say, with real events.

finish, fail, code4, wait (for a file `go`; SIGTERM ends it gently), deaf (waits and ignores SIGTERM), env, orphan,
sleep=SECONDS (lives so long and tells of it all the time), doom (kills its supervisor and itself), hungry (waits for
a file `go`, then takes memory until it is killed).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from types import FrameType

from engine.contract.events import Cancelled, Evaluated, EventWriter, Failed, Finished, Started, Step
from engine.contract.rundir import RunDir

LONGEST_SECONDS = 60.0
MOST_BLOCKS = 100  # of 8 MiB


def note(run_dir: RunDir, word: str) -> None:
    """Append when this run began or ended to a file that all runs of a workspace share."""
    attempt, slot = os.environ["WHALETUI_ATTEMPT"], os.environ.get("WHALETUI_SLOT", "")
    who = {"run": run_dir.path.name, "attempt": f"{run_dir.path.name} attempt {attempt}", "slot": slot}
    line = json.dumps({**who, "word": word, "at": time.clock_gettime(time.CLOCK_BOOTTIME)})
    handle = os.open(run_dir.path.parent.parent / "intervals.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)


def main() -> int:
    run_dir = RunDir(sys.argv[1])
    attempt = run_dir.attempt(int(os.environ["WHALETUI_ATTEMPT"]))
    words = run_dir.spec().name.split()
    events = EventWriter(attempt.events)

    def stop(number: int, frame: FrameType | None) -> None:
        events.write(Cancelled(epoch=1.5, step=3))
        note(run_dir, "end")
        os._exit(3)

    signal.signal(signal.SIGTERM, signal.SIG_IGN if "deaf" in words else stop)
    note(run_dir, "start")
    events.write(
        Started(attempt=attempt.number, pid=os.getpid(), host="here", device="CPU", precision="float32", epochs=4)
    )
    events.write(Step(step=3, epoch=1.5, loss=2.5, learning_rate=1e-3, images_per_second=9.0))
    if "env" in words:
        (run_dir.path / "environ.json").write_text(json.dumps(dict(os.environ)))
    if "orphan" in words and os.fork() == 0:
        os.setsid()
        time.sleep(LONGEST_SECONDS)
        os._exit(0)
    if {"wait", "deaf", "hungry"} & set(words):
        deadline = time.monotonic() + LONGEST_SECONDS
        while not (run_dir.path / "go").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    if "hungry" in words:
        taken = [b"x" * (8 << 20) for _ in range(MOST_BLOCKS)]
        raise MemoryError(f"{len(taken)} blocks were given: nothing limits this process")
    if "doom" in words:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # which comes when the supervisor is gone
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    for word in words:
        if word.startswith("sleep="):
            until = time.monotonic() + float(word.removeprefix("sleep="))
            while time.monotonic() < until:
                note(run_dir, "tick")
                time.sleep(0.02)
    if "code4" in words:
        print("boom: the last line", flush=True)
        return 4
    note(run_dir, "end")
    if "fail" in words:
        events.write(Failed(reason="data", message="train.csv names no photo", hint="bring some"))
        return 1
    events.write(Evaluated(epoch=4, step=8, loss=1.0, map5=0.5, map5_low=0.4, map5_high=0.6, map5_known=0.45,
                           map5_new=0.9, seconds=0.1))  # fmt: skip
    events.write(Finished(map5=0.5, seconds=1.0))
    return 0


if __name__ == "__main__":
    sys.exit(main())
