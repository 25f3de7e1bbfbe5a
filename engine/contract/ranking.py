"""Five guesses a photo, and what they are worth: MAP@5 as Kaggle and MLE-bench compute it.

Everything here is pure: arrays in, numbers out. Classes are integers into an ordered class list.
Sources: the competition's evaluation page; the grader of MLE-bench (mlebench/metrics.py,
`average_precision_at_k`): of five guesses the first right one counts 1/rank; a repeated guess is
worth nothing but keeps its rank.
"""

from __future__ import annotations

from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

GUESSES = 5
RESAMPLES = 1000


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """MAP@5 of a set of photos with its 95 % bootstrap interval, whole and split.

    `known` and `new` are NaN where there is no such photo.
    """

    map5: float
    low: float
    high: float
    known: float
    new: float
    photos: int
    new_photos: int


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """What one run's guesses are worth above another's on the same photos, with its 95 % bootstrap interval."""

    delta: float
    low: float
    high: float
    photos: int
    clusters: int  # whales, the unit that is drawn

    @property
    def is_real(self) -> bool:
        """Whether the interval leaves out zero: chance alone seldom makes such a difference."""
        return self.low > 0 or self.high < 0


class Slice(msgspec.Struct, frozen=True, kw_only=True):
    """MAP@5 of a part of the photos; NaN where there is none."""

    name: str
    map5: float
    photos: int


def top_five(scores: NDArray[np.floating], count: int = GUESSES) -> NDArray[np.int64]:
    """Return the best classes of each photo, best first.

    Args:
        scores: (photos, classes), higher is better. NaN counts as the worst.
        count: how many to return; fewer where there are fewer classes.

    Returns:
        (photos, min(count, classes)) class numbers, all different in a row. Equal scores are
        ordered by class number, so that the answer is the same each time.
    """
    values = np.asarray(scores, dtype=np.float32)
    photos, classes = values.shape
    count = min(count, classes)
    if photos == 0:
        return np.empty((0, count), dtype=np.int64)
    if np.isnan(values.max()):
        values = np.where(np.isnan(values), -np.inf, values)
    rows, columns = np.nonzero(values >= _bound(values, count)[:, None])
    order = np.lexsort((columns, -values[rows, columns], rows))
    first = np.searchsorted(rows, np.arange(photos))
    best: NDArray[np.int64] = columns[order[first[:, None] + np.arange(count)]]
    return best


def _bound(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return a value per row that at least `count` of its entries reach, and few others.

    The row is cut into blocks; the maxima of `count` different blocks are such entries. Finding
    maxima costs a tenth of partitioning the row.
    """
    photos, classes = values.shape
    width = max(1, min(32, classes // (4 * count)))
    blocks = classes // width
    step_row, step = values.strides
    cut = np.lib.stride_tricks.as_strided(
        values, (photos, blocks, width), (step_row, width * step, step), writeable=False
    )
    maxima = cut.max(axis=2)
    return np.partition(maxima, blocks - count, axis=1)[:, blocks - count]


def average_precision(guesses: NDArray[np.integer], truth: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return what each photo's guesses are worth: 1/rank of the right one, 0 where none is.

    Args:
        guesses: (photos, up to 5) class numbers, best first.
        truth: (photos,) class numbers.
    """
    right = guesses[:, :GUESSES] == truth[:, None]
    first = right.argmax(axis=1)
    return np.where(right.any(axis=1), 1.0 / (first + 1.0), 0.0)


def interval(worth: NDArray[np.float64], resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean (percentile method; Efron 1979); NaN for no photos."""
    if worth.size == 0:
        return float("nan"), float("nan")
    random = np.random.default_rng(seed)
    values, counts = np.unique(worth, return_counts=True)  # at most six different values: draw their counts
    drawn = random.multinomial(worth.size, counts / worth.size, size=resamples)
    means = drawn @ values / worth.size
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def score(guesses: NDArray[np.integer], truth: NDArray[np.integer], new_class: int) -> Score:
    """Return MAP@5 with its interval, split into photos of known and of new whales.

    Args:
        guesses: (photos, up to 5) class numbers, best first.
        truth: (photos,) class numbers; `new_class` for a whale never seen in training.
        new_class: the number of `new_whale` in the class list; -1 where it is not in it.
    """
    return score_worth(average_precision(guesses, truth), truth == new_class)


def score_worth(worth: NDArray[np.float64], new: NDArray[np.bool_]) -> Score:
    """Return the score of photos whose guesses are worth so much, and of which some are of new whales."""
    low, high = interval(worth)
    return Score(
        map5=_mean(worth), low=low, high=high, known=_mean(worth[~new]), new=_mean(worth[new]),
        photos=int(worth.size), new_photos=int(new.sum()),
    )  # fmt: skip


class ClusterBootstrap:
    """Resamples of photos in which whole whales are drawn, with all their photos.

    Photos of one whale are right or wrong together; drawing them one by one would make a difference look surer than
    it is (cluster bootstrap, percentile method; Davison and Hinkley 1997, section 3.8).
    """

    def __init__(self, clusters: NDArray[np.integer], resamples: int = RESAMPLES, seed: int = 0) -> None:
        """Make one of (photos,) whale numbers; a whale of unknown identity is one of its own."""
        names, self._places = np.unique(clusters, return_inverse=True)
        self.count, self._resamples, self._seed = len(names), resamples, seed

    @cached_property
    def _draws(self) -> NDArray[np.float32]:
        """How often each whale is drawn, in each resample: (resamples, whales)."""
        even = np.full(self.count, 1.0 / self.count)
        random = np.random.default_rng(self._seed)
        return random.multinomial(self.count, even, size=self._resamples).astype(np.float32)

    def interval(self, differences: NDArray[np.floating]) -> tuple[float, float]:
        """Return the 95 % interval of the mean of (photos,) paired differences; NaN for no photos."""
        if not len(differences):
            return float("nan"), float("nan")
        sums = np.bincount(self._places, weights=differences, minlength=self.count).astype(np.float32)
        sizes = np.bincount(self._places, minlength=self.count).astype(np.float32)
        low, high = np.quantile((self._draws @ sums) / (self._draws @ sizes), [0.025, 0.975])
        return float(low), float(high)


def paired_interval(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], clusters: NDArray[np.integer], seed: int = 0
) -> Paired:
    """Return the difference of two means over the same photos, whole whales drawn with all their photos.

    Args:
        ours: (photos,) what each photo's guesses are worth.
        theirs: (photos,) the same photos, in the same order.
        clusters: (photos,) which whale each shows, as any number; a whale of unknown identity is one of its own.
        seed: of the draws.
    """
    bootstrap = ClusterBootstrap(clusters, seed=seed)
    low, high = bootstrap.interval(ours - theirs)
    delta = float((ours - theirs).mean()) if ours.size else float("nan")
    return Paired(delta=delta, low=low, high=high, photos=int(ours.size), clusters=bootstrap.count)


def slices(
    worth: NDArray[np.float64], shots: NDArray[np.integer], new: NDArray[np.bool_], most: int = 5
) -> tuple[Slice, ...]:
    """Return MAP@5 by how many photos of its whale training saw: known, 1, 2, 3, 4, "5+", new.

    Args:
        worth: (photos,) what each photo's guesses are worth.
        shots: (photos,) training photos of the whale.
        new: (photos,) whether it is one that training never saw.
        most: from so many on they count together.
    """
    parts = [("known", ~new), *((str(count), ~new & (shots == count)) for count in range(1, most))]
    parts += [(f"{most}+", ~new & (shots >= most)), ("new", new)]
    return tuple(Slice(name=name, map5=_mean(worth[part]), photos=int(part.sum())) for name, part in parts)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
