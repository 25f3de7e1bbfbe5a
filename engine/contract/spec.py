"""RunSpec: everything that decides what a run does, typed, frozen and checked when it is made.

A spec that exists can be run. It is written as TOML (`spec.toml`, presets) or JSON (the records)
and read back strictly: an unknown name, a value out of range or a wrong type is a `SpecError` that
names the field. Every field carries its range and one line of help, so forms and command lines are
made from the types and never from a second list.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from engine.contract.augment import AugmentSpec, check_augment
from engine.contract.errors import SpecError
from engine.contract.later import as_first_written
from engine.contract.method import DEFAULT_KIND, ClassifierMethod, Method, check_method, has_outputs, kind_name
from engine.contract.part import Part, helped


class DataSpec(Part, frozen=True):
    """Which photos, and which of them are held back for validation."""

    folder: Annotated[
        str, helped("Kaggle-shaped data: train.csv, train/, test/, sample_submission.csv; empty: the workspace's")
    ] = ""
    fold: Annotated[int, helped("which fold validates, counted from 0", ge=0, le=99)] = 0
    folds: Annotated[int, helped("how many folds the photos are dealt into", ge=2, le=100)] = 5
    new_share: Annotated[
        float,
        helped(
            "share of never-seen whales among the validation photos (0.115 MLE-bench, 0.325 Kaggle)", ge=0.0, le=0.9
        ),
    ] = 0.115
    split_seed: Annotated[int, helped("deals the folds; runs compare only under the same one", ge=0, le=2**31 - 1)] = 0
    mend_labels: Annotated[
        bool, helped("a photo labelled new_whale that copies a known whale's photo trains as that whale's")
    ] = False
    limit: Annotated[int, helped("train on at most so many photos, for a trial; 0: all of them", ge=0)] = 0
    extra: Annotated[
        str, helped("table (Image,Id) of test photos that train as well, such as pseudo-labels; never validate")
    ] = ""


class CropSpec(Part, frozen=True):
    """Cut the fluke out of the photo before anything else sees it."""

    enabled: Annotated[bool, helped("crop train, validation and test photos to their boxes")] = False
    source: Annotated[str, helped("a table of boxes with fn,bbox, corners or YOLO's folder; or a detector's run")] = ""
    margin: Annotated[float, helped("widen each side of a box by this share of its length", ge=0.0, le=1.0)] = 0.05


class ImageSpec(Part, frozen=True):
    """The shape in which photos reach the backbone."""

    height: Annotated[int, helped("pixels", ge=16, le=2048)] = 256
    width: Annotated[int, helped("pixels", ge=16, le=2048)] = 256
    statistics: Annotated[
        Literal["imagenet", "backbone"],
        helped("mean and deviation that normalise a photo: ImageNet's, or those the backbone was trained with"),
    ] = "imagenet"


class ModelSpec(Part, frozen=True):
    """The network that looks at a photo."""

    backbone: Annotated[str, helped("timm/NAME or pretrainedmodels/NAME", min_length=1)] = "timm/efficientnet_b0"
    weights: Annotated[
        str, helped("imagenet, none, or the path of a .safetensors or weights-only .pth file", min_length=1)
    ] = "imagenet"
    frozen: Annotated[
        int, helped("so many first stages of the backbone stay as pretrained, the stem being the first", ge=0, le=100)
    ] = 0
    dropout: Annotated[float, helped("share of features dropped before the classifier", ge=0.0, lt=1.0)] = 0.0


class OptimiserSpec(Part, frozen=True):
    """How the weights move."""

    kind: Annotated[Literal["adam", "adamw", "sgd"], helped("the update rule")] = "adam"
    learning_rate: Annotated[float, helped("at its highest", gt=0.0, le=10.0)] = 1e-3
    head_factor: Annotated[
        float, helped("the classifier learns so many times faster than the backbone", gt=0.0, le=1000.0)
    ] = 1.0
    weight_decay: Annotated[float, helped("pull towards zero", ge=0.0, le=1.0)] = 0.0
    momentum: Annotated[float, helped("of sgd", ge=0.0, lt=1.0)] = 0.9
    schedule: Annotated[Literal["cosine", "constant"], helped("how the learning rate falls")] = "cosine"
    warmup_epochs: Annotated[float, helped("rise linearly over so many epochs", ge=0.0)] = 0.0
    clip_norm: Annotated[float, helped("longest gradient; 0: any length", ge=0.0)] = 0.0


class TrainingSpec(Part, frozen=True):
    """How long, in what portions, on what."""

    epochs: Annotated[int, helped("passes over the training photos", ge=1, le=100_000)] = 28
    batch: Annotated[int, helped("photos a step", ge=1, le=65_536)] = 64
    workers: Annotated[
        int, helped("processes that prepare photos; -1: as many as help on this machine", ge=-1, le=256)
    ] = -1
    precision: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"],
        helped("of the arithmetic; auto: mixed where the device gains by it"),
    ] = "auto"
    device: Annotated[Literal["auto", "cpu", "cuda"], helped("auto: the GPU when there is one")] = "auto"
    ema: Annotated[
        float, helped("keep a moving average of the weights with this decay and answer with it; 0: off", ge=0.0, lt=1.0)
    ] = 0.0
    validate_every: Annotated[
        int, helped("score the validation photos after every so many epochs, and after the last", ge=1, le=100_000)
    ] = 1
    save_minutes: Annotated[
        float, helped("save a checkpoint so often, from which a run goes on after a crash; 0: only at its end", ge=0.0)
    ] = 5.0
    max_steps: Annotated[int, helped("stop after so many steps, for a trial; 0: run all epochs", ge=0)] = 0


class PredictionSpec(Part, frozen=True):
    """What is scored at the end."""

    test: Annotated[bool, helped("score the test photos too, so that the run can be submitted")] = True
    batch: Annotated[int, helped("photos at a time", ge=1, le=65_536)] = 128
    answer: Annotated[
        Literal["auto", "classes", "cosine", "blend", "talk-knn"],
        helped(
            "what names a whale: the network's outputs (classes), its most similar training photo (cosine), both "
            "(blend), or the talk's nearest neighbours; auto: classes of a classifier, blend of arcface, else cosine"
        ),
    ] = "auto"
    blend_share: Annotated[
        float, helped("weight of similarity in a blend; the outputs have the rest", ge=0.0, le=1.0)
    ] = 0.5
    neighbours: Annotated[int, helped("nearest training photos that the talk's rule looks at", ge=1, le=1000)] = 6
    new_distance: Annotated[
        float, helped("at which the talk's rule puts new_whale where it is not among the neighbours", ge=0.0, le=1000.0)
    ] = 0.1
    calibrate: Annotated[
        bool,
        helped("fit temperature and the chance of a new whale on the validation photos, crosswise, and rank by them"),
    ] = False
    new_share: Annotated[
        float, helped("share of new whales to expect where calibrated (0.115 MLE-bench, 0.325 Kaggle)", gt=0.0, lt=1.0)
    ] = 0.115


class RunSpec(Part, frozen=True):
    """Everything that decides what a run does.

    Make one with `RunSpec.of`, `from_toml` or `from_json`, change one with `with_values`: all of
    them check. (The bare constructor checks only what concerns several fields at once.)
    """

    name: Annotated[str, helped("shown in tables; changes nothing else", min_length=1, max_length=200)] = "run"
    seed: Annotated[int, helped("of everything random in training", ge=0, le=2**31 - 1)] = 0
    data: DataSpec = DataSpec()
    crop: CropSpec = CropSpec()
    image: ImageSpec = ImageSpec()
    augment: AugmentSpec = AugmentSpec()
    model: ModelSpec = ModelSpec()
    method: Method = ClassifierMethod()
    optimiser: OptimiserSpec = OptimiserSpec()
    training: TrainingSpec = TrainingSpec()
    prediction: PredictionSpec = PredictionSpec()

    def __post_init__(self) -> None:
        """Check what concerns several fields; raises `ValueError`, which reading turns into `SpecError`."""
        if self.data.fold >= self.data.folds:
            raise ValueError(f"data.fold is {self.data.fold}, but data.folds is {self.data.folds}: folds count from 0")
        if self.crop.enabled and not self.crop.source:
            raise ValueError("crop.enabled is true, but crop.source names no table of boxes")
        check_augment(self.augment)
        if self.optimiser.warmup_epochs >= self.training.epochs:
            raise ValueError(
                f"optimiser.warmup_epochs is {self.optimiser.warmup_epochs:g}, "
                f"but training.epochs is only {self.training.epochs}"
            )
        if self.model.frozen and self.model.weights == "none":
            raise ValueError(
                f"model.frozen is {self.model.frozen}, but model.weights is none: noise would be kept for ever"
            )
        check_method(self.method, self.training.batch)
        if self.answer in ("classes", "blend") and not has_outputs(self.method):
            raise ValueError(
                f"prediction.answer is {self.answer}, but method.kind is {kind_name(self.method)}, which has no "
                "outputs: set prediction.answer=cosine"
            )
        library, _, name = self.model.backbone.partition("/")
        if library not in ("timm", "pretrainedmodels") or not name:
            raise ValueError(f"model.backbone is {self.model.backbone!r}, but reads timm/NAME or pretrainedmodels/NAME")

    @property
    def answer(self) -> str:
        """What names a whale: `prediction.answer`, "auto" made plain."""
        if self.prediction.answer != "auto":
            return self.prediction.answer
        if isinstance(self.method, ClassifierMethod):
            return "classes"
        return "blend" if has_outputs(self.method) else "cosine"

    @classmethod
    def of(cls, values: dict[str, Any]) -> RunSpec:
        """Make a spec of nested plain values; raises `SpecError` naming the field."""
        method = values.get("method")
        if isinstance(method, dict) and "kind" not in method:
            values = values | {"method": {"kind": DEFAULT_KIND, **method}}
        return _read(values, cls)

    @classmethod
    def from_toml(cls, text: str | bytes) -> RunSpec:
        """Read TOML; raises `SpecError` naming the line or the field."""
        return cls.of(toml_values(text))

    @classmethod
    def from_json(cls, text: str | bytes) -> RunSpec:
        """Read JSON; raises `SpecError` naming the field."""
        try:
            values = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SpecError(f"the spec is not JSON: {error}") from error
        if not isinstance(values, dict):
            raise SpecError(f"the spec is {values!r:.100}, but holds named fields", "see whaletui spec show PRESET")
        return cls.of(values)

    def to_values(self) -> dict[str, Any]:
        """Return nested plain values (dict, str, int, float, bool), every field named."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return values

    def to_toml(self) -> str:
        """Return TOML with every field named, in the order of the types."""
        return msgspec.toml.encode(self).decode()

    def to_json(self) -> str:
        """Return JSON on one line with sorted names, so that equal specs are equal text, whenever they were recorded.

        Fields that came later and are as by default are left out; reading fills them in.
        """
        return msgspec.json.encode(_as_first_written(self.to_values()), order="sorted").decode()

    def with_values(self, changes: dict[str, Any]) -> RunSpec:
        """Return a copy with dotted paths replaced, such as {"model.backbone": "timm/resnet18"}.

        Raises:
            SpecError: a path is unknown (nearest ones offered) or a value is refused.
        """
        from engine.contract.fields import set_values  # fields reads these types: a cycle at import

        return RunSpec.of(set_values(self.to_values(), changes))

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of everything but name and seed: equal for runs that differ only in these."""
        values = self.to_values()
        del values["name"], values["seed"]
        return _digest(values)

    @property
    def digest_over_folds(self) -> str:
        """SHA-256 (hex) of everything but name, seed and `data.fold`: equal for the folds of a cross-validation.

        Runs of one cross-validation share the seed too, which this leaves to be compared.
        """
        values = self.to_values()
        del values["name"], values["seed"], values["data"]["fold"]
        return _digest(values)


def _as_first_written(values: dict[str, Any]) -> dict[str, Any]:
    return as_first_written(values, RunSpec().to_values())


def _digest(values: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(_as_first_written(values), order="sorted")).hexdigest()


def toml_values(text: str | bytes) -> dict[str, Any]:
    """Return the plain values of a TOML text; raises `SpecError` naming line and column."""
    try:
        values: dict[str, Any] = msgspec.toml.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"the spec is not TOML: {error}") from error
    return values


S = TypeVar("S")


def _read(values: object, kind: type[S]) -> S:
    """Convert strictly, turning msgspec's complaint into ours: path first, then what is allowed."""
    from engine.contract.fields import explain

    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise explain(str(error), values) from error
