"""What stands on a terminal: enough of one to read what Textual paints, which sends only the cells that changed."""

from __future__ import annotations

import codecs
import re

_PIECE = re.compile(
    r"\x1b\[(\d+);(\d+)H|\x1b\[[<-?]*[\d;]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[^\[\]]|([^\x1b]+)"
)
_LONGEST_SEQUENCE = 200


class Screen:
    """A grid of characters that follows cursor moves and text; colours and modes are passed over."""

    def __init__(self, lines: int, columns: int) -> None:
        self._cells = [[" "] * columns for _ in range(lines)]
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._row = self._column = 0
        self._held = ""

    def feed(self, data: bytes) -> None:
        """Take what was written to the terminal."""
        text = self._held + self._decode(data)
        escape = text.rfind("\x1b", max(len(text) - _LONGEST_SEQUENCE, 0))
        whole = escape < 0 or ((found := _PIECE.match(text, escape)) is not None and found.group(3) is None)
        self._held = "" if whole else text[escape:]
        for piece in _PIECE.finditer(text if whole else text[:escape]):
            if piece.group(1):
                self._row, self._column = int(piece.group(1)) - 1, int(piece.group(2)) - 1
            elif piece.group(3):
                self._write(piece.group(3))

    def _write(self, text: str) -> None:
        for character in text:
            if character == "\n":
                self._row += 1
            elif character == "\r":
                self._column = 0
            elif character >= " ":
                if self._row < len(self._cells) and self._column < len(self._cells[0]):
                    self._cells[self._row][self._column] = character
                self._column += 1

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join("".join(line).rstrip() for line in self._cells)
