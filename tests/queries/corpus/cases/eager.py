"""Eager loads that nothing reads, and those that are read after all."""

from __future__ import annotations

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tests.queries.corpus.case import case, fetch, page, reads, unused
from tests.queries.corpus.models import Author, Book, Note, Review

SELECT, PREFETCH = "drop_select_related", "drop_prefetch_related"


@case(unused("Book.author", "author", SELECT), queries=1)
def select_related() -> str:
    books = Book.objects.select_related("author")  # origin: b
    return ",".join(book.title for book in books)


# The key's own column was there without the join.
@case(unused("Book.author", "author", SELECT), queries=1)
def select_related_for_the_key() -> str:
    books = Book.objects.select_related("author")  # origin: b
    return ",".join(str(book.author_id) for book in books)


@case(unused("Book.publisher", "publisher", SELECT), queries=1)
def one_of_two() -> str:
    books = Book.objects.select_related("author", "publisher")  # origin: b
    return ",".join(book.author.name for book in books)


@case(unused("Author.country", "author__country", SELECT), queries=1)
def second_step() -> str:
    books = Book.objects.select_related("author__country")  # origin: b
    return ",".join(book.author.name for book in books)


@case(unused("Book.tags", "tags", PREFETCH), queries=2)
def prefetch_related() -> str:
    books = Book.objects.prefetch_related("tags")  # origin: b
    return ",".join(book.title for book in books)


@case(unused("Author.book_set", "book_set", PREFETCH), queries=2)
def prefetch_of_a_set() -> str:
    authors = Author.objects.prefetch_related("book_set")  # origin: b
    return ",".join(author.name for author in authors)


@case(unused("Note.target", "target", PREFETCH), queries=3)
def prefetch_of_generic_keys() -> str:
    notes = Note.objects.prefetch_related("target")  # origin: b
    return ",".join(note.text for note in notes)


@page("eager/unused/")
def unused_page(request: HttpRequest) -> HttpResponse:
    books = Book.objects.select_related("publisher").order_by("pk")  # origin: unused page
    return render(request, "corpus/cheap.html", {"books": books})


@case(unused("Book.publisher", "publisher", SELECT, origin="unused page"), queries=1)
def in_a_template() -> str:
    return fetch("/eager/unused/")


@case(queries=1)
def read_of_some_rows() -> str:
    books = Book.objects.select_related("author")
    return ",".join(book.author.name if book.pk == 5 else book.title for book in books)


@case(queries=2)
def prefetch_read_of_some_rows() -> str:
    out = []
    for book in Book.objects.prefetch_related("tags"):
        if book.year > 2006:
            out.extend(tag.name for tag in book.tags.all())
    return ",".join(out)


@case(queries=1)
def first_step_is_the_way_to_the_second() -> str:
    books = Book.objects.select_related("author__country")
    return ",".join(book.author.country.name for book in books)


@case(queries=3)
def prefetch_that_leads_on() -> str:
    out = []
    for author in Author.objects.prefetch_related("book_set__tags"):
        for book in author.book_set.all():
            out.extend(tag.name for tag in book.tags.all())
    return ",".join(out)


@case(queries=2)
def prefetch_to_an_attribute() -> str:
    wanted = Prefetch("book_set", queryset=Book.objects.filter(year__gt=2003), to_attr="late")
    authors = Author.objects.prefetch_related(wanted)
    return ",".join(f"{author}: {len(author.late)}" for author in authors)


@case(queries=2)
def prefetch_counted_without_a_query() -> str:
    books = Book.objects.prefetch_related("tags")
    return ",".join(str(book.tags.count()) for book in books)


@case(queries=1)
def read_by_the_text_of_the_model() -> str:
    return ",".join(str(review) for review in Review.objects.select_related("book"))


# No row came, so nothing can be said of what is read from rows.
@case(queries=1)
def no_rows() -> str:
    books = Book.objects.select_related("author").filter(pk__gt=100)
    return f"none: {[book.title for book in books]}"


@case(queries=1)
def asked_whether_there_is_one() -> str:
    books = Book.objects.select_related("editor").order_by("pk")
    return ",".join(book.title for book in books if book.editor)


# A prefetched set filtered again asks the database per row, and the prefetch was for nothing.
@case(
    reads("Author.book_set", "book_set", "Prefetch", fixable=False),
    unused("Author.book_set", "book_set", PREFETCH),
    queries=10,
)
def prefetch_defeated_by_filter() -> str:
    out = []
    for author in Author.objects.prefetch_related("book_set"):  # origin: b
        books = author.book_set.filter(year__gt=2003)
        out.extend(book.title for book in books)  # loop: a
    return ",".join(out)
