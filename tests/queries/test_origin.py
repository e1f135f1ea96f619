"""What finding a line and an origin must never do to the code that is looked at."""

from __future__ import annotations

from functools import partial

import pytest
from django.db.models import Model
from django.template import Context, Engine
from django.utils.functional import SimpleLazyObject

from tests.books.models import Author, Book
from unhurried.queries import count_queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def author() -> Author:
    return Author.objects.create(name="Astrid")


def never() -> Model:
    raise AssertionError("a lazy object was looked into")


def test_a_lazy_object_is_asked_once_where_its_own_query_is_named(author: Author) -> None:
    """``{{ user }}``: the query runs below the frame that holds the object it is for."""
    with count_queries() as queries:
        user = SimpleLazyObject(partial(Author.objects.get, pk=author.pk))
        assert str(user) == "Astrid"
    assert queries.total == 1


def test_a_lazy_object_of_a_template_is_asked_once(author: Author) -> None:
    template = Engine().from_string("{{ user }} {{ user.name }}")
    with count_queries() as queries:
        user = SimpleLazyObject(partial(Author.objects.get, pk=author.pk))
        assert template.render(Context({"user": user})) == "Astrid Astrid"
    assert queries.total == 1


def test_a_lazy_object_beside_a_query_stays_lazy(author: Author) -> None:
    with count_queries() as queries:
        user = SimpleLazyObject(never)
        Author.objects.get(pk=author.pk)
        list(Book.objects.filter(author=author))
    assert queries.total == 2
    assert "never" in repr(user)


def test_a_lazy_object_as_an_argument_or_as_context_stays_lazy(author: Author) -> None:
    def asks(context: object) -> Author:
        return Author.objects.get(pk=author.pk)

    with count_queries() as queries:
        asks(SimpleLazyObject(never))
    assert queries.total == 1
