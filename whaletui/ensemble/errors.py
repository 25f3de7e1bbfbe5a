"""What ensembles complain of."""

from __future__ import annotations

from engine.contract.errors import WhaleError


class EnsembleError(WhaleError):
    """Runs that cannot vote together, or a file that cannot be made of them."""

    reason = "ensemble"
