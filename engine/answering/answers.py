"""What names a whale: the network's outputs, the most similar training photo, both, or the talk's neighbours.

All of them give the same table, photos x classes, so that any of them can vote with any other. Similarities are
cosines times `STEEPNESS`, as the outputs of an ArcFace head are: a difference of 0.1 in cosine is then worth
e^3 : 1 in a softmax.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.answering.embeddings import embed_batch, embed_photos, what_is_wrong, write_embeddings
from engine.answering.nearest import Gallery, TalkNeighbours
from engine.answering.scores import Tick, score_photos
from engine.contract.events import EventWriter, Saved, Warned
from engine.contract.method import ClassifierMethod, is_mirrored
from engine.contract.spec import RunSpec
from engine.data.loader import EvalLoader
from engine.data.tables import Part, Tables
from engine.models.device import Device
from engine.models.network import Network

STEEPNESS = 30.0


class Answer(Protocol):
    """How photos are scored."""

    def look(self, network: Network, tick: Tick) -> None:
        """Take in what is needed besides the photos to score, with the weights as they are."""

    def scores(self, network: Network, loader: EvalLoader, tick: Tick) -> Iterator[NDArray[np.float32]]:
        """Yield the scores of each batch, (photos, classes) float32, in row order."""


class OutputsAnswer:
    """The network's own outputs."""

    def __init__(self, device: Device, classes: int = 0, *, mirrored: bool = False) -> None:
        self._device, self._classes, self._mirrored = device, classes, mirrored

    def look(self, network: Network, tick: Tick) -> None:
        """Do nothing: the outputs are all there is."""

    def scores(self, network: Network, loader: EvalLoader, tick: Tick) -> Iterator[NDArray[np.float32]]:
        """Yield the outputs for each batch, (photos, classes) float32, in row order."""
        if not self._mirrored:
            yield from score_photos(network, loader, self._device, tick)
            return
        done = 0
        for images in loader:
            outputs = both_sides(network, images, self._device, self._classes, mirrored=True)
            done += len(images)
            tick(done)
            yield outputs.cpu().numpy()


class GalleryAnswer:
    """Answers that compare embeddings with those of the training photos, mirrored ones with mirrored ones.

    Embeddings of the last `look` and of the photos scored since are kept in memory and written by `save`. A
    collapsed embedding is told of once.
    """

    def __init__(self, spec: RunSpec, loader: EvalLoader, tables: Tables, device: Device, events: EventWriter) -> None:
        self._way, self._prediction = spec.answer, spec.prediction
        self._mirrored = is_mirrored(spec.method)
        self._new_output = isinstance(spec.method, ClassifierMethod)
        self._loader, self._device, self._events = loader, device, events
        self._targets, self._classes = tables.train.targets, len(tables.classes.names)
        self._new_class = tables.classes.new_class
        self._gallery = torch.empty(0)
        self._galleries: list[Gallery] = []
        self._seen: list[Tensor] = []
        self._warned = False

    def look(self, network: Network, tick: Tick) -> None:
        """Embed the training photos, in eval mode and as test photos are prepared."""
        self._gallery = embed_photos(network, self._loader, self._device, lambda done: tick(0), mirrored=self._mirrored)
        self._galleries = [Gallery(side, self._targets, self._classes) for side in self._gallery]
        wrong = what_is_wrong(self._gallery[0])
        if wrong and not self._warned:
            self._warned = True
            self._events.write(Warned(message=wrong))

    def scores(self, network: Network, loader: EvalLoader, tick: Tick) -> Iterator[NDArray[np.float32]]:
        """Yield the scores of each batch, (photos, classes) float32, in row order."""
        self._seen = []
        neighbours = self._talk_neighbours() if self._way == "talk-knn" else None
        done = 0
        for images in loader:
            embeddings = embed_batch(network, images, self._device, mirrored=self._mirrored)
            self._seen.append(embeddings)
            if neighbours is not None:
                scores = neighbours.scores(embeddings[0].cpu().numpy(), self._classes)
            else:
                scores = self._similar(network, images, embeddings).cpu().numpy()
            done += len(images)
            tick(done)
            yield scores

    def save(self, folder: Path, part: str, photos: Part, gallery: Part | None = None) -> None:
        """Write the embeddings of the photos that were scored last, and of the training photos where given."""
        wanted = [(part, photos.photos, torch.cat(self._seen, dim=1))]
        if gallery is not None:
            wanted.append(("gallery", gallery.photos, self._gallery))
        for name, names, embeddings in wanted:
            for path in write_embeddings(folder, name, names, embeddings):
                self._events.write(Saved(path=f"{folder.name}/{path.name}", bytes=path.stat().st_size))

    def _talk_neighbours(self) -> TalkNeighbours:
        known = self._gallery[0].cpu().numpy()
        wanted, new = self._prediction.neighbours, self._prediction.new_distance
        return TalkNeighbours(known, self._targets, self._new_class, wanted, new)

    @torch.inference_mode()
    def _similar(self, network: Network, images: Tensor, embeddings: Tensor) -> Tensor:
        """Return similarities (B, classes), with the outputs mixed in where they are asked for."""
        sides = zip(self._galleries, embeddings, strict=True)
        similar = STEEPNESS * torch.stack([gallery.best(side) for gallery, side in sides]).mean(dim=0)
        if self._way != "blend":
            return similar
        share = self._prediction.blend_share
        outputs = both_sides(network, images, self._device, self._classes, mirrored=self._mirrored)
        if not self._new_output and self._new_class >= 0:
            outputs[:, self._new_class] = similar[:, self._new_class]  # `new_whale` was never taught
        return share * similar + (1.0 - share) * outputs


def build_answer(
    spec: RunSpec, loader: EvalLoader, tables: Tables, device: Device, events: EventWriter
) -> OutputsAnswer | GalleryAnswer:
    """Return how a spec scores photos; `loader` has the training photos as test photos are prepared."""
    if spec.answer == "classes":
        return OutputsAnswer(device, len(tables.classes.names), mirrored=is_mirrored(spec.method))
    return GalleryAnswer(spec, loader, tables, device, events)


def both_sides(network: Network, images: Tensor, device: Device, classes: int, *, mirrored: bool) -> Tensor:
    """Return outputs (B, classes); where mirrored photos are whales of their own, the mean of what both sides say.

    A mirrored photo is asked for the mirrored whales: the halves of its outputs change places.
    """
    network.eval()
    with torch.inference_mode(), device.autocast():
        placed = device.images(images)
        outputs: Tensor = network(placed).float()
        if mirrored:
            turned: Tensor = network(placed.flip(-1)).float()
            return (outputs[:, :classes] + turned[:, classes:]) / 2.0
    return outputs
