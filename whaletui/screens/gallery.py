"""Photos one at a time beside their five guesses, each guessed whale with a training photo of it.

Opened on a run, or on anything that guesses (`whaletui.view.looked.GuessSource`); on two of them, to see what one knows
and the other does not.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.screens.base import AtDesk
from whaletui.screens.choose import Choice, Choose
from whaletui.screens.run_guesses import RunGuesses
from whaletui.view import formats
from whaletui.view.graphics import cell_pixels, graphics
from whaletui.view.looked import WAYS, GuessSource, Looked, sifted
from whaletui.view.picture import Picture, picture
from whaletui.widgets.guess_lines import guess_lines, said_lines, truth_lines
from whaletui.widgets.key_line import KeyLine
from whaletui.widgets.photo import Photo

if TYPE_CHECKING:
    from whaletui.view.neighbours import Box, Neighbour, Neighbours

GUESSES = 5


class Gallery(AtDesk[None]):
    """Steps through photos, all of them or those that a way of sifting keeps."""

    TITLE = "gallery"
    HELP_WORDS = (
        "Each validation photo with its five guesses, and for each a training photo of that whale: the nearest one "
        "where the run has embeddings, else the first. A right first guess is worth 1, a right second one 1/2. f "
        "sifts: mistakes, the surest first, new_whale mixed up, right here and wrong in another run (b names it)."
    )
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
    BINDINGS = [
        Binding("left,h", "step(-1)", "before", key_display="←"),
        Binding("right,l,space", "step(1)", "next", key_display="→"),
        Binding("up,k", "guess(-1)", "guess", key_display="↑↓"),
        Binding("down,j", "guess(1)", "guess below", show=False),
        Binding("f", "sift", "sift"),
        Binding("w", "wrong", "wrong only"),
        Binding("b", "against", "against a run"),
        Binding("pageup", "step(-10)", "ten before", show=False),
        Binding("pagedown", "step(10)", "ten on", show=False),
        Binding("home", "edge(0)", "first", show=False),
        Binding("end", "edge(-1)", "last", show=False),
        Binding("escape", "app.pop_screen", "back", key_display="esc"),
        Binding("question_mark", "app.help", "help", key_display="?"),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self, source: RunRecord | GuessSource, other: RunRecord | None = None) -> None:
        super().__init__()
        self._source, self.other = source, other
        self.everything: Sequence[Looked] = ()
        self.others: dict[str, Looked] = {}  # the other run's, by photo
        self.shown: Sequence[Looked] = ()
        self.place = self.guess = 0
        self.way = "here" if other else "all"
        self._neighbours: Neighbours | None = None
        self._boxes: dict[str, Box] = {}

    @property
    def source(self) -> GuessSource:
        """What guessed."""
        if isinstance(self._source, RunRecord):
            self._source = RunGuesses(self._source, self.desk)
        return self._source

    def compose(self) -> ComposeResult:
        """Lay out the photo beside a photo for each guess; the guesses below where only one of those has room."""
        yield Static(id="title")
        with Horizontal(id="stage"):
            with Vertical(id="query"):
                yield Photo(id="photo")
                yield Static("reading …", id="truth")
            for number in range(GUESSES):
                with Vertical(id=f"answer-{number}", classes="answer"):
                    yield Photo(id=f"near-{number}")
                    yield Static(id=f"said-{number}", classes="said")
        yield Static(id="guesses")
        yield KeyLine()

    def on_mount(self) -> None:
        """Read what was guessed."""
        self.work(f"reading the guesses of {self.source.title}", self.source.read, self._begin)
        if self.other is not None:
            self._read_other(self.other)

    def _begin(self, everything: list[Looked]) -> None:
        """Take the photos, show them, and find out which training photos stand for the guesses."""
        self.everything = everything
        self._sift()
        source, held_back = self.source, {one.photo for one in everything}

        def learn() -> Neighbours:
            from whaletui.view.neighbours import Neighbours

            return Neighbours(source.data_folder, held_back, source.embeddings)

        def show(neighbours: Neighbours) -> None:
            self._neighbours = neighbours
            self._show()

        self.work("reading the training photos", learn, show)
        if source.boxes is not None and source.boxes.is_file():
            self._read_boxes(source.boxes)

    def _read_boxes(self, table: Path) -> None:
        def read() -> dict[str, Box]:
            from whaletui.view.neighbours import read_boxes

            return read_boxes(table)

        def show(boxes: dict[str, Box]) -> None:
            self._boxes = boxes
            self._show()

        self.work("reading the boxes", read, show)

    def _read_other(self, run: RunRecord) -> None:
        source = RunGuesses(run, self.desk)

        def take(found: list[Looked]) -> None:
            self.other, self.others = run, {one.photo: one for one in found}
            shared = sum(one.photo in self.others for one in self.everything)
            if self.everything and not shared:
                self.warn(f"{source.title} validated on other photos: nothing can be set against it")
            self._sift()

        self.work(f"reading the guesses of {source.title}", source.read, take)

    @property
    def current(self) -> Looked | None:
        """The photo in sight."""
        return self.shown[self.place] if self.shown else None

    # what is shown

    def _sift(self) -> None:
        """Keep the photos of the way that was chosen, staying at the one in sight where it is among them."""
        before = self.current
        self.shown = sifted(self.everything, self.way, self.others)
        self.place = self.shown.index(before) if before in self.shown else 0
        self._show()

    def _show(self) -> None:
        """Show the guesses at once, the pictures when they are decoded."""
        looked = self.current
        self._show_title()
        if looked is None:
            words = "no photo" if self.everything else "reading …"
            self.query_one("#truth", Static).update(words)
            self.query_one("#guesses", Static).update("")
            for photo in self.query(Photo):
                photo.show([])
            for said in self.query(".said").results(Static):
                said.update("")
            return
        near = self._neighbours.of(looked) if self._neighbours is not None else []
        self.guess = min(self.guess, len(looked.guesses) - 1)
        other = self.others.get(looked.photo)
        self.query_one("#truth", Static).update(truth_lines(looked, other, self.other))
        self.query_one("#guesses", Static).update(guess_lines(looked, near, self.guess))
        for number in range(GUESSES):
            self.query_one(f"#answer-{number}").set_class(number == self.guess, "-chosen")
            said = self.query_one(f"#said-{number}", Static)
            said.update(said_lines(looked, near, number) if number < len(looked.guesses) else "")
        self.call_after_refresh(self._decode, looked, near)

    def _show_title(self) -> None:
        place = f"{self.place + 1:,} of {len(self.shown):,}" if self.shown else "none"
        against = f" against run {self.other.id}" if self.other else ""
        self.query_one("#title", Static).update(
            Content.assemble((f"{self.source.title}{against}", "bold"), f"   {WAYS[self.way].words}   {place}")
        )

    def _decode(self, looked: Looked, near: Sequence[Neighbour]) -> None:
        """Decode the photo and those that stand for its guesses, all in one worker."""
        folder, box = self.source.data_folder / "train", self._boxes.get(looked.photo)
        wanted: list[tuple[str, Path | None, tuple[int, int], Box | None]] = []
        for number in range(-1, GUESSES):
            name = "photo" if number < 0 else f"near-{number}"
            photo = looked.photo if number < 0 else near[number].photo if number < len(near) else ""
            size = self.query_one(f"#{name}", Photo).size
            if size.width and size.height:
                wanted.append((name, folder / photo if photo else None, (size.width, size.height), box))
            box = None

        way, cell = graphics(os.environ), cell_pixels(sys.__stderr__.fileno()) if sys.__stderr__ else None

        def decode() -> dict[str, Picture]:
            return {name: picture(path, size, box, way, cell) for name, path, size, box in wanted}

        def show(pictures: dict[str, Picture]) -> None:
            for name, shown in pictures.items():
                self.query_one(f"#{name}", Photo).show(*shown)

        self.work(f"decoding {looked.photo}", decode, show, group="photo")

    # what a person does

    def action_step(self, by: int) -> None:
        """Go to another photo; after the last comes the first."""
        if self.shown:
            self.place = (self.place + by) % len(self.shown)
            self.guess = 0
            self._show()

    def action_edge(self, place: int) -> None:
        """Go to the first photo, or the last."""
        if self.shown:
            self.place = place % len(self.shown)
            self._show()

    def action_guess(self, by: int) -> None:
        """Look at another guess."""
        if self.current is not None:
            self.guess = (self.guess + by) % len(self.current.guesses)
            self._show()

    def action_wrong(self) -> None:
        """Show only photos whose first guess is wrong, or all again, staying at the photo where it is among them."""
        self.way = "all" if self.way == "wrong" else "wrong"
        self._sift()

    def action_sift(self) -> None:
        """Choose which photos to look at, each way with how many it keeps."""
        choices = []
        for key, way in WAYS.items():
            if way.needs_other and self.other is None:
                about = "b names the other run first"
            else:
                about = formats.count(len(sifted(self.everything, key, self.others)), "photo")
            choices.append(Choice(key, way.words, about))

        def choose(key: str | None) -> None:
            if key is not None:
                self.way = key
                self._sift()
                if WAYS[key].needs_other and self.other is None:
                    self.action_against()

        self.app.push_screen(Choose("look at", choices, self.way), choose)

    def action_against(self) -> None:
        """Choose the run to set this one against."""

        def offer(runs: Sequence[RunRecord]) -> None:
            known = {str(run.id): run for run in runs if run.can_vote}
            choices = [
                Choice(key, f"run {key} {safe(run.name, 60)}", f"MAP@5 {formats.score(run.map5)}")
                for key, run in known.items()
            ]

            def choose(key: str | None) -> None:
                if key is not None:
                    self.way = self.way if WAYS[self.way].needs_other else "here"
                    self._read_other(known[key])

            self.app.push_screen(Choose("against which run", choices), choose)

        self.work("reading the runs", lambda: self.desk.records.page("state=finished", limit=200).rows, offer)

    def on_screen_resume(self) -> None:
        """Show the pictures again: another screen was painted over them."""
        if self.everything:
            self._show()

    def on_resize(self, event: Resize) -> None:
        """Decode the pictures for their new size."""
        self.call_after_refresh(self._show)
