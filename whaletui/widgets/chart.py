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
from whaletui.view.plots import FAINT, PALETTE_SIZE, Curve, Plot

STROKES = ("──", "╌╌", "··")


class Chart(Widget):
    """Draws a `Plot`; set `plot` to show another one."""

    COMPONENT_CLASSES = {
        "chart--title", "chart--words", "chart--axis", "chart--level", "chart--cross", "chart--chosen",
        *(f"chart--curve-{number}" for number in range(PALETTE_SIZE)),
        *(f"chart--faint-{number}" for number in range(PALETTE_SIZE)),
    }  # fmt: skip
    DEFAULT_CSS = """
    Chart {
        height: 1fr; width: 1fr; min-height: 3; padding: 0 1;
        .chart--title { color: $foreground; text-style: bold; }
        .chart--words { color: $foreground-muted; }
        .chart--axis { color: $foreground-darken-3; }
        .chart--level { color: $foreground-muted; }
        .chart--cross { color: $accent; }
        .chart--chosen { color: $accent; text-style: bold; }
        .chart--curve-0 { color: #5cc8f2; }
        .chart--curve-1 { color: #f0a63c; }
        .chart--curve-2 { color: #4fd6a8; }
        .chart--curve-3 { color: #eadb61; }
        .chart--curve-4 { color: #ef7d57; }
        .chart--curve-5 { color: #cf9bd8; }
        .chart--curve-6 { color: #7f9cf5; }
        .chart--curve-7 { color: #d8dee9; }
        .chart--faint-0 { color: #5cc8f2 40%; }
        .chart--faint-1 { color: #f0a63c 40%; }
        .chart--faint-2 { color: #4fd6a8 40%; }
        .chart--faint-3 { color: #eadb61 40%; }
        .chart--faint-4 { color: #ef7d57 40%; }
        .chart--faint-5 { color: #cf9bd8 40%; }
        .chart--faint-6 { color: #7f9cf5 40%; }
        .chart--faint-7 { color: #d8dee9 40%; }
    }
    """

    plot: reactive[Plot] = reactive(Plot(title=""))
    chosen: reactive[bool] = reactive(False)  # whether keys act on it, of several

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
        self.set_reactive(Chart.plot, Plot(title=title))

    def watch_plot(self) -> None:
        """Forget what was drawn: the plot is another one, or grew."""
        self._lines = None

    def watch_chosen(self) -> None:
        """Mark the title."""
        self._lines = None

    def notify_style_update(self) -> None:
        """Forget what was drawn in another theme's colours."""
        self._lines = None
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
                from whaletui.view.braille import draw, gutter_of  # numpy: only once there is a curve

                rows = draw(self.plot, size.width, size.height - 1)
                self._gutter = gutter_of(rows)
            else:
                rows = [[("", -1)] for _ in range(size.height - 1)]
                rows[(size.height - 1) // 2] = [(safe(self.plot.empty)[: size.width].center(size.width), -2)]
            styles = {number: self._style(number) for number in range(-4, PALETTE_SIZE)}
            styles.update({FAINT + number: self._named(f"chart--faint-{number}") for number in range(PALETTE_SIZE)})
            strips += [Strip([Segment(text, styles[colour]) for text, colour in row]) for row in rows]
        return [strip.adjust_cell_length(size.width, background).crop(0, size.width) for strip in strips]

    def _legend(self, width: int) -> Strip:
        title = f"▸ {self.plot.title}" if self.chosen else self.plot.title
        segments = [Segment(title, self._named("chart--chosen" if self.chosen else "chart--title"))]
        used = len(title)
        for one in sorted(self.plot.curves, key=lambda one: not one.top):
            words = self._named("chart--words")
            segments_of = [
                Segment(f"  {STROKES[one.dash % 3]} " if one.label else "  ", self._style(one.colour)),
                Segment(_legend_words(one, self.plot), words),
            ]
            used += sum(segment.cell_length for segment in segments_of)
            if used > width:
                break
            segments += segments_of
        marks = [
            word for word, given in (("log", self.plot.log), (f"smooth {self.plot.smooth}", self.plot.smooth)) if given
        ]
        if marks:
            segments.append(Segment(f"  {' '.join(marks)}", self._named("chart--level")))
        return Strip(segments)

    def _style(self, colour: int) -> Style:
        names = {-1: "chart--axis", -2: "chart--words", -3: "chart--level", -4: "chart--cross"}
        return self._named(names.get(colour, f"chart--curve-{colour}"))

    def _named(self, name: str) -> Style:
        return self.get_component_rich_style(name)

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
