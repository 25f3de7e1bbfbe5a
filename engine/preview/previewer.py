"""Training photos as a spec would augment them, as pictures in a cache: one as validation sees it, and some draws."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.contract.dataset import read_dataset
from engine.contract.errors import DataError, DiskError, SpecError
from engine.contract.method import DetectorMethod
from engine.contract.preview import Draw, Preview
from engine.contract.spec import RunSpec
from engine.crop.apply import Box
from engine.crop.boxes import find_table, photo_paths, read_boxes
from engine.data.augment import IMAGENET_MEAN, IMAGENET_STD, NAMES, TrainingTransform
from engine.data.images import Images, Source

DRAWS = 12
"""Draws of a photo in one turn."""
KEPT = 40
"""Photos whose pictures are kept in the cache; the oldest give way."""
LARGEST = 512
"""Pixels of the longer side of a picture that is kept; a larger one is shrunk."""
GAP = 8
"""Pixels between the pictures of a sheet."""

Pixels = NDArray[np.uint8]


class Previewer:
    """Draws photos of one spec.

    Raises:
        SpecError: the augmentation is refused, or the method has none.
        DataError: the tables or the boxes cannot be read.
    """

    def __init__(self, spec: RunSpec, cache: Path) -> None:
        if isinstance(spec.method, DetectorMethod):
            raise SpecError(
                "a detector is taught with augmentations of its own; of these it takes augment.flip.enabled alone"
            )
        self.spec, self.dataset = spec, read_dataset(Path(spec.data.folder))
        self.mean, self.std = _statistics(spec)
        self.transform = TrainingTransform(spec.augment, self.mean, self.std, spec.seed)
        self.transform.pipeline.save_applied_params = True
        told = spec.to_values()
        decides = [told[name] for name in ("seed", "image", "augment", "crop")]
        named = msgspec.json.encode([str(self.dataset.folder), *decides, self.mean, self.std])
        self.folder, self._digest = cache / "previews", hashlib.sha256(named).hexdigest()[:16]

    @cached_property
    def boxes(self) -> dict[str, Box]:
        """The boxes that photos are cut to; none where the spec crops nothing."""
        if not self.spec.crop.enabled:
            return {}
        table = find_table(self.spec.crop.source, self.dataset.folder)
        paths = photo_paths(self.dataset) if table.is_dir() else None
        return read_boxes(table, (*self.dataset.train, *self.dataset.test), paths)

    def draw(self, row: int, turn: int) -> Preview:
        """Return the pictures of a training photo, any whole `row`: after the last comes the first.

        Raises:
            DiskError: they cannot be written.
        """
        row %= len(self.dataset.train)
        photo, box = self.dataset.train[row], self.boxes.get(self.dataset.train[row])
        about = Preview(
            row=row, turn=turn, photos=len(self.dataset.train), photo=photo, label=self.dataset.labels[row],
            boxed=box is not None,
        )  # fmt: skip
        size = self.spec.image
        source = Source(self.dataset.train_path(photo), box)
        images = Images((source,), size.height, size.width, self.spec.crop.margin, np.arange(1), None)
        try:
            plain = images[0]
        except DataError as error:
            return msgspec.structs.replace(about, trouble=error.message)
        folder = self.folder / f"{self._digest}-{row}-{turn}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            draws = [self._draw(plain, row, turn * DRAWS + number, folder) for number in range(DRAWS)]
            path = _written(plain, folder / "plain.png")
            os.utime(folder)  # pictures made again are new ones
        except OSError as error:
            raise DiskError(f"{folder} cannot be written: {error.strerror}", "make room in the workspace") from error
        return msgspec.structs.replace(about, plain=path, draws=tuple(draws))

    def _draw(self, plain: Pixels, row: int, epoch: int, folder: Path) -> Draw:
        seen = self.transform(plain, epoch, row)
        applied = tuple(NAMES[name] for name in self.transform.applied if NAMES[name])
        return Draw(path=_written(self.visible(seen), folder / f"{epoch}.png"), applied=applied)

    def visible(self, normalised: NDArray[np.float32]) -> Pixels:
        """Return what the network sees as pixels: the normalisation undone, and cut off where it leaves 0 to 255."""
        levels = (normalised * np.array(self.std) + np.array(self.mean)) * 255.0
        seen: Pixels = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
        return seen


def _statistics(spec: RunSpec) -> tuple[Sequence[float], Sequence[float]]:
    """Return the mean and deviation that photos are normalised by.

    A backbone's own are looked up only where they can be seen: building one takes seconds. Elsewhere what is
    normalised is undone exactly.
    """
    gray, erase = spec.augment.gray, spec.augment.erase
    seen = (gray.enabled and gray.after_normalise) or erase.enabled
    if spec.image.statistics == "imagenet" or not seen:
        return IMAGENET_MEAN, IMAGENET_STD
    from engine.models.backbones import build_backbone

    without_weights = msgspec.structs.replace(spec.model, weights="none")
    backbone = build_backbone(without_weights, spec.image.height, spec.image.width)
    return backbone.mean, backbone.std


def _written(pixels: Pixels, path: Path) -> str:
    picture = Image.fromarray(pixels)
    picture.thumbnail((LARGEST, LARGEST))
    picture.save(path, compress_level=1)
    return str(path)


def sheet(preview: Preview, path: Path) -> None:
    """Draw a photo beside its draws as one picture.

    Raises:
        DataError: the photo could not be read.
        DiskError: the picture cannot be written, or its name tells no kind of picture.
    """
    if preview.trouble:
        raise DataError(preview.trouble, "name another one by --photo")
    plain = Image.open(preview.plain)
    wide, tall = plain.width + GAP, plain.height + GAP
    columns = 4
    lines = -(-len(preview.draws) // columns)
    whole = Image.new("RGB", (wide * (columns + 1) + GAP, tall * lines + GAP), "white")
    whole.paste(plain, (GAP, GAP))
    for number, draw in enumerate(preview.draws):
        line, column = divmod(number, columns)
        whole.paste(Image.open(draw.path), (GAP + wide * (column + 1), GAP + tall * line))
    try:
        whole.save(path)
    except (OSError, ValueError) as error:
        raise DiskError(
            f"{path} cannot be written: {error}", "name a .png or .jpg file in a folder of yours"
        ) from error


def clear(cache: Path) -> None:
    """Delete the oldest pictures; those of other windows are among the newest."""
    kept = sorted((cache / "previews").glob("*"), key=lambda path: path.stat().st_mtime)
    for old in kept[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
