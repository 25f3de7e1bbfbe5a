"""All photos of the data, what they are like, and the boxes around their flukes, so that a person sees them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from engine.contract.errors import DataError, WhaleError
from whaletui.records.model import State
from whaletui.safe import safe
from whaletui.screens.base import AtDesk
from whaletui.screens.choose import Choice, Choose
from whaletui.view import formats
from whaletui.widgets.key_line import KeyLine
from whaletui.widgets.thumbnails import Thumbnail, Thumbnails

if TYPE_CHECKING:
    from engine.contract.photo_facts import DataFacts, PhotoFacts
    from whaletui.jobs.asking import Progress
    from whaletui.view.photo_walk import Walk

BAR_CELLS = 16
NO_BOXES = "none"


class DataScreen(AtDesk[None]):
    """Walks through photos; all of them, or those with something odd about them."""

    TITLE = "photos"
    HELP_WORDS = (
        "Every photo of the data. A box is drawn where the chosen table has one: people's, or those of a detector's "
        "run, with how certain it is of each. v shows duplicates, contradicting labels, small boxes and more."
    )
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
    BINDINGS = [
        Binding("left", "step(-1)", "before", key_display="←"),
        Binding("right", "step(1)", "next", key_display="→"),
        Binding("up,k", "line(-1)", "line up", show=False),
        Binding("down,j", "line(1)", "line down", show=False),
        Binding("left_square_bracket,pageup", "page(-1)", "page back", key_display="["),
        Binding("right_square_bracket,pagedown,space", "page(1)", "next page", key_display="]"),
        Binding("v", "walk", "which photos"),
        Binding("b", "boxes", "which boxes"),
        Binding("escape", "app.pop_screen", "back", key_display="esc"),
        Binding("question_mark", "app.help", "help", key_display="?"),
        Binding("q", "app.quit", "quit", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.facts: DataFacts | None = None
        self.walks: Sequence[Walk] = ()
        self.walk, self.place = 0, 0
        self.source = ""  # the table whose boxes are drawn
        self._known: dict[tuple[str, str], Thumbnail] = {}

    def compose(self) -> ComposeResult:
        """Lay out the figures beside the pictures."""
        yield Static(id="title")
        with Horizontal():
            with VerticalScroll(id="side", can_focus=False):
                yield Static(id="about")
                yield Static("looking at the photos …", id="figures")
                yield Static(id="histogram")
            yield Thumbnails()
        yield KeyLine()

    def on_mount(self) -> None:
        """Look at the data, with the boxes that lie with it."""
        self.query_one("#title", Static).update(Content.assemble(("photos", "bold")))
        self._look(None)

    def _look(self, source: str | None) -> None:
        """Have the engine look; `source` names a table of boxes, None the data's own."""

        def hear(progress: Progress) -> None:
            if not self.is_attached:  # the person has left: the engine need not go on
                raise WhaleError("nobody looks any more")
            self.post_message(self.Done(self._show_progress, progress))

        def look() -> DataFacts:
            from whaletui.jobs.data import look_at_data

            folder = self.desk.records.setting("data")
            if not folder:
                raise DataError("this workspace has no data yet", "whaletui init --data DIR")
            root = self.desk.workspace.root / folder
            boxes = source if source is not None else "boxes.tsv" if (root / "boxes.tsv").is_file() else ""
            return look_at_data(self.desk.workspace, str(root), boxes, hear)

        self.work("looking at the photos", look, self._begin, group="facts")

    def _show_progress(self, progress: Progress) -> None:
        if self.facts is None:
            how_far = f" {progress.done:,} of {progress.total:,}" if progress.total else ""
            self.query_one("#figures", Static).update(Content(f"{safe(progress.phase)}{how_far} …"))

    def _begin(self, facts: DataFacts) -> None:
        from whaletui.view.photo_walk import walks

        before = self.walks[self.walk].name if self.walks else ""
        self.facts, self.source = facts, facts.boxes
        self.walks = walks(facts)
        self.walk = next((place for place, walk in enumerate(self.walks) if walk.name == before), 0)
        self.place = min(self.place, len(self.photos) - 1)
        self._known.clear()
        self._show_figures(facts)
        self._show()

    def _show_figures(self, facts: DataFacts) -> None:
        from whaletui.view.data_lines import figures, histogram

        lines = [Content.assemble((f"{name:<11}", "$foreground-muted"), words) for name, words in figures(facts)]
        self.query_one("#figures", Static).update(Content("\n").join(lines))
        bars = histogram(facts)
        most = max((one.ids for one in bars), default=1) or 1
        drawn = [Content.styled("ids by their number of photos", "bold")]
        for one in bars:
            cells = formats.bar(one.ids / most, BAR_CELLS)
            drawn.append(
                Content.assemble((f"{one.photos:>7} ", "$foreground-muted"), (cells, "$primary"), f" {one.ids:,}")
            )
        self.query_one("#histogram", Static).update(Content("\n").join(drawn))

    @property
    def photos(self) -> tuple[PhotoFacts, ...]:
        """The photos that are walked through."""
        return self.walks[self.walk].photos if self.walks else ()

    @property
    def current(self) -> PhotoFacts | None:
        """The photo that is marked."""
        return self.photos[self.place] if self.photos else None

    def _show(self) -> None:
        """Show what is known at once, pictures when they are decoded."""
        from whaletui.view.photo_walk import photo_lines

        if self.facts is None or (photo := self.current) is None:
            return
        boxes = f"   boxes of {safe(Path(self.source).name)}" if self.source else "   no boxes"
        if self.source and (run := self._run_of(self.source)):
            boxes = f"   boxes of run {safe(run)}"
        place = f"{self.place + 1:,} of {len(self.photos):,}"
        self.query_one("#title", Static).update(
            Content.assemble(
                (self.walks[self.walk].name, "bold"),
                f"   {place}{boxes}",
                (f"   {safe(Path(self.facts.folder).name)}", "$foreground-muted"),
            )
        )
        lines = [
            Content.assemble((f"{name:<11}", "$foreground-muted"), (words, "bold"))
            for name, words in photo_lines(photo)
        ]
        self.query_one("#about", Static).update(Content("\n").join(lines))
        self._decode()

    def _run_of(self, source: str) -> str:
        """Return the folder of the run that a table lies in, or nothing."""
        path = Path(source)
        return path.parent.name if path.is_relative_to(self.desk.workspace.runs) else ""

    def _decode(self) -> None:
        pictures = self.query_one(Thumbnails)
        if not pictures.size.width or self.facts is None:
            return
        width, height = pictures.picture
        first = self.place // pictures.capacity * pictures.capacity
        page = self.photos[first : first + pictures.capacity]
        folder, known = Path(self.facts.folder), self._known
        wanted = [photo for photo in page if _key(photo) not in known]
        from whaletui.view.photo_walk import caption

        def show(_: object = None) -> None:
            blank = [known.get(_key(photo)) or Thumbnail([], caption(photo)) for photo in page]
            pictures.show(blank, self.place - first)

        def decode() -> None:
            from whaletui.view.halfblocks import half_blocks

            for photo in wanted:
                words = caption(photo)
                try:
                    rows = half_blocks(folder / photo.part / photo.name, width, height, photo.box)
                except DataError as error:
                    rows, words = [], safe(error.message)
                known[_key(photo)] = Thumbnail(rows, words)

        show()
        if wanted:
            self.work(f"decoding {len(wanted)} photos", decode, show, group="photos")

    def action_step(self, by: int) -> None:
        """Mark another photo; after the last comes the first."""
        if self.photos:
            self.place = (self.place + by) % len(self.photos)
            self._show()

    def action_line(self, by: int) -> None:
        """Mark the photo above or below."""
        self._go(self.place + by * self.query_one(Thumbnails).columns)

    def action_page(self, by: int) -> None:
        """Turn to another page."""
        self._go(self.place + by * self.query_one(Thumbnails).capacity)

    def _go(self, place: int) -> None:
        if self.photos:
            self.place = max(0, min(place, len(self.photos) - 1))
            self._show()

    @on(Thumbnails.Chosen)
    def chosen(self, message: Thumbnails.Chosen) -> None:
        """Mark the photo that was clicked."""
        capacity = self.query_one(Thumbnails).capacity
        self._go(self.place // capacity * capacity + message.place)

    def action_walk(self) -> None:
        """Choose which photos to walk through."""
        if not self.walks:
            return
        choices = [
            Choice(str(place), walk.name, formats.count(len(walk.photos), "photo"))
            for place, walk in enumerate(self.walks)
        ]

        def walk(chosen: str | None) -> None:
            if chosen is not None:
                self.walk, self.place = int(chosen), 0
                self._show()

        self.app.push_screen(Choose("which photos", choices, str(self.walk)), walk)

    def action_boxes(self) -> None:
        """Choose whose boxes are drawn."""
        self.work("looking for boxes", self._tables, self._choose_boxes)

    def _tables(self) -> list[Choice]:
        """Return the tables of boxes there are: those with the data, and those of finished detectors."""
        records = self.desk.records
        root = self.desk.workspace.root / (records.setting("data") or ".")
        found = [
            Choice(str(path), path.name, "with the data")
            for path in sorted([*root.glob("*boxes*.tsv"), *root.glob("*boxes*.csv")])
        ]
        for run in records.in_states(State.FINISHED):
            path = self.desk.workspace.root / run.folder / "boxes.tsv"
            if run.method == "detector" and path.is_file():
                found.append(Choice(str(path), f"run {run.id} {safe(run.name)}", safe(run.reason)))
        return [*found, Choice(NO_BOXES, "no boxes")]

    def _choose_boxes(self, choices: list[Choice]) -> None:
        def look(chosen: str | None) -> None:
            if chosen is not None:
                self._look("" if chosen == NO_BOXES else chosen)

        self.app.push_screen(Choose("whose boxes", choices, self.source), look)

    def on_resize(self, event: Resize) -> None:
        """Decode the pictures for their new size."""
        self._known.clear()
        self.call_after_refresh(self._show)


def _key(photo: PhotoFacts) -> tuple[str, str]:
    return photo.part, photo.name
