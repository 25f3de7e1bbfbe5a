"""What every part of a spec is made of: a frozen, strict struct, and fields that explain themselves."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Meta


def helped(text: str, **limits: Any) -> Meta:
    """Return the metadata of a field: its line of help and its range."""
    return Meta(description=text, **limits)


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a spec: frozen, keyword-only, unknown names refused."""
