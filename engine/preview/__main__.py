"""`python -m engine.preview SPEC --cache FOLDER ROW:TURN …`: training photos as a spec would augment them.

SPEC is a whole spec in JSON. Answers as `engine.asked` says; the result is a list of `Preview`, whose pictures lie in
the cache. With --sheet FILE the first of them is also drawn as one picture.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.asked import Tell, answer
from engine.contract.events import Phase
from engine.contract.spec import RunSpec

if TYPE_CHECKING:
    from engine.preview.previewer import Previewer


def main() -> int:
    """Draw what the command line asks for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m engine.preview", description=__doc__)
    parser.add_argument("spec")
    parser.add_argument("places", nargs="+", metavar="ROW:TURN")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--sheet", type=Path)
    asked = parser.parse_args()
    return answer(lambda tell: _draw(asked, tell))


def _draw(asked: argparse.Namespace, tell: Tell) -> Any:
    made = _previewer(RunSpec.from_json(asked.spec), asked.cache)
    found = []
    for number, place in enumerate(asked.places):
        row, _, turn = place.partition(":")
        found.append(made.draw(int(row), int(turn or 0)))
        tell(Phase(name="drawing photos", done=number + 1, total=len(asked.places)))
    from engine.preview.previewer import clear, sheet

    clear(asked.cache)
    if asked.sheet is not None:
        sheet(found[0], asked.sheet)
    return found


def _previewer(spec: RunSpec, cache: Path) -> Previewer:
    """Return what draws. Albumentations loads torch where it finds it, for nothing here, and a person would wait."""
    modules: dict[str, Any] = sys.modules
    if "torch" not in modules:
        modules["torch"] = None  # which makes it a module that is not to be found
        try:
            import engine.data.augment  # noqa: F401
        finally:
            del modules["torch"]
    from engine.preview.previewer import Previewer

    return Previewer(spec, cache)


if __name__ == "__main__":
    sys.exit(main())
