"""``@cached``: kept, found again, and old the moment its data change."""

from __future__ import annotations

from itertools import count as count_from

import pytest
from django.db import connection, transaction

from tests.books.models import Author, Book
from unhurried.cache import CacheError, cached, invalidate

numbers = count_from(1)  # an id may come again, and find what was kept under it
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def count():
    """A cached function that counts how often it runs."""
    ran = []

    @cached(600, key=f"count-{next(numbers)}")
    def titles(prefix=""):
        ran.append(prefix)
        return [book.title for book in Book.objects.filter(title__startswith=prefix)]

    titles.ran = ran
    return titles


@pytest.fixture
def author():
    return Author.objects.create(name="Jacob")


def test_it_is_computed_once(count, author):
    Book.objects.create(title="One", author=author)
    assert count() == count() == ["One"]
    assert count.ran == [""]


@pytest.mark.parametrize(
    "write",
    [
        lambda author: Book.objects.create(title="Two", author=author),
        lambda author: Book.objects.update(title="Two"),
        lambda author: Book.objects.bulk_create([Book(title="Two", author=author)]),
        lambda author: author.delete(),
        lambda author: connection.cursor().execute("UPDATE books_book SET title = 'Two'"),
        lambda author: invalidate(Book),
        lambda author: invalidate(Book.objects.first()),
    ],
    ids=["create", "update", "bulk", "cascade", "raw", "invalidate", "invalidate-one"],
)
def test_a_write_of_any_kind_makes_it_old(count, author, write):
    Book.objects.create(title="One", author=author)
    assert count() == ["One"]
    write(author)
    assert count() == [book.title for book in Book.objects.all()]
    assert len(count.ran) == 2


def test_another_table_does_not(count, author):
    assert count() == count.peek().value == []
    Author.objects.create(name="Simon")
    count()
    assert len(count.ran) == 1


def test_in_a_transaction_it_sees_its_own_changes_and_keeps_none(count, author):
    count()
    with transaction.atomic():
        Book.objects.create(title="Mine", author=author)
        assert count() == ["Mine"]
        transaction.set_rollback(True)
    assert count.peek().state == "stale"
    assert count() == []


def test_a_savepoint_that_is_rolled_back_leaves_its_tags_dirty(count, author):
    count()
    with transaction.atomic():
        try:
            with transaction.atomic():
                Book.objects.create(title="Gone", author=author)
                raise ValueError
        except ValueError:
            pass
        Book.objects.create(title="Kept", author=author)
    assert count() == ["Kept"]


def test_peek(count):
    assert count.peek("x").state == "missing"
    count("x")
    found = count.peek("x")
    assert (found.state, found.value) == ("fresh", [])
    assert "default:books_book" in found.tags
    assert found.age < 60


def test_invalidate_one_call_or_all(count):
    count("a"), count("b")
    count.invalidate("a")
    assert (count.peek("a").state, count.peek("b").state) == ("stale", "fresh")
    count.invalidate()
    assert count.peek("b").state == "stale"


def test_refresh_computes_at_once(count):
    count()
    count.refresh()
    assert len(count.ran) == 2
    assert count.peek().state == "fresh"


@pytest.mark.parametrize(
    ("args", "key"),
    [
        (("jacob",), "user:jacob"),
        ((1,), "user:1"),
        (("1",), 'user:"1"'),
        ((True,), "user:true"),
        (("true",), 'user:"true"'),
        ((None,), "user:null"),
        (("a:b",), 'user:"a:b"'),
        (([1, "2"],), 'user:[1,"2"]'),
        (((1, "2"),), 'user:(1,"2")'),
    ],
)
def test_keys_can_be_read_and_never_collide(args, key):
    user = cached(60, key="user")(lambda name: name)
    assert user.key(*args) == key


def test_what_is_no_argument(author):
    name = cached(60, key="name")(lambda author: author)
    with pytest.raises(TypeError, match=r"pass author\.pk"):
        name(author)
    with pytest.raises(TypeError, match="question"):
        name(Author.objects.all())


def test_values_come_back_as_json_does():
    pair = cached(60, key="pair")(lambda: (1, None))
    assert pair() == pair() == [1, None]
    none = cached(60, key="none")(lambda: None)
    assert none() is None
    assert none.peek().state == "fresh"


@pytest.mark.parametrize("ttl", [0, -1, "600", True, None, 1e12])
def test_a_wrong_ttl_is_an_error_at_definition(ttl):
    with pytest.raises(CacheError, match="seconds"):
        cached(ttl)(lambda: 1)
