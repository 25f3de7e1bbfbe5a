"""Figures of a data set, its histogram and its walks, by pencil."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from engine.contract.photo_facts import DataFacts, PhotoFacts
from whaletui.view.data_lines import figures, histogram
from whaletui.view.halfblocks import BOX_COLOUR, half_blocks
from whaletui.view.photo_walk import caption, photo_lines, walks


def photo(name: str, label: str = "", **changes: object) -> PhotoFacts:
    part = "train" if label else "test"
    return PhotoFacts(**{"name": name, "part": part, "label": label, "height": 10, "width": 20, **changes})  # type: ignore[arg-type]


PHOTOS = (
    photo("a", "w_1", group=1, grey=True, box=(0.0, 0.0, 10.0, 20.0), confidence=0.04),
    photo("b", "new_whale", group=1, box=(0.0, 0.0, 5.0, 10.0), confidence=0.9),
    photo("c", "w_2"),
    photo("d", "w_3"),
    photo("e", "w_3", height=0, width=0, trouble="the photo e cannot be read: it is empty"),
    photo("t", group=1),
    photo("u"),
)
FACTS = DataFacts(folder="/whales", digest="", photos=PHOTOS, boxes="boxes.tsv")


def test_the_histogram_counts_ids_and_leaves_new_whale_out() -> None:
    assert [(bar.photos, bar.ids) for bar in histogram(FACTS)] == [("1", 2), ("2", 1)]
    many = tuple(photo(f"p{number}", "w_9") for number in range(30))
    found = histogram(DataFacts(folder="", digest="", photos=many))
    assert [(bar.photos, bar.ids) for bar in found if bar.ids] == [("21-30", 1)]


def test_figures_by_pencil() -> None:
    told = dict(figures(FACTS))
    assert told["photos"] == "5 training, 2 test"
    assert told["ids"] == "3, and 1 photo of new_whale"
    assert told["one photo"] == "2 ids, 67%"
    assert told["sizes"] == "all 20 x 10"
    assert told["grey"] == "1 training (20%), 0 test (0%)"
    assert told["duplicates"] == "1 photo saved 3 times"
    assert told[""] == "1 test photos copy a training photo, 50%"
    assert told["two labels"] == "1 photo saved under more than one id"
    assert told["unreadable"] == "1"
    assert told["boxes"] == "2 of 7 photos, 1 of them whole"
    assert told["background"] == "most of 1 photo, 50%"


def test_walks_show_what_is_odd_and_leave_empty_ones_out() -> None:
    found = {walk.name: [one.name for one in walk.photos] for walk in walks(FACTS)}
    assert found["two labels"] == found["duplicates"] == ["a", "b", "t"]
    assert found["least certain"] == ["a", "b"]
    assert found["left whole"] == ["a"]
    assert found["mostly background"] == ["b"]
    assert found["unreadable"] == ["e"]
    assert "grey" in found
    assert [walk.name for walk in walks(DataFacts(folder="", digest="", photos=PHOTOS[2:4]))] == ["all photos"]


def test_names_from_outside_are_made_safe() -> None:
    hostile = photo("\x1b]0;title\x07x", "\x1b[31mw")
    assert "\x1b" not in caption(hostile) + str(photo_lines(hostile))


def test_a_box_is_drawn_where_it_lies(tmp_path: Path) -> None:
    Image.new("RGB", (80, 80), (0, 0, 0)).save(tmp_path / "p.jpg", quality=95)
    rows = half_blocks(tmp_path / "p.jpg", 20, 10, (20.0, 40.0, 60.0, 80.0))  # a pixel of the picture is 4 x 4
    pixels = [[cell[half] for cell in row] for row in rows for half in (0, 1)]
    lit = {(y, x) for y, line in enumerate(pixels) for x, pixel in enumerate(line) if pixel == BOX_COLOUR}
    assert (min(y for y, _ in lit), min(x for _, x in lit)) == (5, 10)
    assert (max(y for y, _ in lit), max(x for _, x in lit)) == (14, 19)
    assert (8, 13) not in lit  # a line, not a patch
