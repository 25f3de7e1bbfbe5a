"""`python -m engine RUN_DIR`: do the run of a folder, and end it with one final event whatever happens.

Exit codes: 0 finished, 1 failed, 3 cancelled. Standard output and error are the log.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from pathlib import Path
from types import TracebackType

from engine.contract.errors import RunFolderError, WhaleError
from engine.contract.events import Cancelled, Event, EventWriter, Failed, Finished, Phase
from engine.contract.method import DetectorMethod
from engine.contract.rundir import ATTEMPT_VARIABLE, Attempt, RunDir
from engine.models.hopeless import refuse_hopeless
from engine.telling import TellingWriter, let_log_be_full
from engine.training.stopping import Stopped, StopWish

FINISHED, FAILED, WRONG_USAGE, CANCELLED = 0, 1, 2, 3


class Ending:
    """Turns the end of a `with` block into the final event of a run and an exit code.

    Everything that can be raised ends here, so that no run ends without a word.
    """

    def __init__(self, run_dir: RunDir, events: EventWriter, wish: StopWish) -> None:
        self._run_dir, self._events, self._wish = run_dir, events, wish
        self.exit_code = FAILED

    def __enter__(self) -> Ending:
        return self

    def finished(self, map5: float, seconds: float) -> None:
        """Say that the run did all it should."""
        self._events.write(Finished(map5=map5, seconds=seconds))
        self.exit_code = FINISHED

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Stopped):
            self._events.write(Cancelled(epoch=error.epoch, step=error.step))
            self.exit_code = CANCELLED
        elif error is not None:
            if not isinstance(error, WhaleError):
                traceback.print_exception(error)
            self._events.write(self._cancelled_after_all(error) or failed(error, self._run_dir))
        self._events.close()
        return True

    def _cancelled_after_all(self, error: BaseException) -> Event | None:
        """Return the event of a run whose data workers heard the same signal and died of it first."""
        if not (self._wish.asked and isinstance(error, RuntimeError) and "DataLoader worker" in str(error)):
            return None
        self.exit_code = CANCELLED
        epoch, step = self._wish.progress()
        return Cancelled(epoch=epoch, step=step)


def failed(error: BaseException, run_dir: RunDir) -> Failed:
    """Return the final event for an error: its own words if it is ours, else what kind of failure it is."""
    name, text = type(error).__name__, str(error).strip()
    if isinstance(error, WhaleError):
        return Failed(reason=error.reason, message=error.message, hint=error.hint)
    if name == "OutOfMemoryError":  # torch's; torch may not be imported here
        message = f"the GPU has too little memory for the run{_peak()}"
        return Failed(reason="cuda_oom", message=message, hint=_smaller(run_dir))
    if isinstance(error, MemoryError):
        return Failed(reason="oom", message="the machine has too little memory for the run", hint=_smaller(run_dir))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failed(reason="disk", message=f"the disk is full: {text}", hint="make room and start the run again")
    first_line = text.splitlines()[0] if text else ""
    return Failed(reason="crash", message=f"{name}: {first_line}"[:500], hint="the log holds the whole traceback")


def _peak() -> str:
    """Return how much of the GPU's memory the run had at most, where torch can tell."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return ""
    return f", which held {torch.cuda.max_memory_reserved() / 1e9:.1f} GB of it"


def _smaller(run_dir: RunDir) -> str:
    spec = run_dir.spec()
    size = f"{spec.image.height}x{spec.image.width}"
    return f"training.batch is {spec.training.batch} and the photos are {size}: make either smaller"


def own_attempt(run_dir: RunDir) -> Attempt:
    """Return the attempt folder the launcher made for us, or make the next one."""
    number = os.environ.get(ATTEMPT_VARIABLE)
    if number is None:
        latest = run_dir.latest()
        attempt = run_dir.attempt(latest.number + 1 if latest else 1)
        attempt.path.mkdir()
        return attempt
    if not number.isdecimal() or not run_dir.attempt(int(number)).path.is_dir():
        raise RunFolderError(f"{ATTEMPT_VARIABLE} is {number!r}, but {run_dir.path} has no such attempt")
    return run_dir.attempt(int(number))


def main(arguments: list[str]) -> int:
    """Do one run and return the exit code."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python -m engine RUN_DIR (a folder that holds spec.toml)", file=sys.stderr)
        return WRONG_USAGE
    run_dir = RunDir(Path(arguments[0]).resolve())
    try:
        attempt = own_attempt(run_dir)
        events = TellingWriter(attempt.events)
    except (RunFolderError, OSError) as error:
        print(f"the run cannot start: {error}", file=sys.stderr)
        return FAILED
    wish = StopWish()
    with Ending(run_dir, events, wish) as ending:
        wish.listen()
        events.write(Phase(name="starting"))
        spec = run_dir.spec()  # a damaged one is refused before the seconds that importing torch takes
        if isinstance(spec.method, DetectorMethod):
            from engine.crop.fit import fit as run
        else:
            refuse_hopeless(spec.model)
            from engine.run import run

        summary = run(run_dir, attempt, events, wish)
        map5 = summary.score.map5
        ending.finished(float("nan") if map5 is None else map5, summary.seconds["total"])
    return ending.exit_code


if __name__ == "__main__":
    os.umask(0o077)  # what a run leaves is its owner's
    let_log_be_full()
    sys.exit(main(sys.argv[1:]))
