"""What a trigger of PostgreSQL writes: by its function's body, and those of the functions it calls.

They are followed by name alone, in whatever schema: that can only say too much.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from ._relations import Named, named
from ._tables import EVERYTHING
from ._words import UnclearError, words

if TYPE_CHECKING:
    from ._catalogue import Catalogue

Body = tuple[str, str, str]
Ask = Callable[[str], list[tuple[Any, ...]]]

#: Language, body and search path of a function that has one of its own. What stands between BEGIN
#: ATOMIC and END is no text, and is made one.
BODY: Final = """l.lanname, coalesce(pg_get_function_sqlbody(p.oid), p.prosrc),
    coalesce((SELECT substr(s, 13) FROM unnest(p.proconfig) s
        WHERE starts_with(s, 'search_path=')), '')"""
#: Others may not write.
BODIES: Final = f"""
SELECT p.proname, {BODY}
FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
JOIN pg_namespace ns ON ns.oid = p.pronamespace
WHERE p.provolatile = 'v' AND ns.nspname NOT IN ('pg_catalog', 'information_schema')
"""
#: PostgreSQL's own that run SQL given as a text, or read what no table holds.
RUNS_TEXTS: Final = (
    "query_to_xml query_to_xmlschema query_to_xml_and_xmlschema table_to_xml cursor_to_xml "
    "table_to_xml_and_xmlschema schema_to_xml schema_to_xml_and_xmlschema database_to_xml "
    "database_to_xml_and_xmlschema ts_stat ts_rewrite pg_read_file pg_read_binary_file pg_ls_dir "
    "lo_get lo_put lo_import lo_export lo_unlink lo_from_bytea lo_create loread lowrite "
    "currval lastval"
).split()
_READABLE: Final = ("plpgsql", "sql")


class Bodies:
    """Of one database; they are asked for at the first call that may write."""

    def __init__(self, found: Catalogue, ask: Ask) -> None:
        self.found, self.ask = found, ask
        self._bodies: dict[str, list[Body]] | None = None

    def written(self, language: str, body: str, path: str) -> set[str]:
        """By a trigger's function; ``*`` where that can't be read off it."""
        if language in ("internal", "c"):
            return set()  # PostgreSQL's own and its extensions': they change the row at hand
        written: set[str] = set()
        seen: set[str] = set()
        left = [(language, body, path)]
        while left:
            language, body, path = left.pop()
            some = _named(language, body)
            if some is None:
                return {EVERYTHING}
            written = written.union(*(_placed(each.written, path) for each in some))
            for name in {name for each in some for name in each.calls} - seen:
                seen.add(name)
                called = self._called(name)
                if called is None:
                    return {EVERYTHING}
                left += called
        return written

    def _called(self, name: str) -> list[Body] | None:
        """What of that name may write; None where nobody can tell."""
        if not self.found.called({name})[1]:
            return []
        return None if name in RUNS_TEXTS else self._all().get(name)

    def _all(self) -> dict[str, list[Body]]:
        if self._bodies is None:
            self._bodies = defaultdict(list)
            for name, *body in self.ask(BODIES):
                self._bodies[name.lower()].append((body[0], body[1], body[2]))
        return self._bodies


def _named(language: str, body: str) -> list[Named] | None:
    """By statement; None where it can't be read."""
    if language not in _READABLE:
        return None
    try:
        text = [word for word in words(body, "postgresql") if word]
    except UnclearError:
        return None
    if "execute" in text or "call" in text:
        return None
    return [named(each, "") for each in _statements(text)]


def _placed(names: set[str], path: str) -> set[str]:
    """The names, and what they may be in the schemas of a function's own path."""
    schemas = [schema for each in path.split(",") if (schema := each.strip(' "'))]
    bare = [name for name in names if "." not in name]
    return names | {f"{schema}.{name}" for schema in schemas for name in bare}


def _statements(text: list[str]) -> list[list[str]]:
    """One begins behind THEN, too: what stands before a verb says whether it is one."""
    found: list[list[str]] = [[]]
    for word in text:
        if word in (";", "then"):
            found.append([])
        else:
            found[-1].append(word)
    return found
