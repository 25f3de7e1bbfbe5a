"""Which SQLite is spoken to: a bundled one where there is a package for this machine, else Python's own.

Python's own may be older than 3.51.3 and damage a write-ahead log that two programs reset at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3 as dbapi
else:
    try:
        from pysqlite3 import dbapi2 as dbapi
    except ImportError:  # no package for this kind of machine: `whaletui doctor` says what that means
        import sqlite3 as dbapi

__all__ = ["dbapi"]
