"""What a spec makes of single training photos, drawn by the engine so that a person can look before a run starts."""

from __future__ import annotations

import msgspec


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """One augmented picture: its file, and the names of the transforms that were drawn for it, in their order."""

    path: str
    applied: tuple[str, ...] = ()


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A training photo as the network would see it, and some draws of the augmentation.

    `row` counts the photos of train.csv from 0, `turn` the sets of draws. `trouble` says why there is no picture.
    """

    row: int
    turn: int
    photos: int  # of the data set
    photo: str
    label: str
    plain: str = ""  # the file of the photo cut and resized, as validation sees it
    boxed: bool = False
    draws: tuple[Draw, ...] = ()
    trouble: str = ""
