"""What the ensemble screen says above its candidates: score, gain, noise, and what a search is worth. Pure."""

from __future__ import annotations

from typing import Protocol

from textual.content import Content

from whaletui.safe import safe
from whaletui.view import formats

BLEND_WORDS = {
    "logits": "mean of the logits",
    "probabilities": "mean of calibrated probabilities",
    "geometric": "geometric mean of calibrated probabilities",
    "ranks": "mean rank",
}


class ScoreLike(Protocol):
    """MAP@5 with its interval and its parts."""

    @property
    def map5(self) -> float:
        """The mean."""

    @property
    def low(self) -> float:
        """Of its 95 % interval."""

    @property
    def high(self) -> float:
        """Of its 95 % interval."""

    @property
    def known(self) -> float:
        """On photos of known whales."""

    @property
    def new(self) -> float:
        """On photos of new whales."""

    @property
    def photos(self) -> int:
        """How many."""


class IntervalLike(Protocol):
    """A mean difference with its interval."""

    @property
    def mean(self) -> float:
        """The mean."""

    @property
    def low(self) -> float:
        """Of its 95 % interval."""

    @property
    def high(self) -> float:
        """Of its 95 % interval."""

    @property
    def verdict(self) -> str:
        """A word for it: "real", "noise", "a loss"."""


class FoundLike(Protocol):
    """What a search came to."""

    @property
    def method(self) -> str:
        """Its name."""

    @property
    def steps(self) -> int:
        """How many votes it gave."""

    @property
    def held_out(self) -> float:
        """MAP@5 on photos that it did not choose by."""

    @property
    def held_out_single(self) -> float:
        """The best single's on the same."""

    @property
    def gain(self) -> IntervalLike:
        """Their difference."""


def verdict(gain: IntervalLike) -> tuple[str, str]:
    """Return whether a gain is real, in a word, and its style."""
    styles = {"real": "bold $text-success", "noise": "$text-warning", "a loss": "bold $text-error"}
    return gain.verdict, styles[gain.verdict]


def search_words(found: FoundLike) -> Content:
    """Return what a search is worth on photos that it did not choose by."""
    word, style = verdict(found.gain)
    return Content.assemble(
        (f"{found.method} search", "$accent"), f" {formats.count(found.steps, 'vote')}",
        ("   held out ", "$foreground-muted"), (formats.score(found.held_out), "bold"),
        (" against ", "$foreground-muted"), formats.score(found.held_out_single),
        ("   gain ", "$foreground-muted"), (f"{found.gain.mean:+.3f}", style),
        f" {formats.interval(found.gain.low, found.gain.high)} ", (word, style),
    )  # fmt: skip


def headline(
    *,
    members: int,
    blend: str,
    score: ScoreLike,
    best: ScoreLike,
    gain: IntervalLike,
    oracle: float,
    constant: float | None,
    duplicates: float | None,
    name: str,
    marks: str,
    found: Content | None,
    width: int,
) -> Content:
    """Return three lines about a blend, and a fourth where a search chose it."""
    word, style = verdict(gain)
    title = f"{safe(name, 40)}: " if name else ""
    lines = [
        Content.assemble(
            (f"{title}vote of {formats.count(members, 'run' if members == 1 else 'member')}", "bold $accent"),
            f"   {BLEND_WORDS[blend]}", (f"   {marks}", "bold $text-warning") if marks else "",
        ),
        Content.assemble(
            ("MAP@5 ", "$foreground-muted"), (formats.score(score.map5), "bold"),
            f" {formats.interval(score.low, score.high)}", ("   best single ", "$foreground-muted"),
            formats.score(best.map5), ("   gain ", "$foreground-muted"), (f"{gain.mean:+.3f}", style),
            f" {formats.interval(gain.low, gain.high)} " if width >= 90 else " ", (word, style),
        ),
        Content.assemble(
            ("known ", "$foreground-muted"), formats.score(score.known),
            (" new ", "$foreground-muted"), formats.score(score.new),
            ("   over constant ", "$foreground-muted"), formats.delta(score.map5, constant) or "?",
            (" duplicates ", "$foreground-muted"), formats.delta(score.map5, duplicates) or "?",
            ("   oracle at 5 " if width >= 90 else "   oracle ", "$foreground-muted"), formats.score(oracle),
            (f"   {formats.count(score.photos, 'photo')}" if width >= 90 else "", "$foreground-muted"),
        ),
    ]  # fmt: skip
    if found is not None:
        lines.append(found)
    return Content("\n").join(lines)
