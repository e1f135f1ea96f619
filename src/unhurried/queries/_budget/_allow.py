"""``allow_queries``: queries that are known, meant, and not to be counted against anybody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from types import FrameType
from typing import Any, Final

from . import _gate
from ._blocks import RAISE, Block, Nothing, Watch, mode
from ._gate import Asking
from ._listing import listed
from ._refusals import UnusedAllowance

TOLD: Final = 5  # queries an allowance that took none says were asked instead


class allow_queries(Block):  # noqa: N801 - used as a function is
    """Allow some queries inside ``no_queries()``, ``query_budget()``, the ledger, "no n+1"::

        with allow_queries(relation="books.Book.author", reason="one author in this list"):
            ...

    By ``relation`` ("app.Model.attribute"), by a part of the statement's fingerprint (``sql``), by
    ``line`` ("books/book_list.html:12", or the file alone; also a line around it), by database
    (``using``): all that is given must fit. ``count``: no more than so many. One that never fits is
    an error at the end, ``UnusedAllowance``; where something else was raised, a note on that. In
    production, where nothing is raised, it does nothing.
    """

    def __init__(
        self,
        *,
        relation: str | None = None,
        sql: str | None = None,
        line: str | None = None,
        count: int | None = None,
        using: str | None = None,
        reason: str = "",
    ) -> None:
        given = {"relation": relation, "sql": sql, "line": line, "count": count, "using": using}
        self.given: dict[str, Any] = {
            name: value for name, value in given.items() if value is not None
        }
        self.reason = reason
        self._refuse_wrong()

    def _refuse_wrong(self) -> None:
        if not self.given:
            raise TypeError("allow_queries() allows nothing: say relation=, sql=, line= or count=.")
        for name, value in self.given.items():
            wanted = int if name == "count" else str
            if not isinstance(value, wanted) or isinstance(value, bool) or not value:
                kind = "a number from 1" if name == "count" else "a text"
                raise TypeError(f"allow_queries({name}=…) is {value!r}; it must be {kind}.")
        if self.given.get("count", 1) < 1:
            raise ValueError(f"{self}: count must be 1 or more; no_queries() allows none.")
        if self.given.get("relation", "a.b.c").count(".") < 2:
            raise ValueError(f"{self}: a relation is 'app.Model.attribute'.")

    def __repr__(self) -> str:
        said = {**self.given, "reason": self.reason} if self.reason else self.given
        return f"allow_queries({', '.join(f'{name}={value!r}' for name, value in said.items())})"

    def _watch(self, frame: FrameType, args: tuple[Any, ...] = ()) -> Watch:
        return Allowance(self) if mode(args) == RAISE else Nothing()


class Allowance(Watch):
    """One run of the block: what it took, and what it did not."""

    def __init__(self, block: allow_queries) -> None:
        self.block = block
        self.used = 0
        self.others: list[str] = []
        self._lock = Lock()

    @contextmanager
    def active(self) -> Iterator[None]:
        with _gate.judging(_gate.allowances, self):
            yield

    def hears(self, asking: Asking) -> bool:
        """Whether it takes this one; each is taken once."""
        given = self.block.given
        if not all(_FITS[name](value, asking) for name, value in given.items() if name in _FITS):
            self._tell(str(asking))
            return False
        with self._lock:
            if self.used >= given.get("count", self.used + 1):
                return False
            self.used += 1
        return True

    def _tell(self, other: str) -> None:
        if len(self.others) < TOLD and other not in self.others:
            self.others.append(other)

    def settle(self, result: Any = None) -> None:
        if not self.used:
            raise UnusedAllowance(self._complaint())

    def failed(self, error: BaseException) -> None:
        if not self.used:
            error.add_note(self._complaint())

    def _complaint(self) -> str:
        asked = f" What was asked:\n{listed(self.others)}" if self.others else " None was asked."
        return f"{self.block} allowed no query: take it out, or correct it.{asked}"


def _is_at(line: str, asking: Asking) -> bool:
    """``views.py:31`` is also ``pins/views.py:31``, and without a number any of its lines."""
    return any(
        f"/{there}".endswith(f"/{line}") or f"/{there.rpartition(':')[0]}".endswith(f"/{line}")
        for there in asking.lines
    )


_FITS: Final[dict[str, Any]] = {
    "relation": lambda relation, asking: asking.relation == relation,
    "sql": lambda sql, asking: sql.lower() in asking.sql.lower(),
    "line": _is_at,
    "using": lambda alias, asking: asking.statement.alias == alias,
}
