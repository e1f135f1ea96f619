"""The ten questions, each put for itself: one that fails takes no other with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.db import DatabaseError, OperationalError, connections

from .._errors import DbError
from ._answers import STATES, UNKNOWN, Answer
from ._asking import Look
from ._foreign_keys import foreign_keys
from ._indexes import duplicates, invalid, unused
from ._numbers import size
from ._sequences import sequences
from ._server import server
from ._sessions import locks
from ._statements import statements
from ._tables import missing, vacuum

QUESTIONS: Final[dict[str, Callable[[Look], Answer]]] = {
    "statements": statements,
    "unused": unused,
    "duplicates": duplicates,
    "missing": missing,
    "invalid": invalid,
    "foreign-keys": foreign_keys,
    "vacuum": vacuum,
    "locks": locks,
    "sequences": sequences,
    "server": server,
}
REFUSED, TOO_LONG, LOCKED = "42501", "57014", "55P03"  # PostgreSQL, "Error Codes"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found out about one database. ``answers``: the worst first."""

    alias: str
    database: str
    version: str
    role: str
    size: str
    since: float | None  # seconds since its statistics were reset; None: never
    answers: tuple[Answer, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def ask(alias: str, only: Iterable[str] = ()) -> Report:
    """Put all of the questions, or some, to the database of an alias.

    DbError where there is none of that name, where it is no PostgreSQL, or can't be reached.
    """
    look = _look(alias)
    try:
        about = look.row("since")
    except OperationalError as error:
        raise DbError(
            f"The database {alias!r} can't be asked: {_first_line(error)}.",
            "Look at its settings in DATABASES, and whether it runs.",
        ) from error
    wanted = set(only) or set(QUESTIONS)
    answers = [_answer(look, name) for name in QUESTIONS if name in wanted]
    answers.sort(key=lambda answer: STATES.index(answer.state))
    return Report(
        alias,
        about["database"],
        about["version"],
        about["role"],
        size(about["size"]),
        about["reset_ago"],
        tuple(answers),
    )


def _look(alias: str) -> Look:
    if alias not in connections:
        known = ", ".join(sorted(connections))
        raise DbError(f"No database is called {alias!r}.", f"There are: {known}.")
    connection = connections[alias]
    if connection.vendor != "postgresql":
        raise DbError(
            f"The ten questions are PostgreSQL's, and {alias!r} is {connection.display_name}.",
            "Name one that is with --using, or see what rule 4 knows: manage.py unhurried queries.",
        )
    return Look(alias)


def _answer(look: Look, name: str) -> Answer:
    try:
        return QUESTIONS[name](look)
    except DatabaseError as error:
        return _unanswered(look, name, error)


def _unanswered(look: Look, name: str, error: DatabaseError) -> Answer:
    code = _code(error)
    role = look.quoted(look.row("since")["role"])
    if code == REFUSED:
        way = f"as a superuser: GRANT pg_monitor TO {role};"
    elif code in (TOO_LONG, LOCKED):
        way = "ask again when less is going on; nothing was changed"
    else:
        way = f"manage.py unhurried dba --only {name} asks again"
    why = {
        REFUSED: "The role may not ask that",
        TOO_LONG: "It took longer than five seconds",
        LOCKED: "It waited longer than a second for a lock",
    }.get(code, "PostgreSQL has answered with an error")
    title = name.replace("-", " ").capitalize()
    return Answer(name, title, UNKNOWN, "not answered", f"{why}: {_first_line(error)}.", (way,))


def _code(error: DatabaseError) -> str:
    """SQLSTATE, as psycopg 3 or psycopg2 has it; empty where neither does."""
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or ""


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
