"""Events on their way to disk, told in words to the log as well; a log that cannot grow stops no run."""

from __future__ import annotations

import io
import math
import sys
from typing import TYPE_CHECKING

from engine.contract import events as e

if TYPE_CHECKING:
    from typing_extensions import Buffer


class _Patient(io.FileIO):
    """Standard output or error; what a full disk does not take is left out."""

    def write(self, text: Buffer, /) -> int:
        """Write what can be written; all counts as written."""
        try:
            return super().write(text)
        except OSError as error:
            if error.errno not in e.FULL:
                raise
            return memoryview(text).nbytes


def let_log_be_full() -> None:
    """Let nothing that is printed, by whatever library, fail for want of room on the disk."""
    for name, handle in (("stdout", 1), ("stderr", 2)):
        whole = io.BufferedWriter(_Patient(handle, "wb", closefd=False))
        setattr(sys, name, io.TextIOWrapper(whole, encoding="utf-8", errors="backslashreplace", line_buffering=True))


class TellingWriter(e.EventWriter):
    """Writes events, and a line to standard output for those a person would want to read in a log."""

    def write(self, event: e.Event) -> None:
        """Append the event; tell of it."""
        super().write(event)
        line = told(event)
        if line:
            print(line, flush=True)


def told(event: e.Event) -> str:
    """Return an event in words; empty for steps and for what is still going on."""
    match event:
        case e.Started():
            where = f"{event.host}: {event.device}, {event.precision}, torch {event.torch}"
            resumed = f", going on after step {event.resumed_step}" if event.resumed_step else ""
            return f"attempt {event.attempt} on {where}{resumed}"
        case e.Phase() if not event.done:
            return event.name
        case e.Epoch():
            speed = f"{event.images_per_second:.0f} photos/s"
            return f"epoch {event.epoch}/{event.epochs}: loss {event.loss:.4f}, {event.seconds:.1f} s, {speed}"
        case e.Evaluated():
            interval = f"({event.map5_low:.4f} to {event.map5_high:.4f})"
            return f"epoch {event.epoch}: validation loss {event.loss:.4f}, MAP@5 {event.map5:.4f} {interval}"
        case e.BoxesEvaluated():
            figures = f"mAP50 {event.map50:.4f}, mean IoU {event.mean_iou:.4f}, {event.missed} missed"
            return f"epoch {event.epoch}: {figures} of {event.photos} held-out boxes"
        case e.Saved():
            return f"saved {event.path}, {event.bytes / 1e6:.1f} MB"
        case e.Warned():
            return f"warning: {event.message}"
        case e.Finished():
            map5 = "" if math.isnan(event.map5) else f": MAP@5 {event.map5:.4f}"
            return f"finished{map5} after {event.seconds:.0f} s"
        case e.Failed():
            return f"failed ({event.reason}): {event.message}" + (f" ({event.hint})" if event.hint else "")
        case e.Cancelled():
            return f"cancelled at epoch {event.epoch:.2f}, step {event.step}"
    return ""
