"""PostgreSQL's catalogue, as any user may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ._bodies import BODY, RUNS_TEXTS, Ask, Bodies
from ._tables import EVERYTHING

if TYPE_CHECKING:
    from ._catalogue import Catalogue

PATH: Final = "SELECT unnest(current_schemas(false))"
#: A view or rule, what it stands on, and whether it is a view that is read.
RULES: Final = """
SELECT DISTINCT on_ns.nspname, on_.relname, to_ns.nspname, to_.relname, r.ev_type = '1', on_.relkind
FROM pg_rewrite r
JOIN pg_class on_ ON on_.oid = r.ev_class
JOIN pg_namespace on_ns ON on_ns.oid = on_.relnamespace
JOIN pg_depend d ON d.objid = r.oid AND d.classid = 'pg_rewrite'::regclass
    AND d.refclassid = 'pg_class'::regclass
JOIN pg_class to_ ON to_.oid = d.refobjid AND to_.oid <> on_.oid
JOIN pg_namespace to_ns ON to_ns.oid = to_.relnamespace
WHERE on_ns.nspname NOT IN ('pg_catalog', 'information_schema')
"""
#: Views that call functions of the site's, which may read anything.
CALLING: Final = """
SELECT DISTINCT on_ns.nspname, on_.relname
FROM pg_rewrite r
JOIN pg_class on_ ON on_.oid = r.ev_class
JOIN pg_namespace on_ns ON on_ns.oid = on_.relnamespace
JOIN pg_depend d ON d.objid = r.oid AND d.classid = 'pg_rewrite'::regclass
    AND d.refclassid = 'pg_proc'::regclass
JOIN pg_proc p ON p.oid = d.refobjid AND p.provolatile <> 'i'
JOIN pg_namespace ns ON ns.oid = p.pronamespace
WHERE ns.nspname NOT IN ('pg_catalog', 'information_schema')
"""
INHERITS: Final = """
SELECT p_ns.nspname, p.relname, c_ns.nspname, c.relname
FROM pg_inherits i
JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace p_ns ON p_ns.oid = p.relnamespace
JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace c_ns ON c_ns.oid = c.relnamespace
WHERE p.relkind IN ('r', 'p', 'f')
"""
FOREIGN_KEYS: Final = """
SELECT p_ns.nspname, p.relname, c_ns.nspname, c.relname
FROM pg_constraint k
JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace p_ns ON p_ns.oid = p.relnamespace
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace c_ns ON c_ns.oid = c.relnamespace
WHERE k.contype = 'f' AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
"""
TRIGGERS: Final = f"""
SELECT ns.nspname, c.relname, {BODY}
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace ns ON ns.oid = c.relnamespace
JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
"""
FUNCTIONS: Final = """
SELECT p.proname, max(CASE
    WHEN ns.nspname IN ('pg_catalog', 'information_schema') THEN 0
    WHEN p.provolatile = 'i' THEN 0 WHEN p.provolatile = 's' THEN 1 ELSE 2 END)
FROM pg_proc p JOIN pg_namespace ns ON ns.oid = p.pronamespace
LEFT JOIN pg_depend e ON e.objid = p.oid AND e.classid = 'pg_proc'::regclass AND e.deptype = 'e'
LEFT JOIN pg_extension x ON x.oid = e.refobjid
WHERE x.extname IS NULL OR x.extname IN ('dblink', 'postgres_fdw') OR p.provolatile <> 'i'
GROUP BY p.proname
"""
#: Tables whose rows a policy chooses: it may ask any other table, and who is asking.
POLICIES: Final = """
SELECT DISTINCT ns.nspname, c.relname
FROM pg_policy p
JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace ns ON ns.oid = c.relnamespace
WHERE row_security_active(c.oid)
"""
IMMUTABLE: Final = "SELECT DISTINCT proname FROM pg_proc WHERE provolatile = 'i'"
KINDS: Final = ("", "reads", "writes")


def fill(found: Catalogue, ask: Ask) -> None:
    found.path = tuple(schema for (schema,) in ask(PATH))
    _functions(found, ask)
    _rules(found, ask)
    for schema, parent, child_schema, child in ask(INHERITS):
        one, other = _name(found, schema, parent), _name(found, child_schema, child)
        found.reads[one].add(other)
        found.writes[one].add(other)
    for schema, parent, child_schema, child in ask(FOREIGN_KEYS):
        found.writes[_name(found, schema, parent)].add(_name(found, child_schema, child))
    _triggers(found, ask)


def _name(found: Catalogue, schema: str, table: str) -> str:
    return found.name(f"{schema}.{table}")


def _functions(found: Catalogue, ask: Ask) -> None:
    found.functions = dict.fromkeys((name for (name,) in ask(IMMUTABLE)), "")
    found.functions |= {name: KINDS[kind] for name, kind in ask(FUNCTIONS)}
    found.functions |= dict.fromkeys(RUNS_TEXTS, "writes")


def _rules(found: Catalogue, ask: Ask) -> None:
    for schema, name, on_schema, on_name, is_view, kind in ask(RULES):
        one, other = _name(found, schema, name), _name(found, on_schema, on_name)
        if is_view and kind == "m":
            continue  # what it holds changes at REFRESH: its tag is its own
        if is_view:
            found.reads[one].add(other)
        found.writes[one].add(other)  # a simple view can be written through
    for schema, name in (*ask(CALLING), *ask(POLICIES)):
        found.reads[_name(found, schema, name)].add(EVERYTHING)


def _triggers(found: Catalogue, ask: Ask) -> None:
    bodies, opaque = Bodies(found, ask), []
    for schema, table, *body in ask(TRIGGERS):
        name = _name(found, schema, table)
        written = bodies.written(*body)
        found.writes[name] |= written
        if EVERYTHING in written:
            opaque.append(name)
    found.opaque = tuple(dict.fromkeys(opaque))
