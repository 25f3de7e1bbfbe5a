"""CleanLines: the last net before the terminal: no control character leaves, whatever a screen forgot to make safe."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_CONTROLS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x200F, *range(0x202A, 0x202F),
                                     *range(0x2066, 0x206A))}  # fmt: skip


class CleanLines(LineFilter):
    """Deletes C0, C1 and bidirectional control characters from every segment of text."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments without them; ones that are clean already are passed on as they are."""
        return [
            segment if segment.text.isascii() and segment.text.isprintable() else _cleaned(segment)
            for segment in segments
        ]


def _cleaned(segment: Segment) -> Segment:
    text = segment.text.translate(_CONTROLS)
    return segment if len(text) == len(segment.text) else Segment(text, segment.style, segment.control)
