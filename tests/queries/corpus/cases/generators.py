"""Rows handed on by generators, iterator() and the standard library's plumbing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from tests.queries.corpus.case import case, reads
from tests.queries.corpus.models import Author, Book

AUTHOR = reads("Book.author", "author", "select_related")


def rows() -> Iterator[Book]:
    yield from Book.objects.order_by("pk")  # origin: rows


@case(reads("Book.author", "author", "select_related", origin="rows"), queries=9)
def generator_of_rows() -> str:
    return ",".join(book.author.name for book in rows())  # loop: a


def names(books) -> Iterator[str]:
    for book in books:
        yield book.author.name  # loop: names


@case(reads("Book.author", "author", "select_related", loop="names"), queries=9)
def generator_of_names() -> str:
    return ",".join(names(Book.objects.order_by("pk")))  # origin: b


@case(AUTHOR, queries=9)
def iterator() -> str:
    books = Book.objects.order_by("pk")  # origin: b
    return ",".join(book.author.name for book in books.iterator())  # loop: a


@case(AUTHOR, queries=9)
def iterator_in_chunks() -> str:
    out = []
    books = Book.objects.order_by("pk")  # origin: b
    for book in books.iterator(chunk_size=3):
        out.append(book.author.name)  # loop: a
    return ",".join(out)


# Needs chunk_size beside the prefetch, or Django refuses.
@case(reads("Book.tags", "tags", "prefetch_related"), queries=9)
def set_under_iterator() -> str:
    out = []
    for book in Book.objects.order_by("pk").iterator():  # origin: b
        out.extend(tag.name for tag in book.tags.all())  # loop: a
    return ",".join(out)


@case(AUTHOR, queries=9)
def batched_by_islice() -> str:
    out = []
    books = iter(Book.objects.order_by("pk"))  # origin: b
    while batch := list(itertools.islice(books, 3)):
        out.extend(book.author.name for book in batch)  # loop: a
    return ",".join(out)


@case(AUTHOR, queries=9)
def groupby() -> str:
    books = Book.objects.order_by("pk")  # origin: b
    groups = itertools.groupby(books, key=lambda book: book.author.name)  # loop: a
    return ",".join(name for name, _ in groups)


@case(AUTHOR, reads("Author.passport", "passport", "select_related", origin="c"), queries=18)
def two_querysets_zipped() -> str:
    books = Book.objects.order_by("pk")  # origin: b
    authors = Author.objects.order_by("pk")  # origin: c
    pairs = zip(books, authors, strict=True)
    return ",".join(f"{b.author.name} {a.passport}" for b, a in pairs)  # loop: a


@case(AUTHOR, queries=9)
def kept_in_a_dict() -> str:
    books = {book.pk: book for book in Book.objects.all()}  # origin: b
    return ",".join(books[key].author.name for key in sorted(books))  # loop: a


@case(AUTHOR, queries=9)
def rows_of_in_bulk() -> str:
    books = Book.objects.in_bulk([1, 2, 3, 4, 5, 6, 7, 8])  # origin: b
    return ",".join(book.author.name for book in books.values())  # loop: a
