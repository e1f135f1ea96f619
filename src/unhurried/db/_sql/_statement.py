"""A statement that is ready to run: its header, its SQL for a driver, what its types mean."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from unhurried.conf import nearest

from ._file import Place, Written
from ._head import Head, head_of
from ._lexer import LITERAL, MARK, WORD, Token
from ._names import Names
from ._types import Meant, is_model, is_row, is_value, meant

READS: Final = frozenset({"select", "with", "values", "table", "explain", "show"})
_CHANGES: Final = frozenset({"insert", "update", "delete", "merge"})
_KINDS: Final = "A dataclass, a NamedTuple, a msgspec Struct, a model, or a type of one value."
#: What other databases may read in another way than PostgreSQL and SQLite do.
_UNCLEAR: Final = re.compile(r"[\\`#$\[]|/\*|\bq'", re.IGNORECASE)
READ_ALIKE: Final = frozenset({"postgresql", "sqlite"})


@dataclass(frozen=True, slots=True)
class Item:
    """What a row becomes: ``kind`` is "row", "model" or "value", ``type`` its class."""

    kind: str
    type: Any
    meant: Meant


class Statement:
    """One named statement of a file. Raises DbError where its parts don't fit together."""

    def __init__(self, written: Written) -> None:
        self.place, self.sql, self.sql_line = written.place, written.sql, written.sql_line
        self.tokens = written.tokens
        self.head: Head = head_of(written)
        self.name = self.head.name
        self.names: Names | None = None
        self._fit()

    def _fit(self) -> None:
        known = [each.name for each in self.head.parameters]
        for token in self.tokens:
            if token.kind == MARK and token.text[1:] not in known:
                self._unknown(token, known)
            if token.text[0] == "$" and token.text[1:].isdecimal():
                raise self._at(token).wrong(f"{token.text} is no placeholder.", "Say :name.")
        used = {token.text[1:] for token in self.tokens if token.kind == MARK}
        unused = [name for name in known if name not in used]
        if unused:
            raise self.place.wrong(
                f"the parameter {unused[0]} of {self.name} is not used.",
                f"Write :{unused[0]} in its SQL, or take it out.",
            )
        if self.head.shape == "rowcount" and self.verb in ("select", "values", "table"):
            raise self.place.wrong(
                f"{self.name} changes no rows that could be counted.", "-> int takes a count(*)."
            )

    def _unknown(self, token: Token, known: list[str]) -> None:
        name = token.text[1:]
        raise self._at(token).wrong(
            f"{self.name} has no parameter for :{name}.{nearest(name, known)}",
            f"Name it in the header, {self.name}({name}: int), or quote what is no placeholder.",
        )

    def _at(self, token: Token) -> Place:
        line = self.sql_line + self.sql.count("\n", 0, token.start)
        return Place(self.place.file, line)

    @cached_property
    def words(self) -> list[str]:
        """Unquoted words, in small letters."""
        return [token.text.lower() for token in self.tokens if token.kind == WORD]

    @property
    def verb(self) -> str:
        return self.words[0] if self.words else ""

    @cached_property
    def writes(self) -> bool:
        """Whether it is one for the database that takes writes."""
        if self.head.shape == "rowcount" or not _CHANGES.isdisjoint(self.words):
            return True
        return self.verb not in READS

    @cached_property
    def for_cursor(self) -> str:
        """For Django's cursor: ``%(name)s``, and what is no placeholder escaped."""
        if not self.head.parameters:
            return self.sql  # without arguments nobody looks for placeholders
        return self.rendered(lambda name: f"%({name})s", lambda text: text.replace("%", "%%"))

    def rendered(
        self, mark: Callable[[str], str], plain: Callable[[str], str] = lambda text: text
    ) -> str:
        """With each placeholder as ``mark(name)``, all else as ``plain(text)``."""
        parts, at = [], 0
        for token in self.tokens:
            if token.kind == MARK:
                before = plain(self.sql[at : token.start])
                apart = " " if before[-1:].isalnum() else ""  # LIMIT:n is LIMIT 5, not LIMIT5
                parts += [before + apart, mark(token.text[1:])]
                at = token.end
        return "".join([*parts, plain(self.sql[at:])])

    def check_quotes(self, connection: Any) -> None:
        """A quote that the database reads in another way might take data for SQL: DbError."""
        vendor = connection.vendor
        if vendor not in READ_ALIKE and (found := _UNCLEAR.search(self.sql)):
            raise self.place.wrong(
                f"{vendor} may read {found[0]} in another way than PostgreSQL.",
                "Pass it as a parameter.",
            )
        if self._has_backslash and vendor == "postgresql" and _escapes(connection):
            raise self.place.wrong(
                "with standard_conforming_strings off, a backslash is an escape.",
                "Turn it on, or write E'…'.",
            )

    @cached_property
    def _has_backslash(self) -> bool:
        literals = [token.text for token in self.tokens if token.kind == LITERAL]
        return any(text[0] == "'" and "\\" in text for text in literals)

    @cached_property
    def item(self) -> Item | None:
        """What a row becomes; None of a rowcount. Raises DbError, also for the parameters."""
        for each in self.head.parameters:
            self.meaning(each.annotation)
        said = self.head.item
        if said is None:
            return None
        annotation = self.meaning(said)
        asked = meant(annotation)
        kind = self._kind(asked)
        if kind is None:
            raise self.place.wrong(f"nobody knows how a row becomes {said}.", _KINDS)
        return Item(kind, annotation if kind == "value" else asked.only, asked)

    def check_types(self) -> None:
        """Raises DbError where a name of the header is unknown; once they are known, never."""
        _ = self.item

    def meaning(self, annotation: Any) -> Any:
        assert self.names is not None
        return self.names.meant_by(annotation, self.place)

    def _kind(self, asked: Meant) -> str | None:
        if is_model(asked.only):
            return "model"
        if is_row(asked.only):
            return "row"
        return "value" if is_value(asked) else None


def _escapes(connection: Any) -> bool:
    """Whether backslashes in plain strings escape here; the server tells each change, unasked."""
    connection.ensure_connection()
    told = getattr(connection.connection, "get_parameter_status", None)  # psycopg2's
    if told is None:
        told = connection.connection.info.parameter_status
    return bool(told("standard_conforming_strings") == "off")
