"""The new-run form without its widgets: what was typed, what it changes, what is refused, how many runs it makes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from engine.contract.backbones import check_backbone
from engine.contract.errors import BackboneError, SpecError
from engine.contract.fields import KIND, Field, field_of, get_value, spec_fields
from engine.contract.method import DEFAULT_KIND
from engine.contract.spec import RunSpec
from whaletui.presets import grid
from whaletui.safe import safe
from whaletui.view import formats
from whaletui.view.explain import Change

MOST_RUNS = 500
COMMAS_ARE_TEXT = frozenset({"name", "data.folder", "crop.source", "method.boxes", "method.holdout"})
"""Fields in which a comma does not begin another run."""

FIRST = (
    "name", "seed", "data.fold", "model.backbone", "model.weights", "image.height", "image.width",
    "crop.enabled", "crop.source", "training.epochs", "training.batch", "optimiser.kind", "optimiser.learning_rate",
)  # fmt: skip
"""The settings that runs are told apart by most: they stand first, the rest behind a fold."""

PARTS = {
    "first": "what matters most; the rest is below", "method": "what it learns", "data": "photos and folds",
    "model": "the network", "training": "how long, on what", "optimiser": "how weights move",
    "image": "shape of the photos", "crop": "cut to the fluke", "augment": "changes to training photos",
    "prediction": "scored at the end",
}  # fmt: skip
"""Parts of a spec in the order of the form, with what each is about."""

OPEN_PARTS = frozenset({"first", "method"})


def part_of(path: str) -> str:
    """Return the part of the form that a dotted path is shown in."""
    return "first" if path in FIRST or "." not in path else path.partition(".")[0]


def fields_by_part(kinds: Collection[str] = (DEFAULT_KIND,)) -> dict[str, list[Field]]:
    """Return the fields that can be changed, grouped, most important parts first.

    Args:
        kinds: the kinds of method that the runs are to have; fields of others are left out.
    """
    grouped: dict[str, list[Field]] = {part: [] for part in PARTS}
    for field in spec_fields():
        if field.kinds and not set(field.kinds) & set(kinds):
            continue
        if field.kind != "choice" or len(field.choices) > 1:
            grouped.setdefault(part_of(field.path), []).append(field)
    grouped["first"].sort(key=lambda field: FIRST.index(field.path) if field.path in FIRST else len(FIRST))
    return {part: fields for part, fields in grouped.items() if fields}


class FormState(msgspec.Struct, frozen=True, kw_only=True):
    """A form: the spec that it started from, and the texts that differ from it.

    `texts` maps a dotted path to what was typed; a comma makes several runs of it.
    """

    origin: RunSpec
    origin_name: str
    texts: Mapping[str, str] = {}

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of method that were chosen; what is no kind (yet) is left out."""
        return tuple(kind for kind in self._values(KIND, self.shown(KIND)) if kind in field_of(KIND).choices)

    def shown(self, path: str) -> str:
        """Return what the field shows."""
        return self.texts.get(path, self.original(path))

    def original(self, path: str) -> str:
        """Return what the field showed at first; its default where the origin is of a kind that lacks it."""
        field = field_of(path)
        if not field.belongs(self.origin.to_values()["method"]["kind"]):
            return formats.plain(field.default)
        return formats.plain(get_value(self.origin.to_values(), path))

    def typed(self, path: str, text: str) -> FormState:
        """Return the form after a field was changed; a text equal to the original is no change."""
        texts = {known: value for known, value in self.texts.items() if known != path}
        if text.strip() != self.original(path):
            texts[path] = text
        return msgspec.structs.replace(self, texts=texts)

    def changes(self) -> tuple[Change, ...]:
        """Return what differs from the origin, in the order of the types."""
        return tuple(
            Change(field.path, safe(self.original(field.path)) or "nothing", safe(self.texts[field.path]) or "nothing")
            for field in spec_fields()
            if field.path in self.texts and self._asked(field.path)
        )

    def _asked(self, path: str) -> bool:
        """Whether a field is in the form as it stands: what was typed for another kind of method waits unseen."""
        return any(field_of(path).belongs(kind) for kind in self.kinds) or not field_of(path).kinds

    def specs(self) -> list[RunSpec]:
        """Return the runs that the form describes.

        Raises:
            SpecError: a value is refused; `field` names which, so that it can be focused.
        """
        settings = []
        runs = 1
        for path, text in self.texts.items():
            if not self._asked(path):
                continue
            values = self._values(path, text)
            runs *= len(values)
            for value in values if path == "model.backbone" else ():
                _refuse_backbone(value)
            settings.append(f"{path}=" + ",".join(value.replace(",", "\\,") for value in values))
        if runs > MOST_RUNS:
            raise SpecError(f"the lists make {runs:,} runs", f"at most {MOST_RUNS} are queued at once")
        return grid(self.origin, settings)

    def _values(self, path: str, text: str) -> list[str]:
        if path in COMMAS_ARE_TEXT:
            return [text]
        return [value.strip() for value in text.split(",")]


def _refuse_backbone(name: str) -> None:
    """Refuse an unknown backbone here already: the spec itself knows only how its name is spelt."""
    try:
        check_backbone(name)
    except BackboneError as error:
        raise SpecError(error.message, error.hint, "model.backbone") from error
