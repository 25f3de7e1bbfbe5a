"""The parts of training: schedule, parameter groups, moving average, reporter, room on disk, the wish to stop."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from engine.contract.errors import DiskError
from engine.contract.events import AnyEvent, Epoch, EventTail, EventWriter, Step, Warned
from engine.contract.method import ClassifierMethod
from engine.contract.spec import ModelSpec, OptimiserSpec
from engine.models.backbones import build_backbone
from engine.models.heads import ClassifierHead
from engine.models.network import Network
from engine.training.average import MovingAverage
from engine.training.optimiser import (
    build_optimiser,
    clip_gradients,
    learning_rate,
    parameter_groups,
    set_learning_rate,
)
from engine.training.reporter import Reporter
from engine.training.room import bytes_needed, check_room
from engine.training.stopping import Stopped, StopWish


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    backbone = build_backbone(ModelSpec(backbone="timm/test_efficientnet", weights="none"), 32, 32)
    return Network(backbone, ClassifierHead(backbone.width, 5, 0.0, ClassifierMethod()))


# The learning rate


def test_the_learning_rate_rises_then_falls_along_a_cosine() -> None:
    spec = OptimiserSpec(learning_rate=1.0, warmup_epochs=1.0)
    rates = [learning_rate(step, 4, 3, spec) for step in range(12)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4] == 1.0  # the cosine starts at its height,
    assert rates[8] == pytest.approx(0.5)  # is half way down half way through,
    assert rates[11] == pytest.approx(0.5 * (1.0 + math.cos(math.pi * 7 / 8)))
    assert learning_rate(12, 4, 3, spec) == 0.0  # and would be 0 at the step after the last


def test_a_constant_learning_rate_stays_after_its_warm_up() -> None:
    spec = OptimiserSpec(learning_rate=0.3, schedule="constant", warmup_epochs=0.5)
    assert [learning_rate(step, 4, 2, spec) for step in range(8)] == [0.15] + [0.3] * 7


# The optimiser


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_every_parameter_is_in_one_group_with_its_factor(network: Network, kind: str) -> None:
    groups = parameter_groups(network, OptimiserSpec(kind=kind, head_factor=10.0, weight_decay=0.1))
    dealt = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(dealt) == sorted(id(parameter) for parameter in network.parameters())
    head = {id(parameter) for parameter in network.head.parameters()}
    for group in groups:
        assert {id(parameter) in head for parameter in group["params"]} == {group["factor"] == 10.0}
    spared = [parameter for group in groups if group["weight_decay"] == 0.0 for parameter in group["params"]]
    expected = [parameter for parameter in network.parameters() if parameter.ndim <= 1] if kind == "adamw" else []
    assert {id(parameter) for parameter in spared} == {id(parameter) for parameter in expected}


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_the_head_moves_as_much_faster_as_asked(network: Network, kind: str) -> None:
    optimiser = build_optimiser(network, OptimiserSpec(kind=kind, head_factor=10.0, momentum=0.0))
    set_learning_rate(optimiser, 0.01)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimiser.step()
    moved = {
        name: (old - new).mean().item() for old, (name, new) in zip(before, network.named_parameters(), strict=True)
    }
    for name, distance in moved.items():
        assert distance == pytest.approx(0.1 if name.startswith("head") else 0.01, rel=0.01), name


def test_gradients_are_shortened_only_where_they_are_too_long() -> None:
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.grad = torch.tensor([[3.0, 4.0]])
    clip_gradients(layer, 0.0)
    assert layer.weight.grad.norm().item() == pytest.approx(5.0)
    clip_gradients(layer, 1.0)
    assert layer.weight.grad.norm().item() == pytest.approx(1.0, rel=1e-4)


# The moving average


def test_the_average_follows_weights_and_batch_statistics(network: Network) -> None:
    average = MovingAverage(network, decay=0.9)
    assert not any(parameter.requires_grad for parameter in average.network.parameters())
    before = network.head.linear.weight.detach().clone()
    with torch.no_grad():
        network.head.linear.weight += 1.0
        for name, buffer in network.named_buffers():
            buffer.fill_(7 if name.endswith("num_batches_tracked") else 3.0)
    average.update()
    moved = (average.network.head.linear.weight - before).mean().item()
    assert moved == pytest.approx(9 / 11)  # the first decay is (1 + 1) / (10 + 1)
    buffers = dict(average.network.named_buffers())
    assert {int(value) for name, value in buffers.items() if name.endswith("num_batches_tracked")} == {7}
    means = [value for name, value in buffers.items() if name.endswith("running_mean")]
    assert means
    assert all(torch.allclose(value, torch.tensor(3.0 * 9 / 11)) for value in means)


def test_the_decay_grows_up_to_the_one_asked_for(network: Network) -> None:
    average = MovingAverage(network, decay=0.5)
    with torch.no_grad():
        network.head.linear.bias.fill_(0.0)
        average.network.head.linear.bias.fill_(1.0)
    for _ in range(20):
        average.update()
    expected = math.prod(min(0.5, (1 + step) / (10 + step)) for step in range(1, 21))
    assert average.network.head.linear.bias[0].item() == pytest.approx(expected)


# The reporter


class Watch:
    """A clock that stands until it is pushed."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def reported(path: Path, losses: list[float], seconds_a_step: float) -> list[AnyEvent]:
    events, watch = EventWriter(path), Watch()
    reporter = Reporter(events, epochs=1, steps_per_epoch=len(losses), total_steps=len(losses), clock=watch)
    reporter.begin_epoch()
    for step, loss in enumerate(losses, start=1):
        watch.now += seconds_a_step
        reporter.step(step, torch.tensor(loss), rate=0.1, photos=8)
    reporter.end_epoch(1)
    events.close()
    return EventTail(path).read_all()


def test_steps_are_told_twice_a_second_the_first_and_the_last_always(tmp_path: Path) -> None:
    told = reported(tmp_path / "events.jsonl", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], seconds_a_step=0.25)
    steps = [event for event in told if isinstance(event, Step)]
    assert [step.step for step in steps] == [1, 3, 5, 6]
    assert [step.loss for step in steps] == [1.0, 2.5, 4.5, 6.0]  # the mean since the last one
    assert [step.images_per_second for step in steps] == [32.0] * 4
    assert [step.eta_seconds for step in steps] == [1.25, 0.75, 0.25, 0.0]
    assert steps[-1].epoch == 1.0
    epoch = told[-1]
    assert isinstance(epoch, Epoch)
    assert (epoch.loss, epoch.seconds, epoch.images_per_second) == (3.5, 1.5, 32.0)


def test_a_loss_that_is_no_number_is_warned_of_once(tmp_path: Path) -> None:
    told = reported(tmp_path / "events.jsonl", [1.0, math.nan, math.inf, math.nan], seconds_a_step=1.0)
    assert [type(event) for event in told] == [Step, Step, Warned, Step, Step, Epoch]
    warning = told[2]
    assert isinstance(warning, Warned)
    assert "step 2" in warning.message


# Room on disk


def test_room_is_asked_for_scores_and_two_checkpoints(network: Network) -> None:
    plain = bytes_needed(network, average=False, photos=0, classes=5)
    weights = sum(value.numel() * value.element_size() for value in network.state_dict().values())
    assert bytes_needed(network, average=True, photos=0, classes=5) - plain == 2 * weights
    assert bytes_needed(network, average=False, photos=100, classes=5) - plain == 1000


def test_too_little_room_names_the_folder_and_both_figures(tmp_path: Path) -> None:
    check_room(tmp_path, 1_000_000, free=lambda folder: 1_000_000)
    with pytest.raises(DiskError, match="has 1 MB free, but the run will write up to 3 MB") as caught:
        check_room(tmp_path, 3_000_000, free=lambda folder: 1_000_000)
    assert str(tmp_path) in caught.value.message


# The wish to stop


@pytest.fixture
def wish() -> Iterator[StopWish]:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    wish = StopWish()
    wish.listen()
    yield wish
    signal.signal(signal.SIGTERM, before[0])
    signal.signal(signal.SIGINT, before[1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_wish_is_granted_at_once_unless_held_back(wish: StopWish, number: signal.Signals) -> None:
    reached = []

    def step() -> None:
        with wish.held():
            os.kill(os.getpid(), number)
            reached.append("the rest of the step")
            wish.check()
            reached.append("never")

    with pytest.raises(Stopped):
        step()
    assert reached == ["the rest of the step"]
    with pytest.raises(Stopped):
        os.kill(os.getpid(), number)


def test_a_wish_unheeded_inside_is_granted_when_leaving(wish: StopWish) -> None:
    wish.progress = lambda: (2.5, 50)
    with pytest.raises(Stopped) as caught, wish.held():
        os.kill(os.getpid(), signal.SIGTERM)
    assert (caught.value.epoch, caught.value.step) == (2.5, 50)


def test_a_data_worker_does_not_stop_at_the_signal(wish: StopWish) -> None:
    worker = os.fork()
    if worker == 0:
        os.kill(os.getpid(), signal.SIGINT)
        os._exit(7 if wish.asked else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) == 0
