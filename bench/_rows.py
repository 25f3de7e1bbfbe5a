"""What every bench prints: our figure beside a peer's or a ceiling's from the same call, and their ratio."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One figure. `ratio` is ours over the peer's: below 1 is better, for all units here are costs."""

    row: str
    unit: str
    ours: float
    peer: float
    peer_name: str

    @property
    def ratio(self) -> float:
        """Ours over the peer's."""
        return self.ours / self.peer if self.peer else float("nan")


def options(about: str) -> argparse.ArgumentParser:
    """Return a parser with what every bench takes."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON too")
    return parser


def report(rows: list[Row], path: Path | None) -> None:
    """Print the rows as a table, and write them where asked."""
    print(f"{'row':<22} {'unit':<8} {'ours':>12} {'peer':>12} {'ratio':>8}  peer is")
    for one in rows:
        print(f"{one.row:<22} {one.unit:<8} {one.ours:>12,.3f} {one.peer:>12,.3f} {one.ratio:>8.2f}  {one.peer_name}")
    if path:
        path.write_text(json.dumps([{**asdict(one), "ratio": one.ratio} for one in rows], indent=2) + "\n")


def median_seconds(call: Callable[[], object], times: int = 5) -> float:
    """Return the median wall time of a call; the first one, which warms caches, is not counted."""
    call()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)
