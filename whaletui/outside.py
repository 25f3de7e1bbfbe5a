"""What the terminal itself is asked for, past the screen: its clipboard and its notifications. Pure; bytes of our own.

Both go as one sequence whose payload is base64 or printable text, so that nothing a run is called can end it early.
tmux and screen pass such sequences on only where they are wrapped, and only where they were told to
(`set -g allow-passthrough on`); a terminal that knows neither ignores them.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from whaletui.safe import safe

ESCAPE, BELL = "\x1b", "\x07"


def clipboard(text: str, environment: Mapping[str, str]) -> str:
    """Return what puts a text into the terminal's clipboard (OSC 52)."""
    payload = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    plain = f"{ESCAPE}]52;c;{payload}{BELL}"
    return plain + _wrapped(plain, environment)


def notification(words: str, environment: Mapping[str, str]) -> str:
    """Return what rings the bell and has the terminal show a notification (OSC 9)."""
    plain = f"{ESCAPE}]9;{safe(words, 200)}{BELL}"
    return BELL + (_wrapped(plain, environment) or plain)


def _wrapped(sequence: str, environment: Mapping[str, str]) -> str:
    """Return a sequence as tmux or screen hands it on to the terminal around it; empty outside of both."""
    if environment.get("TMUX"):
        return f"{ESCAPE}Ptmux;{sequence.replace(ESCAPE, ESCAPE * 2)}{ESCAPE}\\"
    if environment.get("STY"):
        return f"{ESCAPE}P{sequence}{ESCAPE}\\"
    return ""
