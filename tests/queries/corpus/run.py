"""Running a case: in a savepoint that is rolled back, with the rows of ``fill`` and our URLs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext, override_settings

from tests.queries.corpus.case import Case
from tests.queries.corpus.data import fill

CONTROL = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")


def replay(case: Case) -> str:
    """The case's output; what it wrote is undone, so it can be run again."""
    with override_settings(ROOT_URLCONF="tests.queries.corpus.urls"), transaction.atomic():
        output = async_to_sync(case.run)() if case.is_async else case.run()
        transaction.set_rollback(True)
    return output


@contextmanager
def filled() -> Iterator[None]:
    """The rows of every case, for as long as the block lasts."""
    with transaction.atomic():
        fill()
        yield
        transaction.set_rollback(True)


def statements(case: Case) -> tuple[str, list[str]]:
    """(output, SQL sent) without transaction control, counted by Django."""
    with CaptureQueriesContext(connection) as captured:
        output = replay(case)
    sent = [query["sql"] for query in captured]
    return output, [sql for sql in sent if not sql.startswith(CONTROL)]
