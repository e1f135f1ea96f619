"""Whichever way a transaction ends, the tokens of what it wrote are new after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from tests.books.models import Author
from unhurried.cache import CacheError, WriteRefused, cached
from unhurried.cache._errors import Unavailable
from unhurried.cache._tokens._home import home_of
from unhurried.cache._units import _ends
from unhurried.cache._units._ties import ties_of

pytestmark = pytest.mark.django_db(transaction=True)
TAG = "default:books_author"
INSERT = "INSERT INTO books_author (name) VALUES ('Jacob')"


def token(tag: str = TAG) -> int:
    return home_of("default").read([tag])[1][0]


@contextmanager
def renewed(tag: str = TAG) -> Iterator[None]:
    before = token(tag)
    yield
    assert token(tag) != before
    assert not ties_of(connection).dirty


def raising() -> None:
    raise ValueError("a hook")


def in_autocommit() -> None:
    Author.objects.create(name="Jacob")


def in_atomic() -> None:
    with transaction.atomic():
        Author.objects.create(name="Jacob")


def rolled_back() -> None:
    with transaction.atomic():
        Author.objects.create(name="Jacob")
        transaction.set_rollback(True)


def savepoint_dropped() -> None:
    def inner() -> None:
        with transaction.atomic():
            Author.objects.create(name="Jacob")
            raising()

    with transaction.atomic(), pytest.raises(ValueError, match="a hook"):
        inner()


def hook_raises() -> None:
    def hooked() -> None:
        with transaction.atomic():
            Author.objects.create(name="Jacob")
            transaction.on_commit(raising)

    with pytest.raises(ValueError, match="a hook"):
        hooked()


def by_hand() -> None:
    transaction.set_autocommit(False)
    try:
        Author.objects.create(name="Jacob")
        transaction.commit()
    finally:
        transaction.set_autocommit(True)


def by_hand_rolled_back() -> None:
    transaction.set_autocommit(False)
    try:
        Author.objects.create(name="Jacob")
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)


def raw_begin() -> None:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(INSERT)
        assert ties_of(connection).dirty, "nobody else may see it before the COMMIT"
        cursor.execute("COMMIT")


def raw_rollback() -> None:
    with connection.cursor() as cursor:
        cursor.execute("begin immediate")
        cursor.execute(INSERT)
        cursor.execute("ROLLBACK")


def many() -> None:
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO books_author (name) VALUES (%s)", [("a",), ("b",)])


def failing() -> None:
    """It may have written before it failed."""
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("INSERT INTO books_author (name, nothing) VALUES ('a', 1)")


def unknown() -> None:
    """A text that nobody can vouch for renews everything there is."""
    with connection.cursor() as cursor:
        cursor.execute("ATTACH ':memory:' AS other")
        cursor.execute("DETACH other")


WAYS = [
    *(in_autocommit, in_atomic, rolled_back, savepoint_dropped, hook_raises, by_hand),
    *(by_hand_rolled_back, raw_begin, raw_rollback, many, failing),
]


@pytest.mark.parametrize("write", WAYS, ids=lambda way: way.__name__)
def test_whichever_way_it_ends(write: Callable[[], None]) -> None:
    with renewed():
        write()


@pytest.mark.parametrize("write", WAYS, ids=lambda way: way.__name__)
def test_the_epoch_too(write: Callable[[], None]) -> None:
    with renewed("db:default"):
        write()


def test_what_nobody_can_vouch_for_renews_everything() -> None:
    with renewed("default:*"):
        unknown()


def test_within_the_transaction_they_are_the_old_ones() -> None:
    before = token()
    with transaction.atomic():
        Author.objects.create(name="Jacob")
        assert token() == before


def test_a_commit_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server committed, the answer was lost: nobody can tell, so it counts as written."""
    original = connection._commit

    def lost() -> None:
        original()
        raise DatabaseError("the connection was closed")

    def write() -> None:
        with transaction.atomic():
            Author.objects.create(name="Jacob")
            monkeypatch.setattr(connection, "_commit", lost)

    with renewed(), pytest.raises(DatabaseError):
        write()
    monkeypatch.undo()


def test_reading_renews_nothing() -> None:
    before = token()
    list(Author.objects.all())
    with transaction.atomic():
        list(Author.objects.all())
    assert token() == before


@pytest.fixture
def strict() -> Iterator[None]:
    _ends.strict.clear()
    cached(60, key="strict", strict=True)(lambda: 1)
    yield
    _ends.strict.clear()


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise Unavailable("refused")

    monkeypatch.setattr(type(home_of("default")), "touch", refuse)


@pytest.mark.parametrize("write", [in_autocommit, in_atomic], ids=["autocommit", "atomic"])
def test_strict_refuses_what_it_cannot_announce(
    strict: None, unreachable: None, write: Callable[[], None]
) -> None:
    with pytest.raises(WriteRefused, match="refused") as caught:
        write()
    assert isinstance(caught.value, CacheError)
    assert caught.value.hint
    assert not Author.objects.exists()


def test_others_write_all_the_same(unreachable: None) -> None:
    _ends.strict.clear()
    in_atomic()
    assert Author.objects.exists()


def test_an_error_of_the_database_is_the_callers() -> None:
    with renewed(), pytest.raises(IntegrityError), transaction.atomic():
        Author.objects.create(name=None)
