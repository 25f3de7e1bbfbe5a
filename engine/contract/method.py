"""What a run learns: one struct a kind of method, told apart by `method.kind`.

A field that several kinds have means the same in each, with the same range and default. To add a kind, write
its struct and name it in `Method`; forms, `--set` and messages follow.
"""

from __future__ import annotations

from typing import Annotated, Literal

from engine.contract.part import Part, helped

Width = Annotated[int, helped("numbers in an embedding", ge=2, le=16_384)]
Whales = Annotated[int, helped("different whales in a batch (P of P x K)", ge=2, le=8192)]
Views = Annotated[
    int, helped("photos of each whale in a batch (K of P x K); a whale with fewer shows several views", ge=2, le=64)
]
Mirrored = Annotated[
    bool, helped("a mirrored fluke is another whale: twice the identities, and both sides are asked at the end")
]
Neck = Annotated[bool, helped("batch norm without shift between the embedding and what judges it (BN neck)")]


class ClassifierMethod(Part, frozen=True, tag_field="kind", tag="classifier"):
    """One output per whale, trained by cross-entropy."""

    label_smoothing: Annotated[float, helped("share of the target spread over all whales", ge=0.0, lt=1.0)] = 0.0


class TripletMethod(Part, frozen=True, tag_field="kind", tag="triplet"):
    """Siamese embeddings: photos of a whale closer to each other than to any other whale, by a margin."""

    width: Width = 512
    margin: Annotated[float, helped("how much closer a whale's own photos are to be", gt=0.0, le=100.0)] = 1.0
    p: Annotated[float, helped("norm of the distance; 2: Euclid's", ge=1.0, le=16.0)] = 2.0
    normalise: Annotated[bool, helped("distances between directions (length 1), not between raw embeddings")] = True
    mining: Annotated[
        Literal["random", "semi-hard", "batch-hard"],
        helped("which triplets: drawn at random (the talk's), or the hard ones among P x K photos"),
    ] = "batch-hard"
    same_photo: Annotated[bool, helped("random triplets may pair a photo with itself, as in the talk")] = False
    new_whale_class: Annotated[
        bool, helped("random triplets take new_whale for one whale, as in the talk; else it is only ever a negative")
    ] = False
    whales: Whales = 32
    views: Views = 2
    mirrored: Mirrored = False
    neck: Neck = False


class ArcFaceMethod(Part, frozen=True, tag_field="kind", tag="arcface"):
    """Embeddings taught by a classifier of angles with a margin (ArcFace; sub-centre ArcFace with more centres)."""

    width: Width = 512
    scale: Annotated[float, helped("steepness of the softmax over cosines", gt=0.0, le=1000.0)] = 30.0
    angle: Annotated[float, helped("margin of every whale, in radians", ge=0.0, le=1.5)] = 0.3
    rare_angle: Annotated[
        float,
        helped(
            "further margin, in radians, of a whale with one photo; falls with the number of photos", ge=0.0, le=1.5
        ),
    ] = 0.0
    rare_power: Annotated[float, helped("how fast it falls: rare_angle * photos ** -rare_power", ge=0.0, le=10.0)] = (
        0.364
    )
    centres: Annotated[
        int, helped("centres of each whale, of which the nearest counts; 1: plain ArcFace", ge=1, le=16)
    ] = 1
    balance: Annotated[
        float,
        helped(
            "how far whales are drawn alike: 0 photo by photo, 0.5 by one over root, 1 whale by whale", ge=0.0, le=1.0
        ),
    ] = 0.5
    mirrored: Mirrored = False
    neck: Neck = False


class SupConMethod(Part, frozen=True, tag_field="kind", tag="supcon"):
    """Embeddings taught by supervised contrast: every photo of a batch against every other (SupCon)."""

    width: Width = 512
    temperature: Annotated[float, helped("of the softmax over similarities", gt=0.0, le=10.0)] = 0.1
    whales: Whales = 32
    views: Views = 2
    mirrored: Mirrored = False
    neck: Neck = False


class DetectorMethod(Part, frozen=True, tag_field="kind", tag="detector"):
    """A box around the fluke, learnt from boxes that people drew (YOLOv5); other runs crop photos to its boxes."""

    boxes: Annotated[str, helped("boxes to learn from: a table with fn,bbox or fn,x0,y0,x1,y1, or YOLO's folder")] = ""
    holdout: Annotated[str, helped("boxes to measure on and never to learn from; empty: every tenth of the others")] = (
        ""
    )
    sort_corners: Annotated[bool, helped("put boxes with swapped edges right instead of refusing them")] = False
    architecture: Annotated[
        Literal["yolov5n", "yolov5s", "yolov5m", "yolov5l", "yolov5x"], helped("of the detector, smallest first")
    ] = "yolov5n"
    weights: Annotated[
        str,
        helped("to start from: none, a .safetensors or .pt file, or auto: ARCHITECTUREu.pt if it lies with the data"),
    ] = "auto"
    threshold: Annotated[float, helped("a photo whose box is less certain stays whole", ge=0.0, le=1.0)] = 0.1
    mirror: Annotated[bool, helped("look at each photo mirrored as well, and average both boxes")] = True


Method = ClassifierMethod | TripletMethod | ArcFaceMethod | SupConMethod | DetectorMethod

DEFAULT_KIND = "classifier"
"""The kind of a spec that names none."""


def kind_name(method: Method) -> str:
    """Return the kind of a method, as specs name it."""
    return str(method.__struct_config__.tag)


def has_outputs(method: Method) -> bool:
    """Whether a method learns an output for each whale; the others only learn what looks alike."""
    return isinstance(method, ClassifierMethod | ArcFaceMethod)


def check_method(method: Method, batch: int) -> None:
    """Check a method against `training.batch`; raises `ValueError` naming the field."""
    if isinstance(method, TripletMethod) and method.mining == "random":
        if batch % 3:
            raise ValueError(
                f"training.batch is {batch}, but a random triplet takes three photos: make it a multiple of 3"
            )
    elif isinstance(method, TripletMethod | SupConMethod) and batch < method.whales * method.views:
        raise ValueError(
            f"training.batch is {batch}, but method.whales {method.whales} x method.views {method.views} "
            f"are {method.whales * method.views} photos"
        )


def is_mirrored(method: Method) -> bool:
    """Whether mirrored photos are whales of their own."""
    return isinstance(method, TripletMethod | ArcFaceMethod | SupConMethod) and method.mirrored
