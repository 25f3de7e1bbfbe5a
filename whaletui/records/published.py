"""The six systems that the talk reports, as reference rows: to compare with and to clone, never to train in place."""

from __future__ import annotations

import uuid

import msgspec

from engine.contract.fields import Plain
from engine.contract.spec import RunSpec
from whaletui.records.model import RunRecord, State
from whaletui.records.tables import Run

REASON = "published: Kaggle score of the talk"
RESNET50 = "pretrainedmodels/resnet50"
EFFICIENTNET = "timm/efficientnet_b0"


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the talk's table. `changes` are what its spec has besides the defaults, which are the talk's."""

    name: str
    map5: float
    changes: dict[str, Plain]
    method: str = "classifier"
    backbone: str = ""  # where the column says more than the spec can
    note: str = ""


PUBLISHED = (
    Published(
        name="talk: whole photos", map5=0.31331, changes={"model.backbone": RESNET50},
        note="classifier on whole photos; the table does not name its backbone",
    ),
    Published(
        name="talk: cropped photos", map5=0.3592,
        changes={"model.backbone": RESNET50, "crop.enabled": True, "crop.source": "boxes.tsv", "crop.margin": 0.0},
        note="photos cropped by a YOLOv5 fine-tuned on 535 boxes, train and test both; backbone not named",
    ),
    Published(
        name="talk: siamese ResNet50", map5=0.43178, method="triplet",
        changes={
            "model.backbone": RESNET50, "training.batch": 96, "training.epochs": 20, "method.kind": "triplet",
            "method.mining": "random", "method.same_photo": True, "method.new_whale_class": True,
            "method.normalise": False, "prediction.answer": "talk-knn",
        },
        note="512-d embedding, triplet loss (margin 1, p 2), then kNN with 6 neighbours",
    ),
    Published(
        name="talk: ResNet50", map5=0.55436, changes={"model.backbone": RESNET50},
        note="cross-entropy, 28 epochs, Adam 1e-3, cosine to 0",
    ),
    Published(
        name="talk: EfficientNet-B0", map5=0.53723, changes={"model.backbone": EFFICIENTNET},
        note="the best of three trainings; the others scored 0.52606 and 0.49614",
    ),
    Published(
        name="talk: soft vote of four", map5=0.62427, method="vote", backbone="resnet50 + 3 x efficientnet_b0",
        changes={"model.backbone": RESNET50},
        note="mean of the logits of the ResNet50 and three EfficientNet-B0, top five; a clone is the ResNet50 member",
    ),
)  # fmt: skip


def published_rows() -> list[Run]:
    """Return the rows of a new database, in the order of their ids, 1 to 6; the same in every database."""
    return [_row(number, entry) for number, entry in enumerate(PUBLISHED, start=1)]


def _row(number: int, entry: Published) -> Run:
    spec = RunSpec.of({}).with_values({"name": entry.name, **entry.changes})
    record = RunRecord.of_spec(
        spec, id=number, uuid=str(uuid.uuid5(uuid.NAMESPACE_URL, f"whaletui:published:{number}")), folder="",
        created_at=0.0,  # not recorded here: whoever lists them shows no age
        state=State.PUBLISHED, reason=REASON, epoch=float(spec.training.epochs),
        map5=entry.map5, method=entry.method, note=entry.note, backbone=entry.backbone or spec.model.backbone,
    )  # fmt: skip
    values = {name: value for name, value in record.columns().items() if name != "id"}  # the database counts from 1
    return Run(**values)
