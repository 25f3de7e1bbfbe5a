"""What tests of the app share: a recorded workspace, a held clock, keys pressed, and the screen as plain text."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from textual.pilot import Pilot

from engine.contract import events as e
from engine.contract.predictions import ClassList, Photos, ScoreWriter, write_classes
from engine.contract.spec import RunSpec
from whaletui.app import WhaleApp
from whaletui.desk import Desk
from whaletui.records.model import Outcome, RunRecord, State
from whaletui.records.records import Records
from whaletui.widgets.spec_form import SpecForm
from whaletui.workspace import Workspace

NOW = 1_795_000_000.0
SIZES = {"80x24": (80, 24), "160x45": (160, 45)}
SLOTS = [
    {"id": "GPU-a", "label": "GPU0", "name": "NVIDIA H200", "memory_total": 139 << 30, "memory_used": 41 << 30,
     "utilisation": 96.0, "temperature": 64.0, "power_watts": 412.0,
     "processes": [{"pid": 4711, "user": "us", "name": "python", "memory": 41 << 30}]},
    {"id": "GPU-b", "label": "GPU1", "name": "NVIDIA H200", "memory_total": 139 << 30, "memory_used": 38 << 30,
     "utilisation": 3.0, "temperature": 41.0, "power_watts": 98.0,
     "processes": [{"pid": 812, "user": "alice", "name": "jupyter", "memory": 38 << 30}]},
]  # fmt: skip
WHALES = ["new_whale", *(f"w_{number}" for number in range(1, 9))]
PHOTOS = [f"photo{number:02d}.png" for number in range(36)]
TEST_PHOTOS = [f"test{number}.png" for number in range(5)]
STEPS = {"up", "down", "home", "end"}
HOSTILE = "[/] [bold red]x[/] \x1b]0;title\x07\x1b[31m \u202eevil\x00"


class RecordedLab:
    """A workspace whose runs were "trained" by writing down what an engine would have said."""

    def __init__(self, folder: Path) -> None:
        self.workspace = Workspace(folder)
        self.workspace.prepare()
        self.records = Records.open(self.workspace)

    def run(self, name: str, *, age: float = 3600.0, **changes: Any) -> RunRecord:
        """Queue a run."""
        spec = RunSpec().with_values({"name": name, "data.folder": "whales", **changes})
        return self.records.add_run(spec, now=NOW - age)

    def start(self, run: RunRecord) -> RunRecord:
        """Give a run a slot of its own."""
        slot = (f"GPU-{run.id}", f"GPU{run.id % 2}")
        assert self.records.claim(run.id, 1, "host", slot, now=NOW - 600)
        self.workspace.run_dir(run.folder).attempt(1).path.mkdir(exist_ok=True)
        return self.records.run(run.id)

    def say(self, run: RunRecord, *events: e.Event) -> None:
        """Append events to the run's first attempt, as an engine would."""
        writer = e.EventWriter(self.workspace.run_dir(run.folder).attempt(1).events, lambda: 0.0, lambda: NOW)
        for event in events:
            writer.write(event)
        writer.close()

    def log(self, run: RunRecord, text: str) -> None:
        """Append to the run's log."""
        with open(self.workspace.run_dir(run.folder).attempt(1).log, "a", encoding="utf-8") as file:
            file.write(text)

    def train(self, run: RunRecord, epochs: int, best: float) -> None:
        """Say what some epochs of smooth training say."""
        total = run.epochs
        told: list[e.Event] = [
            e.Started(attempt=1, pid=1, host="host", device="NVIDIA H200", precision="bfloat16", epochs=total),
            e.Phase(name="training"),
        ]
        for epoch in range(1, epochs + 1):
            for tenth in range(1, 11):
                at = epoch - 1 + tenth / 10
                rate = 5e-4 * (1 + math.cos(math.pi * at / total))
                told.append(
                    e.Step(
                        step=(epoch - 1) * 10 + tenth, epoch=at, loss=0.4 + 7 * math.exp(-at / 5), learning_rate=rate,
                        images_per_second=410 + 10 * math.sin(at * 9), eta_seconds=(total - at) * 20,
                    )
                )  # fmt: skip
            map5 = best * (1 - math.exp(-epoch / 6))
            told.append(
                e.Evaluated(
                    epoch=epoch, step=epoch * 10, loss=0.9 + 6 * math.exp(-epoch / 6), map5=map5, map5_low=map5 - 0.017,
                    map5_high=map5 + 0.018, map5_known=map5 - 0.05, map5_new=0.93, seconds=2.0,
                )
            )  # fmt: skip
        self.say(run, *told)

    def end(self, run: RunRecord, state: State, reason: str = "", map5: float | None = None) -> RunRecord:
        """Settle a run."""
        scored = {} if map5 is None else {
            "map5": map5, "map5_low": map5 - 0.017, "map5_high": map5 + 0.018, "map5_known": map5 - 0.05,
            "map5_new": 0.93, "baseline_constant": 0.115, "baseline_duplicates": 0.21, "loss": 0.42,
            "epoch": float(run.epochs),
        }  # fmt: skip
        outcome = Outcome(state=state, reason=reason, ended_at=NOW, seconds=610.0, **scored)
        assert self.records.settle(run.id, 1, outcome)
        return self.records.run(run.id)

    def finished(self, name: str, map5: float, **changes: Any) -> RunRecord:
        """Return a run that was trained to its end."""
        run = self.start(self.run(name, **changes))
        self.train(run, run.epochs, map5)
        self.say(run, e.Finished(map5=map5, seconds=610.0))
        self.log(run, "".join(f"epoch {epoch} done\n" for epoch in range(1, run.epochs + 1)))
        self.answer(run, strength=map5 * 4)
        return self.end(run, State.FINISHED, map5=map5)

    def answer(self, run: RunRecord, strength: float) -> None:
        """Leave scores of all photos, right more often the stronger the run is; the same for a run's id."""
        folder = self.workspace.run_dir(run.folder).predictions
        write_classes(folder, ClassList(tuple(WHALES)))
        random = np.random.default_rng(run.id)
        truth = np.arange(len(PHOTOS)) % len(WHALES)
        scores = random.normal(size=(len(PHOTOS), len(WHALES)))
        scores[np.arange(len(PHOTOS)), truth] += strength
        told = Photos(names=tuple(PHOTOS), truth=tuple(WHALES[number] for number in truth))
        with ScoreWriter(folder, "valid", told, len(WHALES)) as writer:
            writer.append(scores)
        with ScoreWriter(folder, "test", Photos(names=tuple(TEST_PHOTOS)), len(WHALES)) as writer:
            writer.append(random.normal(size=(len(TEST_PHOTOS), len(WHALES))))


def draw_whales(folder: Path) -> None:
    """Draw a data set of one shape: a dark fluke on a sea that is brighter below."""
    for part, names in (("train", PHOTOS), ("test", TEST_PHOTOS)):
        (folder / part).mkdir(parents=True)
        for name in names:
            photo = Image.linear_gradient("L").resize((64, 40)).convert("RGB")
            ImageDraw.Draw(photo).polygon([(8, 10), (30, 24), (56, 8), (40, 30), (24, 30)], fill=(20, 24, 40))
            photo.save(folder / part / name)
    rows = "".join(f"{name},{WHALES[number % len(WHALES)]}\n" for number, name in enumerate(PHOTOS))
    (folder / "train.csv").write_text("Image,Id\n" + rows, encoding="utf-8")
    guesses = "".join(f"{name},new_whale w_1 w_2 w_3 w_4\n" for name in TEST_PHOTOS)
    (folder / "sample_submission.csv").write_text("Image,Id\n" + guesses, encoding="utf-8")


def fill(folder: Path) -> RecordedLab:
    """Make a workspace with a run in every state; ids from 7 on."""
    lab = RecordedLab(folder)
    lab.records.set_setting("data", "whales")
    draw_whales(folder / "whales")
    first = lab.finished("talk-resnet50", 0.554, age=9000, **{"model.backbone": "pretrainedmodels/resnet50"})
    lab.finished("talk-effnet-b0", 0.537, age=8000)
    lab.records.star(first.id)
    lab.records.tag(first.id, "best")
    failed = lab.start(lab.run("big", age=7000, **{"training.batch": 512, "seed": 2}))
    lab.train(failed, 4, 0.3)
    lab.log(failed, "Traceback (most recent call last):\ntorch.cuda.OutOfMemoryError: CUDA out of memory\n")
    lab.end(failed, State.FAILED, "out of GPU memory: batch 512 at 256 px, try 256")
    lost = lab.start(lab.run("whole", age=6000))
    lab.train(lost, 3, 0.3)
    lab.end(lost, State.LOST, "the machine was restarted")
    cancelled = lab.start(lab.run("trial", age=5000))
    lab.end(cancelled, State.CANCELLED, "stopped at epoch 0.0")
    running = lab.start(lab.run("best s3", age=4000, **{"training.epochs": 40, "optimiser.kind": "adamw"}))
    lab.train(running, 14, 0.6)
    lab.say(running, e.Warned(message="2 photos are grey"))
    lab.log(running, "".join(f"step {step} loss {8 / step:.3f}\n" for step in range(1, 120)))
    waiting = lab.run("talk-resnet50 s1", age=3000, seed=1)
    lab.records.set_reasons({waiting.id: "GPU1 is held by alice, pid 812, 38 GiB"})
    return lab


@contextlib.asynccontextmanager
async def opened(folder: Path, size: tuple[int, int] = (160, 45)) -> AsyncIterator[tuple[WhaleApp, Pilot[int]]]:
    """Open the app on a workspace with a held clock; nothing is looked at but on demand."""
    app = WhaleApp(Desk(Workspace(folder), now=lambda: NOW, tending=False), ticking=False)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield app, pilot


async def settle(pilot: Pilot[int]) -> None:
    """Wait until no worker works and no message waits."""
    quiet = 0
    for _ in range(600):
        await pilot.pause()
        busy = any(not worker.is_finished for worker in pilot.app.workers)
        quiet = 0 if busy else quiet + 1
        if quiet == 2:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"still busy: {[worker.name for worker in pilot.app.workers if not worker.is_finished]}")


async def press(pilot: Pilot[int], *keys: str) -> None:
    """Press keys one after the other, each seen through; a step of the cursor needs nobody's work."""
    for place, key in enumerate(keys):
        await pilot.press(key)
        if key not in STEPS or place == len(keys) - 1:
            await settle(pilot)


async def write(pilot: Pilot[int], text: str) -> None:
    """Type a text."""
    names = {" ": "space", ".": "full_stop", "=": "equals_sign", ">": "greater_than_sign", ",": "comma", "-": "minus",
             "/": "slash", "[": "left_square_bracket", "]": "right_square_bracket", "_": "underscore"}  # fmt: skip
    await pilot.press(*(names.get(character, character) for character in text))
    await settle(pilot)


def go_to(app: WhaleApp, path: str) -> None:
    """Put the cursor of the form that is open into a field."""
    app.screen.query_one(SpecForm).go_to(path)


def screen_text(app: WhaleApp) -> str:
    """Return what is on screen, line by line, trailing blanks cut."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"


def notices(app: WhaleApp) -> list[str]:
    """Return what was notified, oldest first."""
    return [f"{notice.title}: {notice.message}" for notice in app._notifications]


class Snapshot:
    """Compares a screen with the text kept under its name."""

    def __init__(self, folder: Path, update: bool) -> None:
        self.folder, self.update = folder, update

    def check(self, name: str, text: str) -> None:
        """Fail where the text differs; with --snapshot-update, keep it instead."""
        path = self.folder / f"{name}.txt"
        if self.update:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        if not path.exists():
            pytest.fail(f"no snapshot {name}: run pytest tests/whaletui --snapshot-update and look at it")
        assert text == path.read_text(encoding="utf-8"), f"{name} looks otherwise than in {path}"


def fake_slots(folder: Path) -> Path:
    """Write the slots that stand for the machine's."""
    path = folder / "slots.json"
    path.write_text(json.dumps(SLOTS), encoding="utf-8")
    return path
