"""What a person should know of the server that holds the records. Its URL is never shown: it may hold a password."""

from __future__ import annotations

import msgspec

from whaletui.records.postgres import holds_password
from whaletui.records.store import Store


class ServerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A server, as it describes itself."""

    version: str
    database: str
    user: str
    knows_letters: bool  # É as é: a filter that does not mind case needs that
    password_in_url: bool


def describe(store: Store) -> ServerFacts:
    """Ask the server; raises `RecordsError` where it does not answer."""
    with store.reading() as select:
        ((version, database, user, lowered),) = select(
            "SELECT current_setting('server_version'), current_database(), current_user, lower('ÉŁ')"
        )
    return ServerFacts(
        version=str(version).split()[0], database=str(database), user=str(user), knows_letters=lowered == "éł",
        password_in_url=holds_password(store.url),
    )  # fmt: skip
