"""The sweep of new_whale as text: its figures, its bars, and the two marks under them."""

from __future__ import annotations

from engine.contract.newness import NewWhale, SweepPoint
from engine.contract.summary import Figures
from whaletui.view.newness import calibration_lines


def figures(map5: float) -> Figures:
    return Figures(map5=map5, low=0.0, high=1.0, known=0.2, new=0.9, photos=100, new_photos=10)


def told(*worths: float | None) -> NewWhale:
    points = [
        SweepPoint(offset=offset, first_share=number / 10, map5=worth, known=0.2, new=None)
        for number, (offset, worth) in enumerate(zip((-1.0, 0.0, 1.0, 2.0), worths, strict=True))
    ]
    return NewWhale(
        temperature=0.5, fitted_share=0.1, stated_share=0.115, before=figures(0.3), after=figures(0.35),
        sweep=tuple(points),
    )  # fmt: skip


def test_the_sweep_is_drawn_and_its_best_and_its_own_place_marked() -> None:
    lines = calibration_lines(told(0.1, 0.3, 0.4, 0.2))
    assert lines[0].startswith("MAP@5 0.300 before, 0.350 calibrated")
    assert "10.0% of the validation photos, 11.5% stated" in lines[1]
    assert lines[3].endswith("pushed from -1 to +2 in log-odds")
    assert lines[4:8] == ["  █  0.400", " ▆█ ", " ██▃", "▁███ 0.100"]
    assert lines[8] == " ^* "
    assert lines[9] == "^ as calibrated: 0.300, known 0.200, new_whale first for 10% of the photos"
    assert lines[10].startswith("* at its best: 0.400")


def test_a_run_without_calibration_says_how_to_have_one() -> None:
    assert calibration_lines(None) == ["new_whale was not calibrated: prediction.calibrate=true does it"]


def test_a_sweep_without_photos_and_a_flat_one_draw_nothing_wrong() -> None:
    assert len(calibration_lines(told(None, None, None, None))) == 2
    assert calibration_lines(told(0.2, 0.2, 0.2, 0.2))[7] == "▁▁▁▁ 0.200"
