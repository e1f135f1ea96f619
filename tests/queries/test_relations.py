"""Which relation a queryset reads, and whether a prefetch would have the same rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import models, transaction
from django.test.utils import isolate_apps

from tests.books.models import Author, Book
from unhurried.queries import count_queries
from unhurried.queries._find._relations import related


@isolate_apps("tests.books")
def test_both_sides_of_a_relation_to_its_own_model():
    class Person(models.Model):
        follows: Any = models.ManyToManyField("self", symmetrical=False, related_name="followers")
        friends: Any = models.ManyToManyField("self")

        class Meta:
            app_label = "books"

        def __str__(self) -> str:
            return str(self.pk)

    person: Any = Person(pk=1)
    for name in ("follows", "followers", "friends"):
        found = related(getattr(person, name).all())
        assert found is not None
        assert (found.label, found.whole) == (f"books.Person.{name}", True)


@pytest.mark.parametrize(
    "narrow",
    [
        lambda books: books.values_list("title"),
        lambda books: books.values("title"),
        lambda books: books.iterator(),
        lambda books: books.only("author"),
        lambda books: books.defer("title"),
        lambda books: books.select_for_update(),
        lambda books: books.reverse(),
    ],
    ids=["values_list", "values", "iterator", "only", "defer", "select_for_update", "reverse"],
)
@pytest.mark.django_db(transaction=True)
def test_a_prefetch_is_no_remedy_for_what_asks_anew(narrow: Callable[[Any], Any], three_books):
    def run() -> list[int]:
        with transaction.atomic():
            return [len(list(narrow(author.book_set))) for author in Author.objects.all()]

    with count_queries() as queries:
        run()
    [finding] = queries.findings
    assert finding.relation == "books.Author.book_set"
    assert finding.remedy == (
        '.prefetch_related(Prefetch("book_set", queryset=..., to_attr="..."))'
    )


def test_a_relation_without_a_name_is_not_proposed(three_books, monkeypatch):
    monkeypatch.setattr(Book._meta.get_field("author").remote_field, "related_name", "+")
    with count_queries() as queries:
        for author in Author.objects.all():
            list(Book.objects.filter(author=author))
    [finding] = queries.findings
    assert finding.remedy == "one query before the loop, with __in, and a dict"
