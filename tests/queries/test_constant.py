"""Run, grow, run again: queries must not grow; and what grows without being told how."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import connection, models
from django.http import HttpRequest, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test.utils import isolate_apps
from django.utils import timezone

from tests.books.models import Author, Book
from unhurried.queries import QueriesGrew, allow_queries, constant_queries
from unhurried.queries._budget._growing import Copies, multiply

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.queries.site")]


def one_each() -> list[str]:
    return [book.author.name for book in Book.objects.all()]


def joined() -> list[str]:
    return [book.author.name for book in Book.objects.select_related("author")]


def test_constant_is_fine(three_books):
    result = constant_queries(joined, grow=Book)
    assert (result.before, result.after, result.grown) == (1, 1, ())
    assert Book.objects.count() == 3


def test_what_grows_is_listed_with_its_line(three_books):
    with pytest.raises(QueriesGrew) as raised:
        constant_queries(one_each, grow=Book)
    text, result = str(raised.value), raised.value.result
    assert text.startswith("Queries grow with the rows, 4 -> 7:\n  3 -> 6 x at tests/queries/test")
    assert "n+1: 6 queries" in text
    assert 'Book.objects.select_related("author")' in text or "select_related" in text
    assert (result.before, result.after) == (4, 7)
    [grown] = result.grown
    assert (grown.before, grown.statement.count) == (3, 6)
    assert grown.statement.lines[0].startswith("tests/queries/test_constant.py:")
    assert result.findings[0].relation == "books.Book.author"
    assert Book.objects.count() == 3


@pytest.mark.parametrize("by", [2, 3])
def test_a_page(by, three_books, client):
    with pytest.raises(QueriesGrew, match=f"4 -> {1 + 3 * by}"):
        constant_queries(lambda: client.get("/books/"), grow=Book, by=by)
    assert constant_queries(lambda: client.get("/few/"), grow=Book, by=by).after == 1


def test_a_function_that_grows(three_books):
    def grow() -> None:
        Book.objects.create(title="new", author=Author.objects.create(name="new"))

    with pytest.raises(QueriesGrew, match="4 -> 5"):
        constant_queries(one_each, grow=grow)
    assert constant_queries(joined, grow=grow).after == 1
    assert Author.objects.count() == 3


def test_some_rows_and_several_kinds(three_books):
    chosen = Book.objects.filter(pk=three_books[0].pk)
    with pytest.raises(QueriesGrew, match="4 -> 5"):
        constant_queries(one_each, grow=chosen)

    def titles() -> list[Any]:
        authors = Author.objects.prefetch_related("book_set")
        return [book.author_id and len(Book.objects.filter(pk=book.pk))
                for author in authors for book in author.book_set.all()]  # fmt: skip

    assert constant_queries(titles, grow=Author).after == 2 + 3  # the trap: no books of their own
    with pytest.raises(QueriesGrew):
        constant_queries(titles, grow=[Author, Book])


def test_lazy_results_are_read(three_books):
    assert constant_queries(Book.objects.all, grow=Book).after == 1
    with pytest.raises(QueriesGrew):
        constant_queries(lambda: (book.author for book in Book.objects.all()), grow=Book)
    with pytest.raises(QueriesGrew):
        constant_queries(
            lambda: StreamingHttpResponse(b.author.name for b in Book.objects.all()), grow=Book
        )


def test_a_template_response_is_rendered(three_books):
    template = engines["django"].from_string("{% for b in books %}{{ b.author.name }}{% endfor %}")

    def page() -> TemplateResponse:
        Author.objects.count()
        return TemplateResponse(HttpRequest(), template, {"books": Book.objects.all()})

    with pytest.raises(QueriesGrew, match="5 -> 8"):
        constant_queries(page, grow=Book)


async def lines() -> AsyncIterator[str]:
    async for book in Book.objects.all():
        yield (await Author.objects.aget(pk=book.author_id)).name


async def astream() -> StreamingHttpResponse:
    await Author.objects.acount()
    return StreamingHttpResponse(lines())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "made", [astream, lambda: astream(), lines], ids=["async", "its call", "generator"]
)
def test_an_async_stream_is_read(made, three_books):
    with pytest.raises(QueriesGrew):
        constant_queries(made, grow=Book)


@pytest.mark.django_db(transaction=True)
def test_async_code(three_books):
    async def work() -> list[str]:
        return [book.title async for book in Book.objects.all()]

    assert constant_queries(work, grow=Book).after == 1


def test_what_is_allowed_may_grow(three_books):
    def work() -> None:
        with allow_queries(relation="books.Book.author"):
            one_each()

    assert constant_queries(work, grow=Book).after == 1


def test_rows_are_restored_when_it_raises(three_books):
    calls = []

    def breaks() -> None:
        calls.append(Book.objects.count())
        if len(calls) == 3:
            raise KeyError("mine")

    with pytest.raises(KeyError):
        constant_queries(breaks, grow=Book)
    assert calls == [3, 3, 6]
    assert Book.objects.count() == 3


def test_a_first_run_that_fills_memory_does_not_count(three_books):
    ContentType.objects.clear_cache()

    def work() -> None:
        ContentType.objects.get_for_model(Book)
        joined()

    assert constant_queries(work, grow=Book).before == 1


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"grow": 12}, TypeError, "a model, queryset, or function"),
        ({"grow": dict}, TypeError, "a model, queryset, or function"),
        ({"grow": []}, TypeError, "a model, queryset, or function"),
        ({"grow": Book, "by": 1}, ValueError, "by 2 or more"),
        ({"grow": Book, "by": True}, ValueError, "by 2 or more"),
        ({"grow": lambda: Book.objects.count()}, ValueError, "has not written a row"),
        ({"grow": User}, ValueError, "no auth.User to copy"),
    ],
)
def test_what_proves_nothing_is_an_error(wrong, error, says, three_books):
    with pytest.raises(error, match=says):
        constant_queries(joined, **wrong)


def test_no_query_at_all_is_an_error(three_books):
    with pytest.raises(ValueError, match="asked for nothing"):
        constant_queries(lambda: Book.objects.all().query, grow=Book)


# Copies.


def test_unique_names_are_varied():
    User.objects.create(username="x" * 150, email="x@example.com")
    User.objects.create(username="y")
    multiply(User.objects.all(), 3)
    assert User.objects.count() == 6
    assert {len(user.username) for user in User.objects.all()} == {150, 1, 3}


def test_fields_unique_together_and_keys_that_are_texts():
    kind = ContentType.objects.create(app_label="a", model="b")
    permission = Permission.objects.create(content_type=kind, codename="c", name="d")
    Session.objects.create(session_key="k" * 40, session_data="", expire_date=timezone.now())
    for model in (ContentType, Permission, Session):
        before = model.objects.count()
        multiply(model.objects.all(), 2)
        assert model.objects.count() == 2 * before
    assert Permission.objects.filter(content_type=kind, name="d").count() == 2
    assert permission.pk


def test_pairs_can_not_be_copied():
    user = User.objects.create(username="x")
    user.groups.create(name="y")
    with pytest.raises(ValueError, match=r"user, group unique\. Give constant_queries\(\) a func"):
        multiply(User.groups.through.objects.all(), 2)


@pytest.fixture
def odd(transactional_db: None) -> Iterator[Any]:
    """Models of all kinds of keys, with tables for a while."""
    with isolate_apps("tests.books"):

        class Odd(models.Model):  # noqa: DJ008
            id = models.UUIDField(primary_key=True, default=uuid.uuid4)
            number = models.IntegerField(unique=True)
            price = models.DecimalField(unique=True, max_digits=6, decimal_places=2)
            day = models.DateField(unique=True)
            at = models.DateTimeField(unique=True, null=True)
            mail = models.EmailField(unique=True, max_length=20)
            other = models.UUIDField(unique=True)

            class Meta:
                app_label = "books"

        class Even(Odd):  # noqa: DJ008
            word = models.CharField(max_length=5, unique=True)

            class Meta:
                app_label = "books"

        class Single(models.Model):  # noqa: DJ008
            author = models.OneToOneField(Author, models.CASCADE)
            flag = models.BooleanField(default=True)

            class Meta:
                app_label = "books"

        made = (Odd, Even)
        with connection.schema_editor() as editor:
            for model in made:
                editor.create_model(model)
        yield Odd, Even, Single
        with connection.schema_editor() as editor:
            for model in reversed(made):
                editor.delete_model(model)


def values(n: int) -> dict[str, Any]:
    return {
        "number": n,
        "price": Decimal(n) / 4,
        "day": datetime.date(2024, 1, n),
        "mail": f"long.name{n}@example.org"[-20:],
        "other": uuid.uuid4(),
    }


def test_every_kind_of_unique_field(odd):
    plain, child, single = odd
    plain.objects.create(**values(1), at=timezone.now())
    plain.objects.create(**values(2))
    child.objects.create(**values(3), word="three")
    multiply(child.objects.all(), 3)
    assert child.objects.count() == 3
    assert {len(each.word) for each in child.objects.all()} == {5}
    multiply(plain.objects.all(), 2)
    assert plain.objects.count() == 2 * 5
    with pytest.raises(ValueError, match=r"author \(OneToOneField\) is unique"):
        Copies(single, "default")


def test_what_the_database_refuses_is_told(three_books, monkeypatch):
    monkeypatch.setattr(Copies, "of", lambda self, original: type(original)(title=None))
    with pytest.raises(ValueError, match=r"books\.Book can't be copied: NOT NULL"):
        multiply(Book.objects.all(), 2)
