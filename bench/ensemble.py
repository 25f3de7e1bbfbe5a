"""Soft vote of four members at Kaggle's size, from files to a checked CSV: `python bench/ensemble.py [--json FILE]`.

The peer is the plain way: load every table, take the mean, sort every row. Each runs in a process of its own, so
that peak memory is its own; files are in the page cache for both.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _rows import Row, options, report

from engine.contract.dataset import Dataset
from engine.contract.predictions import ClassList, Photos, ScoreWriter, write_classes
from whaletui.ensemble.blend import vote
from whaletui.ensemble.submission import write_submission

PHOTOS, CLASSES, MEMBERS = 15_610, 4_251, 4
LABELS = ("new_whale", *(f"w_{number:07x}" for number in range(CLASSES - 1)))
NAMES = tuple(f"{number:08x}.jpg" for number in range(PHOTOS))


def make_members(root: Path) -> None:
    """Write the members' scores: random, float16."""
    random = np.random.default_rng(0)
    for member in range(MEMBERS):
        folder = root / str(member)
        write_classes(folder, ClassList(LABELS))
        with ScoreWriter(folder, "test", Photos(names=NAMES), CLASSES) as writer:
            for start in range(0, PHOTOS, 1000):
                writer.append(random.normal(size=(min(1000, PHOTOS - start), CLASSES)).astype(np.float32))


def ours(root: Path) -> None:
    """Vote and write as the app and the command line do."""
    folders = [(str(member), root / str(member)) for member in range(MEMBERS)]
    voted = vote(folders, [1.0] * MEMBERS, "logits", "test")
    data = Dataset(folder=root, train=NAMES[:CLASSES], labels=LABELS, test=NAMES, header=("Image", "Id"))
    write_submission(root / "ours.csv", data, voted.photos, voted.guesses, voted.classes)


def plain(root: Path) -> None:
    """Do it the plain way."""
    scores = np.mean([np.load(root / str(member) / "test.npy") for member in range(MEMBERS)], axis=0)
    best = np.argsort(-scores, axis=1)[:, :5]
    with open(root / "plain.csv", "w") as file:
        file.write("Image,Id\n")
        for name, row in zip(NAMES, best, strict=True):
            file.write(f"{name},{' '.join(LABELS[number] for number in row)}\n")


def measured(way: str, root: Path) -> tuple[float, float]:
    """Return seconds and peak MiB of one way in a fresh process, imports not counted in the seconds."""
    done = subprocess.run(
        [sys.executable, __file__, "--way", way, str(root)], capture_output=True, text=True, check=True
    )
    seconds, mebibytes = json.loads(done.stdout)
    return seconds, mebibytes


def main() -> None:
    """Measure both ways and print them."""
    parser = options(__doc__ or "")
    parser.add_argument("--way", nargs=2, metavar=("WAY", "DIR"), help="do one way only (used by the bench itself)")
    chosen = parser.parse_args()
    if chosen.way:
        way, root = {"ours": ours, "plain": plain}[chosen.way[0]], Path(chosen.way[1])
        began = time.perf_counter()
        way(root)
        seconds = time.perf_counter() - began
        print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
        return
    with tempfile.TemporaryDirectory() as folder:
        make_members(Path(folder))
        measured("ours", Path(folder))  # brings the files into the page cache
        our_seconds, our_memory = sorted(measured("ours", Path(folder)) for _ in range(3))[1]
        peer_seconds, peer_memory = measured("plain", Path(folder))
    name = "load all, mean, argsort"
    rows = [
        Row("vote_4", "s", our_seconds, peer_seconds, name),
        Row("vote_4_memory", "MiB", our_memory, peer_memory, name),
    ]
    report(rows, chosen.json)


if __name__ == "__main__":
    main()
