"""Events from engine to screen: `python bench/events.py [--json FILE]`.

`append`: microseconds a line when eight writers append together, beside the bar of 50,000 lines/s (20 us) and beside
writers that only dump JSON and flush. `ingest`: microseconds an event until it is folded into a view, same bar.
`lag`: the oldest that an event was when a follower looking twice a second showed it, eight runs at 50 lines/s, bar
1.5 s. `reporting`: what telling of a step costs the engine, beside 1 % of a step of a ResNet18 at 96x96, batch 32.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _rows import Row, options, report

from engine.contract.events import EventTail, EventWriter, Step
from engine.contract.spec import RunSpec
from whaletui.records.model import RunRecord, State
from whaletui.view.follow import Follower
from whaletui.view.runview import RunView, fold

WRITERS = 8
LINES = 20_000
BAR_MICROSECONDS = 1e6 / 50_000
LAG_BAR_SECONDS = 1.5
LAG_SECONDS = 10.0
LOOK_SECONDS = 0.5


def step(number: int) -> Step:
    """Return what the engine says of a step."""
    return Step(step=number, epoch=number / 100, loss=1.25, learning_rate=1e-3, images_per_second=410.0)


def append(path: Path, lines: int) -> None:
    """Write lines as the engine does."""
    events = EventWriter(path)
    for number in range(lines):
        events.write(step(number))
    events.close()


def append_plainly(path: Path, lines: int) -> None:
    """Write lines the plain way: a dict, JSON, a flush."""
    with open(path, "a") as file:
        for number in range(lines):
            line = {"seq": number, "t": time.time(), "step": number, "epoch": number / 100, "loss": 1.25,
                    "learning_rate": 1e-3, "images_per_second": 410.0}  # fmt: skip
            file.write(json.dumps(line) + "\n")
            file.flush()


def together(write: Callable[[Path, int], None], folder: Path) -> float:
    """Return microseconds a line of eight processes that write at once, each to its own file."""
    folder.mkdir()
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write, args=(folder / f"{number}.jsonl", LINES)) for number in range(WRITERS)]
    began = time.perf_counter()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    return (time.perf_counter() - began) / (WRITERS * LINES) * 1e6


def ingest(folder: Path) -> float:
    """Return microseconds an event, from file to view."""
    began, count = time.perf_counter(), 0
    for path in folder.iterdir():
        tail, view = EventTail(path), RunView.new()
        while events := tail.read():
            view = fold(view, events)
            count += len(events)
    assert count == WRITERS * LINES, f"{count} events came back"
    return (time.perf_counter() - began) / count * 1e6


def speak(path: Path, until: float) -> None:
    """Say 50 lines a second."""
    events, number = EventWriter(path), 0
    while time.monotonic() < until:
        number += 1
        events.write(step(number))
        time.sleep(0.02)


def lag(root: Path) -> float:
    """Return the oldest that an event was when it was first seen, eight runs speaking at once."""
    context, until = multiprocessing.get_context("fork"), time.monotonic() + LAG_SECONDS
    records = []
    for number in range(1, WRITERS + 1):
        (root / f"runs/{number}/attempt-1").mkdir(parents=True)
        path = root / f"runs/{number}/attempt-1/events.jsonl"
        context.Process(target=speak, args=(path, until)).start()
        records.append(
            RunRecord.of_spec(
                RunSpec.of({}), id=number, uuid=str(number), folder=f"runs/{number}", created_at=0.0, attempt=1,
                state=State.RUNNING,
            )
        )  # fmt: skip
    follower, seen, worst = Follower(root), {record.id: 0 for record in records}, 0.0
    while time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
        follower.poll(records)
        now = time.time()
        for record in records:
            path = root / record.folder / "attempt-1/events.jsonl"
            new = EventTail(path)
            new.offset = seen[record.id]
            if events := new.read():
                worst = max(worst, now - events[0].unix_seconds)
            seen[record.id] = new.offset
    for child in multiprocessing.active_children():
        child.join()
    return worst


def reporting(folder: Path) -> tuple[float, float]:
    """Return microseconds that telling of a step costs, and those of the step itself."""
    import torch

    from engine.models.backbones import build_backbone
    from engine.pulse import Pulse
    from engine.training.reporter import Reporter

    spec = RunSpec.of({}).with_values({"model.backbone": "timm/resnet18", "model.weights": "none"})
    network = build_backbone(spec.model, 96, 96).train()
    optimiser = torch.optim.Adam(network.parameters())
    photos = torch.rand(32, 3, 96, 96)

    def learn() -> torch.Tensor:
        optimiser.zero_grad()
        loss = network(photos).square().mean()
        loss.backward()
        optimiser.step()
        return loss.detach()

    loss = learn()
    began = time.perf_counter()
    for _ in range(5):
        loss = learn()
    of_step = (time.perf_counter() - began) / 5 * 1e6
    events = EventWriter(folder / "reporting.jsonl")
    reporter, pulse = Reporter(events, 1, 10_000, 10_000), Pulse(folder / "heartbeat", events)
    reporter.begin_epoch()
    began = time.perf_counter()
    for number in range(1, 5001):
        reporter.step(number, loss, 1e-3, 32)
        pulse.beat()
    of_telling = (time.perf_counter() - began) / 5000 * 1e6
    return of_telling, of_step


def main() -> None:
    """Measure and print."""
    chosen = options(__doc__ or "").parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = together(append, folder / "ours")
        plain = together(append_plainly, folder / "plain")
        rows = [
            Row("append_8_writers", "us/line", ours, BAR_MICROSECONDS, "the bar: 50,000 lines/s"),
            Row("append_8_writers", "us/line", ours, plain, "json.dumps, write, flush"),
            Row("ingest", "us/event", ingest(folder / "ours"), BAR_MICROSECONDS, "the bar: 50,000 events/s"),
            Row("lag_8x50", "s", lag(folder), LAG_BAR_SECONDS, "the bar"),
        ]
        told, of_step = reporting(folder)
        rows.append(Row("reporting", "us/step", told, of_step / 100, f"1 % of a step of {of_step / 1000:.0f} ms"))
    report(rows, chosen.json)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
