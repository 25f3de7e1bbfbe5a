"""How an attempt ended, from its files alone: the engine's last word first, then its parent's. Lock free, or wrong."""

from __future__ import annotations

import signal

from engine.contract.errors import RunFolderError
from engine.contract.events import AnyEvent, Cancelled, EventTail, Failed, Finished
from engine.contract.rundir import Attempt, RunDir
from whaletui.jobs.traces import CancelFile, ExitFile, cancel_of, exit_of, last_word
from whaletui.records.model import Outcome, State
from whaletui.safe import safe
from whaletui.view.runview import RunView, fold

FIGURES = ("epoch", "loss", "map5", "map5_low", "map5_high", "map5_known", "map5_new")
CANCELLED_CODE = 3
LOG_TAIL_BYTES = 4096


def outcome(run_dir: RunDir, attempt: Attempt) -> Outcome | None:
    """Return how an attempt whose lock is free ended; None where neither engine nor supervisor left word."""
    events = EventTail(attempt.events).read_all()
    word, left, wish = last_word(events), exit_of(attempt), cancel_of(attempt)
    if word is None and left is None and wish is None:
        return None
    state, reason = _ending(word, left, wish, attempt)
    figures = event_figures(events)
    figures["ended_at"] = left.ended_at if left else word.unix_seconds if word else last_sign(attempt)
    if state is State.FINISHED:
        figures |= _summary_figures(run_dir, attempt)
        reason = _detector_words(run_dir) or reason
    return Outcome(state=state, reason=reason, **figures)


def lost(attempt: Attempt, reason: str) -> Outcome:
    """Return the outcome of an attempt that left no word: what its events had told until then."""
    figures = event_figures(EventTail(attempt.events).read_all())
    return Outcome(state=State.LOST, reason=reason, **{**figures, "ended_at": last_sign(attempt)})


def event_figures(events: list[AnyEvent]) -> dict[str, float | None]:
    """Return the columns of a record that events tell of."""
    view = fold(RunView.new(), events)
    figures: dict[str, float | None] = {name: getattr(view, name) for name in FIGURES}
    if events:
        figures["seconds"] = max(0.0, events[-1].boot_seconds - events[0].boot_seconds)
    return figures


def last_sign(attempt: Attempt) -> float | None:
    """Return when a file of the attempt was last written to (seconds since 1970), None where there is none."""
    files = (attempt.events, attempt.heartbeat, attempt.log, attempt.supervisor, attempt.lock)
    return max((path.stat().st_mtime for path in files if path.exists()), default=None)


def _ending(
    word: AnyEvent | None, left: ExitFile | None, wish: CancelFile | None, attempt: Attempt
) -> tuple[State, str]:
    if isinstance(word, Finished):
        return State.FINISHED, ""
    if isinstance(word, Cancelled):
        told = f"stopped at epoch {word.epoch:.1f}"
        return State.CANCELLED, told if wish else f"{told}: its process was told to end, not by whaletui"
    if wish is not None:  # it did not finish, and somebody wanted that
        forced = left is not None and left.signal == signal.SIGKILL
        return State.CANCELLED, "stopped by force, as asked" if forced else "stopped, as asked"
    if isinstance(word, Failed):
        return State.FAILED, f"{word.message} ({word.hint})" if word.hint else word.message
    assert left is not None
    return _by_exit(left, attempt)


def _by_exit(left: ExitFile, attempt: Attempt) -> tuple[State, str]:
    """Judge an engine that left no word of its own."""
    if left.error:
        return State.FAILED, f"the engine could not be started: {left.error}"
    if left.signal is not None:
        told = f"killed by signal {left.signal} ({_signal_name(left.signal)})"
        if left.signal == signal.SIGKILL and left.oom_kills:
            told += ": the machine ran out of memory, most likely (a smaller batch or fewer workers need less)"
        return State.FAILED, told
    if left.code == CANCELLED_CODE:
        return State.CANCELLED, "stopped"
    line = _last_line(attempt)
    return State.FAILED, f"ended with code {left.code} and no word of why" + (f"; its log ends: {line}" if line else "")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unnamed"


def _last_line(attempt: Attempt) -> str:
    try:
        with open(attempt.log, "rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - LOG_TAIL_BYTES))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return safe(lines[-1], 200) if lines else ""


def _detector_words(run_dir: RunDir) -> str:
    """Return what a detector came to, in words: it has no MAP@5 to be compared by; empty for any other run."""
    from engine.contract.summary import read_summary

    try:
        summary = read_summary(run_dir)
    except RunFolderError:
        return ""
    found = summary.detector if summary else None
    if found is None:
        return ""
    figures = (
        f"mean IoU {found.mean_iou or 0.0:.3f}, mAP50 {found.map50 or 0.0:.3f} on {found.held_out:,} held-out boxes"
    )
    return f"{figures}; {found.whole:,} of {found.photos:,} photos stay whole" if found.photos else figures


def _summary_figures(run_dir: RunDir, attempt: Attempt) -> dict[str, float | None]:
    """Return what the summary of this attempt tells; nothing where there is none, or another attempt's."""
    from engine.contract.summary import read_summary  # loads numpy: only when a run has just finished

    try:
        summary = read_summary(run_dir)
    except RunFolderError:
        return {}
    if summary is None or summary.attempt != attempt.number:
        return {}
    score = summary.score
    return {
        "map5": score.map5, "map5_low": score.low, "map5_high": score.high, "map5_known": score.known,
        "map5_new": score.new, "baseline_constant": summary.baselines.get("constant"),
        "baseline_duplicates": summary.baselines.get("duplicates"), "epoch": float(summary.epochs),
        "loss": summary.loss, "seconds": summary.seconds.get("total"),
    }  # fmt: skip
