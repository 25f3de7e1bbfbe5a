"""What goes over the wire when a part of the screen changes: that part, and of its style what is another."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from whaletui.widgets.changed import CroppedUpdate, changed_regions

RED, BLUE = Style(color="#ff0000", bgcolor="#000000"), Style(color="#0000ff", bgcolor="#000000")
BOLD = Style(color="#0000ff", bgcolor="#000000", bold=True)
STYLES = (RED, BLUE, BOLD, Style(bgcolor="#111111"), Style.null())


def strip(text: str, style: Style = RED) -> Strip:
    return Strip([Segment(text, style)])


def test_only_the_cells_that_changed_are_told_and_near_ones_as_one() -> None:
    before = [strip("the loss is 1.234 and falls"), strip("the same"), strip("epoch 1")]
    now = [strip("the loss is 1.299 and calls"), strip("the same"), strip("epoch 1", BLUE)]
    regions = changed_regions(before, now)
    assert regions == [Region(15, 0, 8, 1), Region(0, 2, 7, 1)]
    far = changed_regions([strip("a" + " " * 30 + "b")], [strip("c" + " " * 30 + "d")])
    assert far == [Region(0, 0, 1, 1), Region(31, 0, 1, 1)]


def test_a_change_after_wide_characters_lies_where_the_terminal_shows_it() -> None:
    assert changed_regions([strip("鯨 1")], [strip("鯨 2")]) == [Region(3, 0, 1, 1)]


def test_an_update_sends_the_span_and_leaves_the_terminal_as_it_was() -> None:
    line = Strip([Segment("whale ", RED), Segment("0042", BLUE), Segment(" dives", BLUE)])
    sent = CroppedUpdate([{0: line}], [(0, 6, 12)], [[16]]).render_segments(Console(color_system="truecolor"))
    assert sent == "\x1b[0m\x1b[1;7H\x1b[0;38;2;0;0;255;48;2;0;0;0m0042 d\x1b[0m"


LINES = st.lists(
    st.lists(st.tuples(st.text("ab ⣿", min_size=1, max_size=4), st.sampled_from(STYLES)), min_size=1, max_size=6),
    min_size=1, max_size=3,
)  # fmt: skip


@given(lines=LINES, data=st.data())
def test_any_part_of_any_lines_arrives_with_its_characters_and_styles(
    lines: list[list[tuple[str, Style]]], data: st.DataObject
) -> None:
    strips = [Strip([Segment(*piece) for piece in pieces]) for pieces in lines]
    spans = []
    for y, line in enumerate(strips):
        left = data.draw(st.integers(0, line.cell_length - 1))
        spans.append((y, left, data.draw(st.integers(left + 1, line.cell_length))))
    update = CroppedUpdate([{0: line} for line in strips], spans, [[line.cell_length] for line in strips])
    shown = seen_by_terminal(update.render_segments(Console(color_system="truecolor")))
    wanted = {
        (y, x): cell for y, left, right in spans for x, cell in enumerate(cells_of(strips[y])) if left <= x < right
    }
    assert {place: seen(cell) for place, cell in shown.items()} == {place: seen(cell) for place, cell in wanted.items()}


def seen(cell: tuple[str, frozenset[str]]) -> tuple[str, frozenset[str]]:
    """Return what a person sees of a cell: of a blank not its own colour."""
    character, style = cell
    return character, frozenset(part for part in style if character != " " or part.startswith("48"))


def cells_of(line: Strip) -> list[tuple[str, frozenset[str]]]:
    return [(character, sgr(segment.style)) for segment in line for character in segment.text]


def sgr(style: Style | None) -> frozenset[str]:
    """Return how a terminal is set after a style: foreground, background, bold."""
    found = re.search(r"\x1b\[([\d;]*)m", (style or Style.null()).render("x"))
    return frozenset(parts(found.group(1))) if found else frozenset()


def parts(codes: str) -> list[str]:
    return re.findall(r"(?:[34]8;2;\d+;\d+;\d+)|\d+", codes)


def seen_by_terminal(sent: str) -> dict[tuple[int, int], tuple[str, frozenset[str]]]:
    """Return what a terminal would hold: (row, column) -> character and style."""
    held: dict[tuple[int, int], tuple[str, frozenset[str]]] = {}
    row = column = 0
    style: dict[str, str] = {}
    for move, codes, text in re.findall(r"\x1b\[(\d+;\d+)H|\x1b\[([\d;]*)m|([^\x1b])", sent):
        if move:
            row, column = (int(part) - 1 for part in move.split(";"))
        elif text:
            held[row, column] = (text, frozenset(style.values()))
            column += 1
        for code in parts(codes):
            if code == "0":
                style.clear()
            else:
                style[code[:2]] = code
    return held
