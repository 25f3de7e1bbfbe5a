"""Overlaps, fused boxes and average precision, with cases that a pencil can follow."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from drawn_photos import drawn

from engine.crop.framing import framed
from engine.crop.look import look
from engine.crop.overlap import average_precision, averaged, mirrored, overlap


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),
        ((0, 0, 10, 10), (0, 5, 10, 15), 50 / 150),
        ((0, 0, 10, 10), (5, 5, 15, 15), 25 / 175),
        ((0, 0, 10, 10), (0, 10, 10, 20), 0.0),
        ((0, 0, 10, 10), (30, 30, 40, 40), 0.0),
        ((5, 5, 5, 5), (5, 5, 5, 5), 0.0),
    ],
)
def test_overlap_by_pencil(left: tuple[int, ...], right: tuple[int, ...], expected: float) -> None:
    assert overlap(np.array(left, float), np.array(right, float)) == pytest.approx(expected)


def test_candidates_that_agree_are_averaged_by_confidence_and_others_left_out() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 2, 10, 10], [50, 50, 60, 60]], float)
    box, confidence = averaged(boxes, np.array([0.6, 0.3, 0.5]))
    assert box == pytest.approx([0, 2 / 3, 10, 10])
    assert confidence == 0.6


def test_no_candidate_gives_no_box_and_no_confidence() -> None:
    assert averaged(np.empty((0, 4)), np.empty(0))[1] == 0.0
    assert averaged(np.full((2, 4), np.nan), np.full(2, np.nan))[1] == 0.0


def test_a_mirrored_box_mirrored_again_is_itself() -> None:
    boxes = np.array([[1, 2, 3, 40], [5, 0, 9, 60]], float)
    assert mirrored(boxes, 64)[0] == pytest.approx([1, 24, 3, 62])
    assert (mirrored(mirrored(boxes, 64), 64) == boxes).all()


@pytest.mark.parametrize(
    ("hits", "confidences", "truths", "expected"),
    [
        ([True, True], [0.9, 0.8], 2, 1.0),
        ([True], [0.9], 2, 51 / 101),  # of 101 recalls from 0 to 1, those up to a half are reached
        ([False, True], [0.9, 0.8], 1, 0.5),
        ([True, False], [0.9, 0.8], 1, 1.0),
        ([False, True], [0.2, 0.8], 1, 1.0),  # sorted by confidence first
        ([], [], 3, 0.0),
    ],
)
def test_average_precision_by_pencil(hits: list[bool], confidences: list[float], truths: int, expected: float) -> None:
    found = average_precision(np.array(hits, bool), np.array(confidences, float), truths)
    assert found == pytest.approx(expected)


def test_average_precision_of_nothing_is_no_number() -> None:
    assert math.isnan(average_precision(np.zeros(0, bool), np.zeros(0), 0))


@pytest.mark.parametrize(("height", "width"), [(100, 100), (60, 105), (200, 50), (32, 48)])
def test_a_box_finds_back_from_the_square_to_its_photo(height: int, width: int) -> None:
    square, frame = framed(drawn(1, height, width), 64)
    assert square.shape == (64, 64, 3)
    photo = np.array([0.0, 0.0, height, width])
    inner = np.array([0.2 * height, 0.3 * width, 0.9 * height, 0.7 * width])
    for box in (photo, inner):
        seen = box * frame.scale + np.array([frame.top, frame.left, frame.top, frame.left])
        assert (seen >= 0).all()
        assert (seen <= 65).all()
        assert frame.back(seen) == pytest.approx(box, abs=1e-9)
    assert frame.back(np.array([-50.0, -50.0, 500.0, 500.0])) == pytest.approx(photo)


class Says(torch.nn.Module):
    """Stands for a network: its box stands on the brightest column, wherever the square is looked at from."""

    def forward(self, squares: torch.Tensor) -> tuple[torch.Tensor]:
        """Return centre, size and confidence of two candidates: one box, and one that is not likely."""
        bright = squares.mean(dim=(1, 2))  # (photos, columns)
        at = bright.argmax(dim=1).double()
        likely = torch.stack([at, torch.full_like(at, 20), *[torch.full_like(at, size) for size in (8, 10)],
                              torch.full_like(at, 0.8)], dim=1)  # fmt: skip
        other = likely.clone()
        other[:, 4] = 0.0005
        return (torch.stack([likely, other], dim=2).float(),)


def test_one_box_a_photo_from_both_looks_in_pixels_of_the_photo() -> None:
    photo = np.zeros((40, 80, 3), np.uint8)
    photo[:, 20] = 255
    square, frame = framed(photo, 64)
    squares = torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255
    column = int(squares.mean(dim=(1, 2)).argmax())
    plain, both = (look(Says(), squares, [frame], mirror=mirror)[0] for mirror in (False, True))
    expected = frame.back(np.array([15.0, column - 4, 25.0, column + 4]))
    assert plain[0] == pytest.approx(expected, abs=1e-4)
    assert plain[1] == both[1] == pytest.approx(0.8)
    shifted = np.array([0, 0.5, 0, 0.5]) / frame.scale  # a mirrored column n lies at 63 - n, whose edges are 64 - n
    assert both[0] == pytest.approx(expected + shifted, abs=1e-4)


def test_a_network_that_says_nothing_leaves_no_box() -> None:
    class Silent(torch.nn.Module):
        def forward(self, squares: torch.Tensor) -> tuple[torch.Tensor]:
            return (torch.zeros(len(squares), 5, 3),)

    _, frame = framed(drawn(1), 64)
    ((_, confidence),) = look(Silent(), torch.zeros(1, 3, 64, 64), [frame], mirror=True)
    assert confidence == 0.0
