"""What a filter that is being typed may go on with: columns, settings, values, and the words that join them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from whaletui.records.model import RunRecord, State
from whaletui.view.query import COLUMNS, kinds

JOINING = ("and", "or", "not")
_LAST_TERM = re.compile(r"""(?P<field>[A-Za-z_][\w.]*)(?:<=|>=|!=|=|<|>|:)(?P<values>[^\s()"]*)$""")
_LAST_WORD = re.compile(r"""(?:^|[\s(-])(?P<word>[A-Za-z_][\w.]*)$""")


def completed(text: str, values: Mapping[str, Sequence[str]]) -> str | None:
    """Return the filter with its last word completed, None where nothing fits or it is whole already.

    Args:
        text: what is typed so far.
        values: what columns hold, by column: offered after its operator.
    """
    if term := _LAST_TERM.search(text):
        typed = term["values"].rpartition(",")[2]
        known = [value for value in values.get(term["field"], ()) if not re.search(r'[\s()",]', value)]
        return _with(text, typed, known)
    if (last := _LAST_WORD.search(text)) is None:
        return None
    return _with(text, last["word"], [*COLUMNS, "age", *JOINING]) or _with(text, last["word"], sorted(kinds()))


def _with(text: str, typed: str, known: Sequence[str]) -> str | None:
    """Return the text with its last, typed, part made whole: the first known word that begins so and is longer."""
    fitting = [word for word in known if word.lower().startswith(typed.lower()) and len(word) > len(typed)]
    if not fitting or (not typed and not text):
        return None
    return text[: len(text) - len(typed)] + typed + fitting[0][len(typed) :]


def known_values(records: Sequence[RunRecord]) -> dict[str, tuple[str, ...]]:
    """Return the words that columns of these runs hold, for completion."""

    def different(words: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(word for word in words if word))

    backbones = different([run.backbone.rpartition("/")[2] for run in records])
    return {
        "state": tuple(State), "crop": ("yes", "no"), "star": ("yes", "no"), "backbone": backbones,
        "model.backbone": backbones, "method": different([run.method for run in records]),
        "name": different([run.name for run in records]), "slot": different([run.slot for run in records]),
        "tag": different([tag for run in records for tag in run.tags]), "age": ("1d", "2h"),
    }  # fmt: skip
