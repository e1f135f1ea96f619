"""Whose fault an error of the database is: a row's, or that of no row."""

from __future__ import annotations

import re
from typing import Any, Final

from django.db import InternalError, NotSupportedError, OperationalError, ProgrammingError

#: What drivers raise where a table is missing, a lock is not given, or a server goes away.
OF_NONE: Final = (InternalError, NotSupportedError, OperationalError, ProgrammingError)
#: Classes of SQLSTATE that are about values all the same: two rows that are one, too long for an
#: index, what a view or a trigger refuses. See "Appendix A. PostgreSQL Error Codes".
OF_VALUES: Final = frozenset({"21", "22", "23", "38", "39", "44", "54", "P0"})
#: SQLite's, which has no such classes.
SAID_OF_VALUES: Final = re.compile("Error binding parameter|user-defined function raised")


def is_of_a_row(error: BaseException) -> bool:
    """Whether another row might have been stored."""
    if not isinstance(error, OF_NONE):
        return True
    state = getattr(diagnosis(error), "sqlstate", None)
    if state is not None:
        return state[:2] in OF_VALUES
    return SAID_OF_VALUES.match(str(error)) is not None


def diagnosis(error: BaseException) -> Any:
    """What PostgreSQL says of it, part by part; None elsewhere."""
    return getattr(error.__cause__, "diag", None) or getattr(error, "diag", None)
