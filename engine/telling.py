"""Events on their way to disk, told in words to the log as well."""

from __future__ import annotations

import math
import os
import stat

from engine.contract import events as e


class TellingWriter(e.EventWriter):
    """Writes events, and a line to standard output for those a person would want to read in a log."""

    def write(self, event: e.Event) -> None:
        """Append the event; tell of it."""
        super().write(event)
        line = told(event)
        if line:
            print(line, flush=True)

    def log_bytes(self) -> int:
        """Return how long the log is: standard output goes to it, where a supervisor started us."""
        output = os.fstat(1)
        return output.st_size if stat.S_ISREG(output.st_mode) else 0


def told(event: e.Event) -> str:
    """Return an event in words; empty for steps and for what is still going on."""
    match event:
        case e.Started():
            return f"attempt {event.attempt} on {event.host}: {event.device}, {event.precision}, torch {event.torch}"
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
