"""Make the pictures of the screens in this folder again: `uv run python docs/screenshots.py`.

The workspace that they show is recorded, not trained: its figures are made up, and say nothing of any model. The
pictures come from the app itself, which is driven by key presses, with its clock held.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "whaletui"))

from app_kit import NOW, RecordedLab, fake_slots, fill, press, settle  # noqa: E402

from whaletui.app import WhaleApp  # noqa: E402
from whaletui.desk import Desk  # noqa: E402
from whaletui.workspace import Workspace  # noqa: E402

SIZE = (132, 34)
SCREENS: dict[str, tuple[str, ...]] = {
    "runs": ("home", "down", "down", "down", "down"),
    "folded": ("f", "home"),
    "compare": ("space", "space", "space", "d"),
    "queue": ("Q",),
    "coverage": ("m",),
    "new-run": ("c", "down", "9", "comma", "3"),
    "run": ("down", "down", "down", "down", "enter"),
    "ensemble": ("space", "space", "space", "e"),
}
"""Picture -> keys from home."""

BACKBONES = ("timm/convnext_tiny", "pretrainedmodels/resnet50", "timm/efficientnet_b0")


def record(folder: Path) -> None:
    """Write the workspace down: a run in every state, and seeds of three backbones."""
    lab: RecordedLab = fill(folder)
    for place, backbone in enumerate(BACKBONES):
        for seed in range(3 - place % 2):
            name, score = f"{backbone.rpartition('/')[2]} s{seed}", 0.552 - 0.021 * place + 0.007 * seed
            lab.finished(name, score, age=2500 - seed, seed=seed, **{"model.backbone": backbone, "training.epochs": 40})


def mended(svg: str) -> str:
    """Return a picture that fetches no web font, and whose blanks count in every renderer."""
    svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)
    return re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)


async def picture(workspace: Path, name: str, keys: tuple[str, ...]) -> None:
    """Open the app, press the keys and keep what is seen."""
    app = WhaleApp(Desk(Workspace(workspace), now=lambda: NOW, tending=False), ticking=False)
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, *keys)
        svg = mended(app.export_screenshot(title=f"whaletui: {name}"))
        (HERE / f"{name}.svg").write_text(svg, encoding="utf-8")
        print(f"{HERE.name}/{name}.svg")


async def main() -> None:
    """Make all pictures, or those that are named."""
    wanted = sys.argv[1:] or list(SCREENS)
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        workspace = Path(scratch) / "whales-lab"
        record(workspace)
        os.environ.update(WHALETUI_GPUS=str(fake_slots(Path(scratch))), WHALETUI_CPU_SLOTS="0")
        os.environ.pop("NO_COLOR", None)
        os.chdir(workspace)
        for name in wanted:
            await picture(workspace, name, SCREENS[name])
            (workspace / "view.json").unlink(missing_ok=True)


if __name__ == "__main__":
    asyncio.run(main())
