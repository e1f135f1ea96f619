"""``manage.py unhurried sqlcheck``: do the statements in ``.sql`` files fit the database?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from unhurried.db import DbError
from unhurried.db.reading import Checked, check, managers

NOTHING = "No installed model has an SQLManager: see the how-to, a report in SQL."


def add(verbs: Any) -> None:
    verb = verbs.add_parser("sqlcheck", help="ask the database whether .sql files fit their types")
    verb.add_argument("models", nargs="*", help='models: "books.Book" (default: all)')
    verb.add_argument("--using", help="alias of the database (default: the manager's)")
    verb.add_argument("--json", action="store_true", help="print one JSON document and end")


def checked(models: list[str], using: str | None) -> list[Checked]:
    """Raises DbError for a model that is not there."""
    try:
        found = managers(models)
    except (LookupError, ValueError) as error:
        raise DbError(f"{error}.", 'Name it like this: "books.Book".') from error
    return [each for manager in found for each in check(manager, using)]


def document(found: list[Checked]) -> dict[str, Any]:
    return {"statements": [asdict(each) for each in found]}


def lines(found: list[Checked]) -> Iterator[str]:
    """One for each statement, and what does not fit below it."""
    width = max((len(each.where) for each in found), default=0)
    for each in found:
        yield f"{each.where:{width}}  {each.name}{'' if each.findings else '  ok'}"
        for finding in each.findings:
            place = "" if finding.where == each.where else f"{finding.where}: "
            yield f"    {place}{finding.message}"
            yield f"    {finding.hint}"
    if not found:
        yield NOTHING
