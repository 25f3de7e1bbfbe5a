"""Chart: curves in braille under a line that names them, redrawn only when a curve got a point."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from whaletui.safe import safe
from whaletui.view import formats
from whaletui.view.plots import PALETTE_SIZE, Curve, Plot

_STROKES = ("──", "╌╌", "··")


class Chart(Widget):
    """Draws a `Plot`; set `plot` to show another one."""

    COMPONENT_CLASSES = {
        "chart--title", "chart--words", "chart--axis", "chart--level",
        *(f"chart--curve-{number}" for number in range(PALETTE_SIZE)),
    }  # fmt: skip
    DEFAULT_CSS = """
    Chart {
        height: 1fr; width: 1fr; min-height: 3; padding: 0 1;
        .chart--title { color: $foreground; text-style: bold; }
        .chart--words { color: $foreground-muted; }
        .chart--axis { color: $foreground-darken-3; }
        .chart--level { color: $foreground-muted; }
        .chart--curve-0 { color: #5cc8f2; }
        .chart--curve-1 { color: #f0a63c; }
        .chart--curve-2 { color: #4fd6a8; }
        .chart--curve-3 { color: #eadb61; }
        .chart--curve-4 { color: #ef7d57; }
        .chart--curve-5 { color: #cf9bd8; }
        .chart--curve-6 { color: #7f9cf5; }
        .chart--curve-7 { color: #d8dee9; }
    }
    """

    plot: reactive[Plot] = reactive(Plot(title=""))

    def __init__(self, title: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: list[Strip] | None = None
        self.set_reactive(Chart.plot, Plot(title=title))

    def watch_plot(self) -> None:
        """Forget what was drawn: the plot is another one, or grew."""
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
                from whaletui.view.braille import draw  # numpy: only once there is a curve

                rows = draw(self.plot, size.width, size.height - 1)
            else:
                rows = [[("", -1)] for _ in range(size.height - 1)]
                rows[(size.height - 1) // 2] = [(safe(self.plot.empty)[: size.width].center(size.width), -2)]
            styles = {number: self._style(number) for number in range(-3, PALETTE_SIZE)}
            strips += [Strip([Segment(text, styles[colour]) for text, colour in row]) for row in rows]
        return [strip.adjust_cell_length(size.width, background).crop(0, size.width) for strip in strips]

    def _legend(self, width: int) -> Strip:
        segments = [Segment(self.plot.title, self._named("chart--title"))]
        used = len(self.plot.title)
        for one in self.plot.curves:
            words = self._named("chart--words")
            told = [
                Segment(f"  {_STROKES[one.dash % 3]} " if one.label else "  ", self._style(one.colour)),
                Segment(_legend_words(one), words),
            ]
            used += sum(segment.cell_length for segment in told)
            if used > width:
                break
            segments += told
        if self.plot.log:
            segments.append(Segment("  log", self._named("chart--level")))
        return Strip(segments)

    def _style(self, colour: int) -> Style:
        names = {-1: "chart--axis", -2: "chart--words", -3: "chart--level"}
        return self._named(names.get(colour, f"chart--curve-{colour}"))

    def _named(self, name: str) -> Style:
        return self.get_component_rich_style(name)


def _legend_words(one: Curve) -> str:
    latest = "" if one.latest is None else formats.loss(one.latest) if abs(one.latest) > 0.01 else f"{one.latest:.2g}"
    return " ".join(part for part in (safe(one.label, 24), latest) if part)
