"""How an attempt ended, from its files alone: the engine's last word first, then its parent's. Lock free, or wrong."""

from __future__ import annotations

import itertools
import os
import signal

import msgspec

from engine.contract.errors import RunFolderError
from engine.contract.events import AnyEvent, Cancelled, EventTail, Failed, Finished
from engine.contract.rundir import Attempt, RunDir
from whaletui.jobs.traces import CancelFile, ExitFile, cancel_of, exit_of, final_event
from whaletui.records.model import Outcome, State
from whaletui.safe import safe
from whaletui.view.runview import RunView, fold

FIGURES = ("epoch", "loss", "map5", "map5_low", "map5_high", "map5_known", "map5_new")
CANCELLED_CODE = 3
LOG_TAIL_BYTES = 4096

FALSE_STARTS = 3
"""A run whose attempts never came to life is given up after so many in a row."""

MOST_RETRIES = int(os.environ.get("WHALETUI_MOST_RETRIES", "2"))
"""A run that is lost is queued again so often; then it stays lost until somebody resumes it."""


def outcome(run_dir: RunDir, attempt: Attempt) -> Outcome | None:
    """Return how an attempt whose lock is free ended; None where neither engine nor supervisor left word."""
    word, left, wish = final_event(attempt), exit_of(attempt), cancel_of(attempt)
    if word is None and left is None and wish is None:
        return None
    state, reason = _ending(word, left, wish, attempt)
    figures = figures_of(run_dir, attempt)
    figures["ended_at"] = left.ended_at if left else word.unix_seconds if word else last_sign(attempt)
    if state is State.FINISHED:
        figures |= _summary_figures(run_dir, attempt)
        reason = _detector_words(run_dir) or reason
    return Outcome(state=state, reason=reason, **figures)


def lost(run_dir: RunDir, attempt: Attempt, reason: str) -> Outcome:
    """Return the outcome of an attempt that left no word: what its events had told until then."""
    figures = figures_of(run_dir, attempt)
    return Outcome(state=State.LOST, reason=reason, **{**figures, "ended_at": last_sign(attempt)})


def may_try_again(run_dir: RunDir) -> bool:
    """Say whether a run that was just lost is queued again: not if that happened too often already."""
    return sum(map(_was_lost, run_dir.attempts())) <= MOST_RETRIES


def again_words(ended: Outcome) -> str:
    """Return what a lost run that waits for its next start is told."""
    return f"{ended.reason}; tried again"


def given_up(run_dir: RunDir, ended: Outcome) -> Outcome:
    """Return the outcome of a run that stays lost, with what can be done about it."""
    saved = "its last checkpoint" if any(run_dir.checkpoint.glob("step-*")) else "its first step"
    return msgspec.structs.replace(ended, reason=f"{ended.reason}; resuming goes on from {saved}")


def may_start_again(run_dir: RunDir) -> bool:
    """Say whether a run is queued again whose attempt never came to life: not if its last few did not either."""
    unstarted = itertools.takewhile(_never_started, reversed(run_dir.attempts()))
    return sum(1 for _ in unstarted) < FALSE_STARTS


def _never_started(attempt: Attempt) -> bool:
    return not attempt.supervisor.exists() and not attempt.events.exists()


def _was_lost(attempt: Attempt) -> bool:
    """Say whether an attempt that was started ended without anybody's wish and without saying how."""
    if cancel_of(attempt) is not None or _never_started(attempt):
        return False
    word, left = final_event(attempt), exit_of(attempt)
    return left is None if word is None else isinstance(word, Cancelled) and _interrupted(left)


def _interrupted(left: ExitFile | None) -> bool:
    """Say whether an engine that stopped gently was told so by the end of its supervisor or of the machine."""
    return left is None or left.told_to_stop


def figures_of(run_dir: RunDir, attempt: Attempt) -> dict[str, float | None]:
    """Return the columns of a record that the events of a run's attempts tell of, up to one of them."""
    view, seconds = RunView.new(), 0.0
    for each in run_dir.attempts():
        if each.number <= attempt.number and (events := EventTail(each.events).read_all()):
            view = fold(view, events)
            seconds += max(0.0, events[-1].boot_seconds - events[0].boot_seconds)
    figures: dict[str, float | None] = {name: getattr(view, name) for name in FIGURES}
    return {**figures, "seconds": seconds} if view.spoke_at is not None else figures


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
        if wish is None and _interrupted(left):
            return State.LOST, f"{told}, as its supervisor or the machine was ended"
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
