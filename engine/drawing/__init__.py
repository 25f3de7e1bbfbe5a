"""Drawn humpback flukes: a small made-up data set in Kaggle's shape, so that the whole job runs anywhere.

numpy and OpenCV only. `draw_dataset(folder)` is all that others need; `python -m engine.drawing FOLDER`
does the same for those who may not import the engine.
"""

from engine.drawing.dataset import draw_dataset

__all__ = ["draw_dataset"]
