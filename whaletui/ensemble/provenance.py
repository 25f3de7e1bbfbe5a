"""Provenance: what a submission was made of, so that anybody can make the same bytes again, or see why not."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import msgspec

from engine.contract.ranking import Score
from engine.contract.summary import Figures
from whaletui.ensemble.blend import BLEND_WORDS, CALIBRATED, Blend
from whaletui.ensemble.calibration import Calibration
from whaletui.ensemble.voices import Voice


class MadeOf(msgspec.Struct, frozen=True, kw_only=True):
    """A run that voted: `digest` is of its spec without name and seed."""

    run: int
    name: str
    digest: str
    seed: int
    fold: int
    attempt: int


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A member with its weight and, where the blend is a calibrated one, what its scores were multiplied by."""

    key: str
    name: str
    weight: float
    beta: float | None
    runs: tuple[MadeOf, ...]
    blend: str = ""  # of a member that is an ensemble
    members: tuple[Member, ...] = ()


class Provenance(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of the file beside a submission."""

    csv: str
    sha256: str
    rows: int
    whaletui: str
    blend: str
    blend_words: str
    members: tuple[Member, ...]
    labels_digest: str
    labels: int
    validation: Figures
    best_single: float
    gain: float
    gain_low: float
    gain_high: float
    copies: int | None  # test photos that took the label of the training photo they copy; None: the switch was off
    command: str


def members_of(voices: Sequence[Voice], weights: Sequence[float], fitted: Sequence[Calibration]) -> tuple[Member, ...]:
    """Return the members as provenance tells of them."""
    betas: list[float | None] = [one.whole for one in fitted]
    betas = betas or [None] * len(voices)
    return tuple(
        Member(
            key=voice.key, name=voice.name, weight=weight, beta=beta,
            runs=tuple(
                MadeOf(run=run.id, name=run.name, digest=run.digest, seed=run.seed, fold=run.fold, attempt=run.attempt)
                for run in voice.runs
            ),
            blend=voice.ensemble.blend if voice.ensemble else "",
            members=members_of(voice.members, [m.weight for m in voice.ensemble.members], ()) if voice.ensemble else (),
        )
        for voice, weight, beta in zip(voices, weights, betas, strict=True)
    )  # fmt: skip


def command_of(voices: Sequence[Voice], weights: Sequence[float], blend: Blend, copies: bool, path: str) -> str:
    """Return the command that makes a submission again, run in its workspace."""
    words = ["whaletui", "ensemble", *(voice.key for voice in voices)]
    if len(set(weights)) > 1:
        words += ["--weights", *(f"{weight:g}" for weight in weights)]
    if len(voices) > 1:
        words += ["--blend", blend]
    if copies:
        words.append("--duplicates")
    return shlex.join([*words, "--export", path])


def words_of(blend: Blend) -> str:
    """Return a blend in words, with what calibration means there."""
    fitted = "; each member's scores are multiplied by its beta, fitted on validation photos"
    return BLEND_WORDS[blend] + (fitted if blend in CALIBRATED else "")


def figures(score: Score) -> Figures:
    """Return a score as JSON can hold it."""
    return Figures.of(score)
