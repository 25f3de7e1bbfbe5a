"""A photo's truth and guesses as lines of text. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from whaletui.records.model import RunRecord
from whaletui.safe import safe
from whaletui.view import formats
from whaletui.view.looked import Looked

if TYPE_CHECKING:
    from whaletui.view.neighbours import Neighbour


def truth_lines(looked: Looked, other: Looked | None, run: RunRecord | None) -> Content:
    """Return the lines below a photo: its name, its truth, and what another run said of it."""
    worth = "worth nothing" if not looked.worth else f"worth {looked.worth:.2f}"
    lines = [
        Content.assemble((safe(looked.photo, 40), "$foreground-muted")),
        Content.assemble(
            ("truth ", "$foreground-muted"), (safe(looked.truth, 20), "bold $text-primary"), "   ",
            (worth, "$text-success" if looked.worth else "$text-warning"),
        ),
    ]  # fmt: skip
    if run is not None:
        said = ", ".join(safe(guess.whale, 20) for guess in other.guesses) if other else "has not seen this photo"
        lines.append(Content.assemble((f"run {run.id} said ", "$foreground-muted"), said))
    return Content("\n").join(lines)


def _name(looked: Looked, number: int) -> tuple[str, str]:
    """Return rank, mark and whale of a guess, with the style of a right one."""
    whale = looked.guesses[number].whale
    right = whale == looked.truth
    return f"{number + 1} {'✓' if right else ' '} {safe(whale, 20)}", "bold $text-success" if right else "$foreground"


def _near_words(near: Sequence[Neighbour], number: int) -> str:
    if number >= len(near):
        return ""
    one = near[number]
    words = formats.count(one.count, "photo")
    return words if one.similarity is None else f"{words}, nearest {one.similarity:.2f}"


def said_lines(looked: Looked, near: Sequence[Neighbour], number: int) -> Content:
    """Return the lines below the photo of a guess."""
    share = looked.guesses[number].share
    bar = Content.assemble((formats.bar(share, 8), "$primary"), f" {share:.2f}")
    return Content("\n").join([Content.styled(*_name(looked, number)), bar, Content(_near_words(near, number))])


def guess_lines(looked: Looked, near: Sequence[Neighbour], chosen: int) -> Content:
    """Return the guesses as lines, the chosen one marked."""
    lines = []
    for number, guess in enumerate(looked.guesses):
        name, style = _name(looked, number)
        mark = "▸ " if number == chosen else "  "
        bar = (formats.bar(guess.share, 10), "$primary")
        words = _near_words(near, number)
        lines.append(Content.assemble((mark, "$accent"), (f"{name:<18}", style), bar, f" {guess.share:.2f}   {words}"))
    return Content("\n").join(lines)
