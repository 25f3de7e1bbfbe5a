"""What the records complain of."""

from __future__ import annotations

from engine.contract.errors import WhaleError


class RecordsError(WhaleError):
    """A run that is unknown, a change that is not allowed, or a database that cannot be used."""

    reason = "records"


class UnreachableError(RecordsError):
    """A database server that does not answer now and may later: runs go on, whoever needs it tries again."""
