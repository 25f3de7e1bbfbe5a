"""Soft votes at Kaggle's size, from files to a checked CSV, and a toggle on the ensemble screen.

`python bench/ensemble.py [--json FILE] [--rows ROW...]`; it writes 2.8 GB of made-up scores to a temporary folder.

Peers: the plain way (load every table, take the mean, sort every row), and the talk's way (a forward pass of every
model over the test photos; timed on a few photos with random weights and multiplied out, without reading the photos).
Each way runs in a process of its own, so that peak memory is its own; files are in the page cache for both.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _rows import Row, median_seconds, options, report
from numpy.typing import NDArray

from engine.contract.dataset import Dataset
from engine.contract.predictions import ClassList, Photos, ScoreWriter, write_classes
from whaletui.ensemble.blend import vote
from whaletui.ensemble.lab import Lab
from whaletui.ensemble.submission import write_submission
from whaletui.ensemble.tables import RunTable

PHOTOS, CLASSES, MOST = 15_610, 4_251, 20
VALID_PHOTOS, VALID_CLASSES, CANDIDATES = 3_000, 4_029, 20
LABELS = ("new_whale", *(f"w_{number:07x}" for number in range(CLASSES - 1)))
NAMES = tuple(f"{number:08x}.jpg" for number in range(PHOTOS))
FORWARD = ("resnet50", "tf_efficientnet_b0", "tf_efficientnet_b0", "tf_efficientnet_b0")
FORWARD_PHOTOS = 32
PLAIN, TALK = "load all, mean, argsort", "forward pass of all (estimated)"


def make_members(root: Path, count: int) -> None:
    """Write members' scores: random, float16; each member's are those of the first, moved along."""
    random = np.random.default_rng(0)
    base = random.standard_normal((1000, CLASSES), dtype=np.float32).astype(np.float16)
    for member in range(count):
        folder = root / str(member)
        write_classes(folder, ClassList(LABELS))
        with ScoreWriter(folder, "test", Photos(names=NAMES), CLASSES) as writer:
            for start in range(0, PHOTOS, 1000):
                rows = min(1000, PHOTOS - start)
                writer.append(np.roll(base, 7 * member + 13 * start, axis=1)[:rows])


def ours(root: Path, count: int) -> None:
    """Vote and write as the app and the command line do."""
    folders = [(str(member), root / str(member)) for member in range(count)]
    voted = vote(folders, [1.0] * count, "logits", "test")
    data = Dataset(folder=root, train=NAMES[:CLASSES], labels=LABELS, test=NAMES, header=("Image", "Id"))
    write_submission(root / "ours.csv", data, voted.photos, voted.guesses, voted.classes)


def plain(root: Path, count: int) -> None:
    """Do it the plain way."""
    scores = np.mean([np.load(root / str(member) / "test.npy") for member in range(count)], axis=0)
    best = np.argsort(-scores, axis=1)[:, :5]
    with open(root / "plain.csv", "w") as file:
        file.write("Image,Id\n")
        for name, row in zip(NAMES, best, strict=True):
            file.write(f"{name},{' '.join(LABELS[number] for number in row)}\n")


def forward(root: Path, count: int) -> float:
    """Return the seconds that the models of the talk would take over all test photos, at 256x256, on this machine."""
    import timm
    import torch

    batch = torch.randn(FORWARD_PHOTOS, 3, 256, 256)
    seconds = 0.0
    for name in FORWARD:
        model = timm.create_model(name, num_classes=CLASSES).eval()
        with torch.inference_mode():
            model(batch[:8])
            began = time.perf_counter()
            model(batch)
            seconds += time.perf_counter() - began
    return seconds / FORWARD_PHOTOS * PHOTOS * count / len(FORWARD)


def measured(way: str, root: Path, count: int) -> tuple[float, float]:
    """Return seconds and peak MiB of one way in a fresh process, imports not counted in the seconds."""
    command = [sys.executable, __file__, "--way", way, str(root), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, mebibytes = json.loads(done.stdout.splitlines()[-1])
    return seconds, mebibytes


def vote_rows(root: Path, count: int) -> list[Row]:
    """Measure votes of so many members."""
    measured("ours", root, count)  # brings the files into the page cache
    our_seconds, our_memory = sorted(measured("ours", root, count) for _ in range(3))[1]
    peer_seconds, peer_memory = measured("plain", root, count)
    forward_seconds, _ = measured("forward", root, count)
    return [
        Row(f"vote_{count}", "s", our_seconds, peer_seconds, PLAIN),
        Row(f"vote_{count}_memory", "MiB", our_memory, peer_memory, PLAIN),
        Row(f"vote_{count}_talk", "s", our_seconds, forward_seconds, TALK),
    ]


def make_candidates(root: Path) -> list[RunTable]:
    """Write validation scores of candidates of different strength and loudness."""
    random = np.random.default_rng(1)
    labels, names = ClassList(LABELS[:VALID_CLASSES]), NAMES[:VALID_PHOTOS]
    truth = random.integers(1, VALID_CLASSES, VALID_PHOTOS) * (random.random(VALID_PHOTOS) > 0.115)
    whales = random.standard_normal((VALID_CLASSES, 32), dtype=np.float32)
    seen = whales[truth] + 1.8 * random.standard_normal((VALID_PHOTOS, 32), dtype=np.float32)
    told = Photos(names=names, truth=tuple(LABELS[number] for number in truth))
    tables = []
    for member in range(CANDIDATES):
        learnt = whales + 0.5 * random.standard_normal(whales.shape, dtype=np.float32)
        scores = seen @ learnt.T / (3 if member % 3 else 60)
        write_classes(root / str(member), labels)
        with ScoreWriter(root / str(member), "valid", told, VALID_CLASSES) as writer:
            writer.append(scores)
        tables.append(RunTable.open(f"run {member}", root / str(member), "valid"))
    return tables


def toggle_rows(root: Path) -> list[Row]:
    """Measure a toggle: the score, its interval and gain, and what each of twenty candidates would change."""
    tables = make_candidates(root)
    lab = Lab(tables)
    half = {number: 1.0 for number in range(0, CANDIDATES, 2)}
    lab.values("probabilities")
    seconds = median_seconds(lambda: lab.choice(half, "probabilities"))
    held = [table.reader(table.photos, table.classes)(0, VALID_PHOTOS) for table in tables]
    return [Row("toggle", "ms", seconds * 1000, _plain_toggle(held, half, lab.truth) * 1000, "21 means and top fives")]


def _plain_toggle(held: list[NDArray[np.float32]], half: dict[int, float], truth: NDArray[np.int64]) -> float:
    """Return the seconds of the plain way: all tables in memory, each choice summed and its top five taken."""
    chosen = set(half)

    def all_choices() -> None:
        for number in (None, *range(CANDIDATES)):
            members = sorted(chosen if number is None else chosen ^ {number})
            total = np.sum([held[member] for member in members], axis=0)
            best = np.argpartition(-total, 5, axis=1)[:, :5]
            (best == truth[:, None]).any(axis=1).mean()

    began = time.perf_counter()
    all_choices()
    return time.perf_counter() - began


def main() -> None:
    """Measure all ways and print them."""
    parser = options(__doc__ or "")
    parser.add_argument(
        "--way", nargs=3, metavar=("WAY", "DIR", "COUNT"), help="one way only (used by the bench itself)"
    )
    parser.add_argument("--rows", nargs="+", default=["vote_4", "vote_20", "toggle"], help="measure only these")
    chosen = parser.parse_args()
    if chosen.way:
        ways: dict[str, Callable[[Path, int], float | None]] = {"ours": ours, "plain": plain, "forward": forward}
        way, root, count = ways[chosen.way[0]], Path(chosen.way[1]), int(chosen.way[2])
        began = time.perf_counter()
        estimated = way(root, count)
        seconds = time.perf_counter() - began if estimated is None else estimated
        print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        counts = [count for count in (4, MOST) if f"vote_{count}" in chosen.rows]
        if counts:
            make_members(root, max(counts))
        for count in counts:
            rows += vote_rows(root, count)
        if "toggle" in chosen.rows:
            rows += toggle_rows(root / "valid")
    report(rows, chosen.json)


if __name__ == "__main__":
    main()
