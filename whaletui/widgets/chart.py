"""Chart: curves in braille under a line that names them, redrawn only when a curve got a point.

A mouse wheel over it asks to zoom, a click to mark a place; the screen decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from whaletui.safe import safe
from whaletui.view import formats
from whaletui.view.braille import AXIS, CROSS, LEVEL, WORDS, draw, gutter_of
from whaletui.view.plots import FAINT, Curve, Plot
from whaletui.widgets.changed import changed_regions
from whaletui.widgets.styles import curve_style, theme_style

STROKES = ("──", "╌╌", "··")
TITLE, CHOSEN = -5, -6  # what is no curve; `draw` tells of four more
_VARIABLES = {
    AXIS: "foreground-darken-3", WORDS: "foreground-muted", LEVEL: "foreground-muted", CROSS: "accent",
    TITLE: "foreground", CHOSEN: "accent",
}  # fmt: skip


class Chart(Widget):
    """Draws a `Plot`; set `plot` to show another one."""

    DEFAULT_CSS = """
    Chart { height: 1fr; width: 1fr; min-height: 3; padding: 0 1; }
    """

    plot: reactive[Plot] = reactive(Plot(title=""), repaint=False)
    chosen: reactive[bool] = reactive(False, repaint=False)  # whether keys act on it, of several

    @dataclass
    class Pointed(Message):
        """A place was clicked; `share` is how far along the axis, 0 to 1."""

        chart: Chart
        share: float

    @dataclass
    class Zoomed(Message):
        """The wheel was turned over a place: nearer (below 1) or further (above 1)."""

        chart: Chart
        share: float
        factor: float

    def __init__(self, title: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Strip] | None = None
        self._styles: dict[int, Style] = {}
        self.set_reactive(Chart.plot, Plot(title=title))

    def watch_plot(self) -> None:
        """Repaint what is another in this plot: mostly the end of a curve."""
        self._draw_anew()

    def watch_chosen(self) -> None:
        """Mark the title."""
        self._draw_anew()

    def _draw_anew(self) -> None:
        """Draw again and have the cells that changed repainted; all of them where nothing is on screen yet."""
        size = self.content_size
        if self._lines is None or self._drawn_at != size or not self.is_on_screen:
            self._lines = None
            self.refresh()
            return
        before, self._lines = self._lines, self._draw(size)
        if regions := changed_regions(before, self._lines):
            self.refresh(*regions)

    def notify_style_update(self) -> None:
        """Forget what was drawn in another theme's colours."""
        self._lines = None
        self._styles.clear()
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """Return one line: the legend, then the curves."""
        size = self.content_size
        if self._lines is None or len(self._lines) != size.height or self._drawn_at != size:
            self._lines = self._draw(size)
            self._drawn_at = size
        return self._lines[y] if y < len(self._lines) else Strip.blank(size.width, self.rich_style)

    _drawn_at = Size(0, 0)

    def _draw(self, size: Size) -> list[Strip]:
        background = self.rich_style
        strips = [self._legend(size.width)]
        if size.height > 1:
            if any(one.points for one in self.plot.curves):
                rows = draw(self.plot, size.width, size.height - 1)
                self._gutter = gutter_of(rows)
            else:
                rows = [[("", AXIS)] for _ in range(size.height - 1)]
                rows[(size.height - 1) // 2] = [(safe(self.plot.empty)[: size.width].center(size.width), WORDS)]
            strips += [Strip([Segment(text, self._style(colour)) for text, colour in row]) for row in rows]
        return [strip.adjust_cell_length(size.width, background).crop(0, size.width) for strip in strips]

    def _legend(self, width: int) -> Strip:
        title = f"▸ {self.plot.title}" if self.chosen else self.plot.title
        segments = [Segment(title, self._style(CHOSEN if self.chosen else TITLE))]
        used = len(title)
        for one in sorted(self.plot.curves, key=lambda one: not one.top):
            segments_of = [
                Segment(f"  {STROKES[one.dash % 3]} " if one.label else "  ", self._style(one.colour)),
                Segment(_legend_words(one, self.plot), self._style(WORDS)),
            ]
            used += sum(segment.cell_length for segment in segments_of)
            if used > width:
                break
            segments += segments_of
        marks = [
            word for word, given in (("log", self.plot.log), (f"smooth {self.plot.smooth}", self.plot.smooth)) if given
        ]
        if marks:
            segments.append(Segment(f"  {' '.join(marks)}", self._style(LEVEL)))
        return Strip(segments)

    def _style(self, colour: int) -> Style:
        """Return the style of a curve by its colour, of a faint one, or of what is no curve."""
        found = self._styles.get(colour)
        if found is None:
            if colour >= 0:
                over = curve_style(self, colour % FAINT, faint=colour >= FAINT)
            else:
                over = theme_style(self, _VARIABLES[colour]) + Style(bold=True if colour in (TITLE, CHOSEN) else None)
            found = self._styles[colour] = self.rich_style + over
        return found

    def on_click(self, event: events.Click) -> None:
        """Mark the place that was clicked."""
        if (share := self._share(event)) is not None:
            self.post_message(self.Pointed(self, share))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Come nearer to what is under the mouse."""
        self._turn(event, 0.5)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Go further from what is under the mouse."""
        self._turn(event, 2.0)

    def _turn(self, event: events.MouseEvent, factor: float) -> None:
        if (share := self._share(event)) is not None:
            event.stop()
            self.post_message(self.Zoomed(self, share, factor))

    def _share(self, event: events.MouseEvent) -> float | None:
        """Return how far along the axis the mouse is; None where it is beside the curves."""
        column, wide = event.x - 1 - self._gutter, self.content_size.width - self._gutter
        return (column + 0.5) / wide if wide > 0 and 0 <= column < wide else None

    _gutter = 0


def _legend_words(one: Curve, plot: Plot) -> str:
    value = one.latest
    if plot.cross is not None and len(one.series):
        from whaletui.view.points import value_at

        value = value_at(one.series, plot.axis, one.origin, plot.cross)
    latest = "" if value is None else figure(value)
    return " ".join(part for part in (safe(one.label, 24), latest) if part)


def figure(value: float) -> str:
    """Return a value of a curve in a few characters, whatever its size."""
    return formats.loss(value) if not abs(value) <= 0.01 or value == 0 else f"{value:.2g}"
