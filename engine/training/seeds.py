"""Everything random in training, started from the spec's seed."""

from __future__ import annotations

import random

import numpy as np
import torch


def set_seeds(seed: int) -> None:
    """Seed Python, NumPy and torch (all devices). On a CPU the same seed and threads give the same run."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
