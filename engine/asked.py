"""What whaletui asks of the engine outside of runs: a process that answers in JSON lines on standard output.

{"phase": "finding flukes", "done": 120, "total": 9850}   how far it is
{"result": …}                                             the answer, last
{"error": "…", "hint": "…", "reason": "data"}             why there is none, last
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import msgspec

from engine.contract.errors import WhaleError
from engine.contract.events import AnyEvent, Phase

Tell = Callable[[AnyEvent], object]


def answer(work: Callable[[Tell], Any]) -> int:
    """Do what was asked and print how it goes and what comes of it; returns the exit code, 1 where it failed."""

    def tell(event: AnyEvent) -> None:
        if isinstance(event, Phase):
            _say({"phase": event.name, "done": event.done, "total": event.total})

    try:
        _say({"result": work(tell)})
    except WhaleError as error:
        _say({"error": error.message, "hint": error.hint, "reason": error.reason})
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()
