"""`python -m engine.drawing FOLDER`: draw the demo's data set."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from engine.contract.errors import WhaleError
from engine.drawing.dataset import draw_dataset


def main() -> int:
    """Draw into the folder that the command line names; returns 0, or 1 with the reason on stderr."""
    parser = argparse.ArgumentParser(prog="python -m engine.drawing", description=__doc__)
    parser.add_argument("folder", type=Path, help="new or empty")
    parser.add_argument("--whales", type=int, default=60, help="with a name (default: 60)")
    parser.add_argument("--photos", type=int, default=500, help="training and test together (default: 500)")
    parser.add_argument("--seed", type=int, default=0, help="another one draws other whales (default: 0)")
    parser.add_argument("--size", type=int, nargs=2, default=(320, 200), metavar=("WIDTH", "HEIGHT"), help="pixels")
    asked = parser.parse_args()
    began = time.monotonic()
    try:
        draw_dataset(asked.folder, asked.whales, asked.photos, asked.seed, tuple(asked.size))
    except WhaleError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{asked.photos} photos of {asked.whales} whales in {asked.folder}, {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
