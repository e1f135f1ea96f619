"""What is known of one connection: what its transaction has changed, what snapshot it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet, ref

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from .._tokens._home import file_of, is_sqlite

SNAPSHOTS = ("REPEATABLE READ", "SERIALIZABLE")
IDLE = 0  # libpq's PQTRANS_IDLE


class Opened:
    """Lives as long as its cursor, which may be held long after it was closed."""

    __slots__ = ("__weakref__",)


@dataclass(slots=True, eq=False, weakref_slot=True)
class Ties:
    """Lies on the connection, as long as it: no registry, nothing to clean up."""

    #: The first alias of this database: two of them are one for whoever writes and reads.
    database: str
    #: Tags written by the transaction that is open now; they survive its savepoints.
    dirty: set[str] = field(default_factory=set)
    #: Of each cursor that has read and is not closed: on SQLite it may keep a snapshot open.
    cursors: WeakSet[Opened] = field(default_factory=WeakSet)
    #: A statement has passed since the transaction began, so its snapshot may be that old.
    used: bool = False
    #: The level the server said, in capitals; asked once per connection of the driver.
    isolation: str = ""
    #: The driver's connection that ``isolation`` is about.
    asked: ref[Any] | None = None
    #: Why nothing read here can be shared: somebody has set a role or the search path.
    unstorable: str = ""
    #: Its transaction has changed the schema, which others see after its end.
    ddl: bool = False
    #: A BEGIN in raw SQL, where the driver can't be asked.
    begun: bool = False
    #: Weakly, since its first write: what lies in ``dirtied``.
    itself: ref[Ties] | None = None


#: Those whose transaction has changed something, in this process; as often as not nobody.
dirtied: set[ref[Ties]] = set()


def make_dirty(ties: Ties, tags: frozenset[str]) -> None:
    ties.dirty |= tags
    if ties.itself is None:
        ties.itself = ref(ties, dirtied.discard)
    dirtied.add(ties.itself)


def make_clean(ties: Ties) -> set[str]:
    """What was dirty."""
    dirty, ties.dirty = ties.dirty, set()
    if ties.itself is not None:
        dirtied.discard(ties.itself)
    return dirty


def watch(ties: Ties, cursor: Any) -> None:
    """Know of a cursor until it is closed; it is not kept alive for that."""
    opened = vars(cursor).get("unhurried_opened")
    if opened is None:
        opened = cursor.unhurried_opened = Opened()
        close = cursor.cursor.close

        def closing() -> Any:
            ties.cursors.discard(opened)
            return close()

        cursor.close = closing
    ties.cursors.add(opened)


def ties_of(connection: BaseDatabaseWrapper) -> Ties:
    try:
        return connection.unhurried_ties  # type: ignore[attr-defined, no-any-return]
    except AttributeError:
        ties = Ties(_database(connection))
        connection.unhurried_ties = ties  # type: ignore[attr-defined]
        return ties


def _database(connection: BaseDatabaseWrapper) -> str:
    mine = _place(connection.settings_dict)
    same = (alias for alias in connections if _place(connections.settings[alias]) == mine)
    return next(same, connection.alias)


def _place(settings: dict[str, Any]) -> tuple[str, ...]:
    file = file_of(settings) if is_sqlite(settings) else None  # by whatever name it goes
    if file is not None:
        return ("sqlite", str(file))
    return tuple(str(settings.get(key, "")) for key in ("ENGINE", "HOST", "PORT", "NAME"))


def in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Whether what is written now waits for a COMMIT; raw BEGINs are known to the driver."""
    if connection.in_atomic_block or not connection.autocommit:
        return True
    driver = connection.connection
    if driver is None:
        return False
    if connection.vendor == "sqlite":
        return bool(driver.in_transaction)
    if connection.vendor == "postgresql":
        known = getattr(driver, "pgconn", None) or driver.info  # psycopg 3 asks libpq itself there
        return bool(known.transaction_status != IDLE)
    return ties_of(connection).begun


def keeps_snapshot(connection: BaseDatabaseWrapper, ties: Ties) -> bool:
    """Whether a statement may see the database as it was at an earlier one."""
    if connection.vendor == "sqlite":
        return True
    if connection.vendor == "postgresql":
        return _isolation(connection, ties) in SNAPSHOTS
    return True


def _isolation(connection: BaseDatabaseWrapper, ties: Ties) -> str:
    driver = connection.connection
    if driver is not None and (ties.asked is None or ties.asked() is not driver):
        # The driver's own cursor: this is no statement of the page's.
        with connection.wrap_database_errors, driver.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            ties.isolation = str(cursor.fetchone()[0]).upper()
        ties.asked = ref(driver)
    return ties.isolation
