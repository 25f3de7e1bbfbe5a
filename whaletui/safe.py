"""The one gate for text from outside (names, logs, errors, hosts, files) on its way to a terminal.

Terminals obey what they are sent: an escape sequence in a run's name could retitle the window or
write the clipboard. Whole sequences are dropped; single control, bidirectional and invisible
characters are shown as escapes, so that nothing hides.
"""

from __future__ import annotations

import re

_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
_SEQUENCE = re.compile(
    r"\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, up to its terminator
    r"|[PX^_][^\x1b]*(?:\x1b\\)?"  # DCS, SOS, PM, APC
    r"|\[[0-?]*[ -/]*[@-~]?"  # CSI
    r"|[ -/]*[0-~])"  # two-byte sequences
    r"|\x9b[0-?]*[ -/]*[@-~]?"  # CSI as one byte
)


def safe(text: object, width: int = 400) -> str:
    """Return one printable line of at most `width` characters."""
    visible = _SEQUENCE.sub("", str(text)[: width * 8].replace("\t", "    "))
    return _INVISIBLE.sub(_escaped, visible)[:width]


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
