"""A statement's tables, verb by verb. What no verb here vouches for touches everything."""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final

from ._relations import Named, named
from ._tables import BLIND, Tables
from ._words import UnclearError, folded, words

MOST: Final = 2000
#: Characters above which a text is known by its digest, and its lists are folded.
LONG: Final = 500
#: Lists of placeholders, as ``IN`` and ``VALUES`` have them: one says as much as a thousand.
_LIST: Final = re.compile(r"%s(?:, ?%s)++")
_ROWS: Final = re.compile(r"\(%s\)(?:, ?\(%s\))++")
_known: dict[tuple[str | bytes, str], Tables] = {}

_READS: Final = frozenset({"select", "values", "table", "with", "(", "explain", "desc", "describe"})
_WRITES: Final = frozenset({"insert", "update", "delete", "replace", "merge", "truncate"})
#: What they write they read as well: which rows is a question.
_ALSO_READ: Final = frozenset({"update", "delete", "with", "merge", "explain"})
_CONTROL: Final = {
    **dict.fromkeys(("begin", "start"), "begin"),
    **dict.fromkeys(("commit", "end"), "commit"),
    **dict.fromkeys(("rollback", "abort"), "rollback"),
    **dict.fromkeys(("savepoint", "release"), "savepoint"),
}
#: They change no row that anybody can read.
_QUIET: Final = frozenset(
    "show listen unlisten notify lock vacuum analyze checkpoint reindex cluster discard deallocate "
    "fetch move close use kill flush optimize reset".split()
)
_DDL: Final = frozenset(
    "create alter drop comment grant revoke rename security reassign import".split()
)
#: Where DDL commits what went before it.
_COMMITS_AT_DDL: Final = frozenset({"mysql", "oracle"})
_SHARES_NOTHING: Final = {
    "role": "SET ROLE",
    "search_path": "SET search_path",
    "authorization": "SET SESSION AUTHORIZATION",
    "schema": "SET SCHEMA",
    "row_security": "SET row_security",
}
_CLOCKS: Final = frozenset(
    "now current_timestamp current_date current_time localtime localtimestamp clock_timestamp "
    "statement_timestamp transaction_timestamp timeofday random rand randomblob gen_random_uuid "
    "uuid_generate_v4 nextval lastval currval changes total_changes last_insert_rowid "
    "pg_backend_pid txid_current pg_current_xact_id unixepoch age sysdate systimestamp".split()
)
#: Tables whose changes nobody follows.
OURS: Final = "unhurried_later_"


def tables_of(sql: object, vendor: str) -> Tables:
    """What a statement touches; remembered by its text."""
    if type(sql) is not str:
        return _of_other(sql, vendor)
    text: str | bytes = sql
    if len(sql) > LONG:
        sql = _ROWS.sub("(%s)", _LIST.sub("%s", sql))
        text = _digest(sql)
    found = _known.get((text, vendor))
    if found is None:
        found = _without_ours(_scanned(sql, vendor))
        if len(_known) >= MOST:
            _known.clear()  # texts with values in them would fill it for ever
        _known[text, vendor] = found
    return found


def _without_ours(found: Tables) -> Tables:
    """Nothing, of what waits in ``unhurried.later``: no page is made of it, and all defer to it."""
    touched = found.reads | found.writes
    blind = found.reads_all or found.writes_all or found.ddl
    if touched and not blind and all(name.startswith(OURS) for name in touched):
        return Tables(ends_commit=found.ends_commit)
    return found


def _digest(sql: str) -> bytes:
    return blake2b(sql.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _of_other(sql: Any, vendor: str) -> Tables:
    """Bytes, and what psycopg composes: known by their text, where they have one."""
    if isinstance(sql, bytes):
        sql = sql.decode("utf-8", "replace")
    return tables_of(str(sql), vendor) if isinstance(sql, str) else BLIND


def _scanned(sql: str, vendor: str) -> Tables:
    try:
        statements = _split([word for word in words(sql, vendor) if word])
    except UnclearError:
        return BLIND
    if len(statements) == 1:
        return _folded(_statement(statements[0], vendor), vendor)
    return _folded(_together([_statement(each, vendor) for each in statements]), vendor)


def _folded(found: Tables, vendor: str) -> Tables:
    if vendor == "postgresql":
        return found
    reads, writes = (
        {folded(name, vendor) for name in names} for names in (found.reads, found.writes)
    )
    return replace(found, reads=frozenset(reads), writes=frozenset(writes))


def _split(found: list[str]) -> list[list[str]]:
    statements: list[list[str]] = [[]]
    for word in found:
        if word == ";":
            statements.append([])
        else:
            statements[-1].append(word)
    return [each for each in statements if each] or [[]]


def _together(each: list[Tables]) -> Tables:
    """Several in one text: all of it; with one that controls transactions, everything."""
    unstorable = next((one.unstorable for one in each if one.unstorable), "")
    if any(one.control or one.ends_commit for one in each):
        return replace(BLIND, unstorable=unstorable)
    return Tables(
        reads=frozenset().union(*(one.reads for one in each)),
        writes=frozenset().union(*(one.writes for one in each)),
        reads_all=any(one.reads_all for one in each),
        writes_all=any(one.writes_all for one in each),
        unstorable=unstorable,
        timed=next((one.timed for one in each if one.timed), ""),
        ddl=any(one.ddl for one in each),
        calls=frozenset().union(*(one.calls for one in each)),
    )


def _statement(found: list[str], vendor: str) -> Tables:
    verb = found[0] if found else ""
    rest = frozenset(found)
    if verb in _READS or verb in _WRITES:
        return _of_rows(verb, found, rest)
    if verb == "copy":
        return _of_copy(found)
    if verb in _CONTROL:
        return _of_transaction(verb, rest)
    if verb == "set":
        return _of_set(rest)
    if verb == "pragma":
        return Tables(control="set") if "=" in rest else Tables(reads_all=True)
    if verb in _QUIET or not verb:
        return Tables(control="set")
    if verb == "declare":
        return replace(_of_rows("select", found, rest), snapshot=True)
    if verb == "refresh":
        return Tables(writes=frozenset(_last_name(found)))
    if verb in _DDL:
        return Tables(writes_all=True, ddl=True, ends_commit=vendor in _COMMITS_AT_DDL)
    if verb == "prepare" and "transaction" in found[1:2]:
        return Tables(control="prepare", ends_commit=True)
    return BLIND


def _of_rows(verb: str, found: list[str], rest: frozenset[str]) -> Tables:
    if verb == "truncate":
        found = _of_truncate(found)
    some = named(found, "select" if verb in ("(", "explain") else verb)
    return Tables(
        reads=frozenset(some.read | (some.written if verb in _ALSO_READ else set())),
        writes=frozenset(some.written),
        writes_all=verb == "truncate" and "cascade" in rest,
        unstorable="set_config()" if "set_config" in some.calls else "",
        timed=_timed(rest, some),
        ddl=some.into,
        calls=frozenset(some.calls),
    )


def _of_truncate(found: list[str]) -> list[str]:
    """TRUNCATE [TABLE] [ONLY] a, b: as one word before the list."""
    return ["truncate", *(word for word in found[1:] if word not in ("table", "only", "*"))]


def _of_copy(found: list[str]) -> Tables:
    """COPY t [(…)] FROM writes; COPY t TO and COPY (…) TO read."""
    if found[1:2] == ["("]:
        return _of_rows("select", found[1:], frozenset(found))
    end = next((at for at, word in enumerate(found) if word in ("(", "from", "to") and at), 2)
    table = frozenset(named(["from", *found[1:end]], "select").read)
    return Tables(writes=table) if "from" in found[end:] else Tables(reads=table)


def _of_transaction(verb: str, rest: frozenset[str]) -> Tables:
    if "prepared" in rest:
        return Tables(writes_all=True, ends_commit=True)
    control = _CONTROL[verb]
    if control == "rollback" and ("to" in rest or "savepoint" in rest):
        control = "savepoint"
    if "isolation" in rest:
        return Tables(control=control, reads_all=False, unstorable="BEGIN ISOLATION LEVEL")
    return Tables(control=control, ends_commit=control == "commit")


def _of_set(rest: frozenset[str]) -> Tables:
    for word, reason in _SHARES_NOTHING.items():
        if word in rest or f'"{word}"' in rest:
            return Tables(control="set", unstorable=reason)
    isolation = {"transaction", "characteristics", "default_transaction_isolation"}
    isolation |= {"transaction_isolation", "isolation"}
    return Tables(control="set_isolation" if isolation & rest else "set")


def _timed(rest: frozenset[str], some: Named) -> str:
    for word in rest & _CLOCKS:
        if word in some.calls or word.startswith(("current_", "local", "sys")):
            return f"{word}()"
    return "'now'" if any(word[:4].lower() == "'now" for word in rest) else ""


def _last_name(found: list[str]) -> set[str]:
    names = [word for word in found[1:] if word not in ("materialized", "view", "concurrently")]
    cut = names.index("with") if "with" in names else len(names)
    return named(["from", *names[:cut]], "select").read
