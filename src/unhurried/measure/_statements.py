"""What a unit of work remembers of its statements: one entry for each distinct text.

The raw text is the key: the first statement with it costs an entry, each further one a look into a
dict. No parameter is kept, and no more than MOST texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from ._errors import swallow
from ._record import LONGEST, NEVER, REPEAT, Record, SampledRecord, Seen

MOST: Final = 500  # distinct statements of one unit of work
OTHER: Final = "(other)"  # the text and the key of all that came after them

#: Not queries: the database's own bookkeeping of transactions. Its time is database time.
CONTROL: Final = (
    *("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "START TRANSACTION"),
    *("SET TRANSACTION", "PREPARE TRANSACTION", "END"),
)
_CONTROL_INITIALS: Final = frozenset("BCRSPEbcrspe")

#: Called with (record, seen) inside the tap, the code that asked still on the stack, once a
#: statement has come back for the ``seen.due``-th time; a hook that wants more sets ``due`` anew.
repeated: list[Callable[[Record, Seen], None]] = []

#: Called likewise with (record, key, seen) for a text that is new to this process on this route, as
#: ``store.met`` says, which who listens fills; in sampled units for each text's first time there.
met: list[Callable[[Record, Any, Seen], None]] = []


def is_control(sql: Any) -> bool:
    """Whether the statement only begins, ends or marks a transaction."""
    if not isinstance(sql, str) or sql[:1] not in _CONTROL_INITIALS:
        return False
    return sql[:24].upper().startswith(CONTROL)


def first(record: Record, alias: str, sql: str) -> Seen:
    """The entry of a SELECT that has none yet: what most pages' statements are."""
    if len(record.statements) >= MOST:
        return _add(record, alias, sql, sql)
    if not record.statements:
        record.statements = {}
    seen = record.statements[sql] = Seen(alias, sql)
    texts = record.store.met.get(record.name)
    if texts is None or sql not in texts:
        tell_met(record, sql, seen)
    return seen


def find(record: Record, alias: str, sql: Any) -> Seen | None:
    """The entry of a statement, made where there is none; None for transaction control."""
    key: Any = sql if isinstance(sql, str | bytes) else repr(sql)  # psycopg's objects have no hash
    seen = record.statements.get(key)
    if seen is not None and seen.alias != alias:  # the same text elsewhere
        key = alias, key
        seen = record.statements.get(key)
    if seen is None and not is_control(sql):
        seen = _add(record, alias, sql, key)
    return seen


def _add(record: Record, alias: str, sql: Any, key: Any) -> Seen:
    statements = record.statements
    if not statements:
        record.statements = statements = {}
    if len(statements) >= MOST:
        alias, sql, key = "", OTHER, OTHER
        if key in statements:
            return statements[key]
    seen = statements[key] = Seen(alias, sql, NEVER if key is OTHER else REPEAT)
    if key is not OTHER and (
        type(record) is SampledRecord or key not in record.store.met.get(record.name, ())
    ):
        tell_met(record, key, seen)
    return seen


def note(record: Record, alias: str, sql: Any, began: int, took: int) -> Seen | None:
    """Count an execution and return its entry; None for transaction control."""
    seen = find(record, alias, sql)
    if seen is None:
        return None
    record.queries += 1
    seen.count += 1
    seen.ns += took
    if took < seen.least:
        seen.least = took
    if isinstance(record, SampledRecord) and len(record.timeline) < LONGEST:
        record.timeline.append((began - record.start, took, seen))
    return seen


def tell_met(record: Record, key: Any, seen: Seen) -> None:
    """Tell whoever wants to know that a text is new here."""
    _tell(met, record, key, seen)


def hear(record: Record, seen: Seen) -> None:
    """Tell whoever wants to know that a statement repeats itself."""
    seen.due = NEVER
    _tell(repeated, record, seen)


def _tell(hooks: Sequence[Callable[..., None]], *what: Any) -> None:
    for hook in hooks:
        try:
            hook(*what)
        except Exception as error:  # boundary: what looks for lines never breaks a statement
            swallow(f"a finder of repeats ({hook!r})", error)
