"""A training photo as a spec would augment it: as validation sees it, beside a dozen draws; the engine makes them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widget import Widget
from textual.widgets import Static

from engine.contract.errors import WhaleError
from engine.contract.spec import RunSpec
from whaletui.safe import safe
from whaletui.screens.base import AtDesk, complaint
from whaletui.view.augment_lines import augment_lines
from whaletui.view.graphics import cell_pixels, graphics
from whaletui.view.picture import NO_PICTURES, Picture, picture
from whaletui.widgets.key_line import KeyLine
from whaletui.widgets.photo import Photo

if TYPE_CHECKING:
    from engine.contract.preview import Preview
    from whaletui.jobs.asking import Progress

DRAWS = 12
REMEMBERED = 24
"""Photos whose pictures are known; the engine keeps more in the cache."""

Place = tuple[int, int]
"""Which training photo, and which set of draws, counted from 0."""


class PreviewScreen(AtDesk[Place]):
    """Steps through photos and draws; answers with where it was."""

    TITLE = "augmentation"
    HELP_WORDS = (
        "On the left a training photo as validation sees it: cut to its box where the spec crops, and resized. Beside "
        "it what training would see in epoch after epoch, as the seed draws it, normalisation undone; below each what "
        "was done to it. Grey made after normalising comes out tinted: that is what the network gets."
    )
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (34, "-tall")]
    BINDINGS = [
        Binding("left,h", "step(-1)", "photo before", key_display="←"),
        Binding("right,l", "step(1)", "next photo", key_display="→"),
        Binding("space,down,j", "turn(1)", "other draws", key_display="space"),
        Binding("up,k", "turn(-1)", "draws before", key_display="↑"),
        Binding("home", "edge(0)", "first photo", show=False),
        Binding("end", "edge(-1)", "last photo", show=False),
        Binding("escape,f2", "leave", "back", key_display="esc"),
        Binding("question_mark,f1", "app.help", "help", key_display="?"),
    ]

    def __init__(self, spec: RunSpec, of: str, place: Place = (0, 0)) -> None:
        super().__init__()
        self.spec, self.of, self.place = spec, of, place
        self._known: dict[Place, Preview] = {}
        self._asking = False

    def compose(self) -> ComposeResult:
        """Lay out the photo over what is on, and the draws beside them."""
        yield Static(id="title")
        with Container(id="page"):  # the words lie over the pictures, whose places keep their sizes
            yield Horizontal(Vertical(*self._plain(), id="plain"), Container(*self._cells(), id="draws"), id="stage")
            yield Static("drawing …", id="words")
        yield KeyLine()

    def _plain(self) -> list[Widget]:
        return [Photo(id="photo"), Static(id="about"), VerticalScroll(Static(id="steps"), can_focus=False)]

    def _cells(self) -> list[Widget]:
        numbers = range(DRAWS)
        drawn = [(Photo(id=f"drawn-{number}"), Static(id=f"applied-{number}", classes="applied")) for number in numbers]
        return [Vertical(*both, id=f"draw-{number}", classes="draw") for number, both in enumerate(drawn)]

    def on_mount(self) -> None:
        """Have the first photo drawn."""
        steps = [Content.assemble((f"{name:<12}", "bold"), words) for name, words in augment_lines(self.spec.augment)]
        nothing = Content("nothing is on: training sees what validation sees")
        self.query_one("#steps", Static).update(Content("\n").join(steps) if steps else nothing)
        self._show()

    @property
    def shown(self) -> Preview | None:
        """The photo in sight; None: it is not drawn yet."""
        return self._known.get(self.place)

    # what is drawn

    def _fetch(self) -> None:
        """Have the photo in sight drawn where it is not, else those that the next keys lead to. One request at once."""
        if self._asking:
            return
        wanted = [self.place]
        if (shown := self.shown) is not None:
            row, turn = self.place
            near = [(row + 1, turn), (row, turn + 1)]
            further = [(row + 2, turn), (row, turn + 2), (row + 3, turn), (row - 1, turn)]
            missing = [(row % shown.photos, turn) for row, turn in (*near, *further)]
            wanted = [place for place in dict.fromkeys(missing) if place not in self._known]
            if not set(missing[:2]) & set(wanted):
                return

        def hear(progress: Progress) -> None:
            if not self.is_attached:  # the person has left: the engine need not go on
                raise WhaleError("nobody looks any more")

        def ask() -> tuple[Preview, ...]:
            from whaletui.jobs.preview import draw_previews
            from whaletui.launch import completed

            spec = completed(self.spec, self.desk.records, self.desk.workspace)
            return draw_previews(self.desk.workspace, spec, wanted, hear=hear)

        self._asking = True
        self.work("drawing photos", ask, self._take)

    def _take(self, drawn: tuple[Preview, ...]) -> None:
        """Remember what was drawn, and show the photo in sight if it is among it."""
        self._asking = False
        new = {(preview.row, preview.turn): preview for preview in drawn}
        waited = self.shown is None
        self._known = dict([*self._known.items(), *new.items()][-REMEMBERED:])
        if waited:
            self._show()
        else:
            self._fetch()

    def complain(self, about: str, error: BaseException) -> None:
        """Say in place of the pictures why there are none."""
        self._asking = False
        if self.shown is None:
            self._say(complaint(error))
        else:
            super().complain(about, error)

    def _say(self, words: str) -> None:
        self.query_one("#words", Static).update(Content(words))
        self.set_class(True, "-words")

    # what is shown

    def _show(self) -> None:
        """Show what is known at once, the pictures when they are decoded."""
        self._show_title()
        if graphics(os.environ) == "off":
            self._say(f"{NO_PICTURES}: WHALETUI_PICTURES=blocks draws them with half blocks all the same")
            return
        self._fetch()
        if (shown := self.shown) is None:
            self._say("drawing …")
            return
        if shown.trouble:
            self._say(safe(shown.trouble))
            return
        self.set_class(False, "-words")
        shape = f"{self.spec.image.width}x{self.spec.image.height}"
        cut = "cut to its box" if shown.boxed else "has no box" if self.spec.crop.enabled else "whole"
        self.query_one("#about", Static).update(Content(f"{cut}, {shape}"))
        for number, draw in enumerate(shown.draws[:DRAWS]):
            words = ", ".join(draw.applied) or "as it is"
            self.query_one(f"#applied-{number}", Static).update(Content(safe(words)))
        self.call_after_refresh(self._decode, shown)

    def _show_title(self) -> None:
        shown = self.shown
        photo = "" if shown is None else f"   {safe(shown.photo, 60)}   {safe(shown.label, 40)}"
        of = "" if shown is None else f" of {shown.photos:,}"
        row, turn = self.place
        self.query_one("#title", Static).update(
            Content.assemble(
                ("augmentation", "bold"),
                f" of {safe(self.of, 60)}   photo {row + 1:,}{of}{photo}   epochs {turn * DRAWS + 1} to ",
                f"{(turn + 1) * DRAWS}",
            )
        )

    def _decode(self, shown: Preview) -> None:
        """Decode the photo and its draws, as large as they stand, all in one worker."""
        paths = {"photo": shown.plain}
        paths |= {f"drawn-{number}": draw.path for number, draw in enumerate(shown.draws[:DRAWS])}
        sizes = {name: self.query_one(f"#{name}", Photo).size for name in paths}
        way, cell = graphics(os.environ), cell_pixels(sys.__stderr__.fileno()) if sys.__stderr__ else None

        def decode() -> dict[str, Picture]:
            return {
                name: picture(Path(path), (sizes[name].width, sizes[name].height), None, way, cell)
                for name, path in paths.items()
                if sizes[name].width and sizes[name].height
            }

        def show(pictures: dict[str, Picture]) -> None:
            for name, shown_one in pictures.items():
                self.query_one(f"#{name}", Photo).show(*shown_one)

        self.work(f"decoding {shown.photo}", decode, show, group="pictures")

    # what a person does

    def action_step(self, by: int) -> None:
        """Go to another photo; after the last comes the first."""
        if known := next(iter(self._known.values()), None):
            self._go(((self.place[0] + by) % known.photos, self.place[1]))

    def action_edge(self, row: int) -> None:
        """Go to the first photo, or the last."""
        if known := next(iter(self._known.values()), None):
            self._go((row % known.photos, self.place[1]))

    def action_turn(self, by: int) -> None:
        """Draw the same photo otherwise: as later epochs would, or earlier ones."""
        if self._known:
            self._go((self.place[0], max(self.place[1] + by, 0)))

    def _go(self, place: Place) -> None:
        if place != self.place:
            self.place = place
            self._show()

    def action_leave(self) -> None:
        """Go back to the form."""
        self.dismiss(self.place)

    def on_screen_resume(self) -> None:
        """Show the pictures again: another screen was painted over them."""
        if self.shown is not None:
            self._show()

    def on_resize(self, event: Resize) -> None:
        """Decode the pictures for their new size."""
        if self.shown is not None:
            self.call_after_refresh(self._show)
