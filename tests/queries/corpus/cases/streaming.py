"""Pages that are sent as they are made."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO

from django.http import HttpRequest, StreamingHttpResponse
from django.template import engines

from tests.queries.corpus.case import case, fetch, page, reads
from tests.queries.corpus.models import Author, Book


def lines() -> Iterator[str]:
    for book in Book.objects.order_by("pk"):  # origin: lines
        yield f"{book.author.name}\n"  # loop: lines


@page("streaming/lines/")
def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(lines())


@case(reads("Book.author", "author", "select_related", loop="lines", origin="lines"), queries=9)
def generator() -> str:
    return fetch("/streaming/lines/")


@page("streaming/csv/")
def export(request: HttpRequest) -> StreamingHttpResponse:
    def rows() -> Iterator[str]:
        for author in authors.iterator(chunk_size=3):
            line = StringIO()
            titles = [book.title for book in author.book_set.all()]  # loop: csv
            csv.writer(line).writerow([author.name, *titles])
            yield line.getvalue()

    authors = Author.objects.order_by("pk")  # origin: csv
    return StreamingHttpResponse(rows(), content_type="text/csv")


@case(reads("Author.book_set", "book_set", "prefetch_related", loop="csv", origin="csv"), queries=9)
def csv_of_sets_by_iterator() -> str:
    return fetch("/streaming/csv/")


@page("streaming/joined/")
def joined(request: HttpRequest) -> StreamingHttpResponse:
    books = Book.objects.select_related("author").iterator(chunk_size=2)
    return StreamingHttpResponse(f"{book.author.name}\n" for book in books)


@case(queries=1)
def joined_rows() -> str:
    return fetch("/streaming/joined/")


@page("streaming/rendered/")
def rendered(request: HttpRequest) -> StreamingHttpResponse:
    row = engines["django"].get_template("corpus/_card.html")
    books = Book.objects.order_by("pk")  # origin: rendered
    return StreamingHttpResponse(row.render({"book": book}) for book in books)


@case(
    reads("Book.author", "author", "select_related", loop="card author", origin="rendered"),
    queries=9,
)
def template_per_row() -> str:
    return fetch("/streaming/rendered/")
