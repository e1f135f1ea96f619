"""Columns left out by defer() and only(), then read row by row."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tests.queries.corpus.case import case, fetch, page, reads
from tests.queries.corpus.models import Author, Book, Novel

SUMMARY = reads("Book.summary", "summary", "undefer")


@case(SUMMARY, queries=9)
def deferred() -> str:
    books = Book.objects.defer("summary")  # origin: b
    return ",".join(book.summary for book in books)  # loop: a


@case(SUMMARY, queries=9)
def only() -> str:
    books = Book.objects.only("title")  # origin: b
    return ",".join(f"{book.title} {book.summary}" for book in books)  # loop: a


@case(
    SUMMARY,
    reads("Book.year", "year", "undefer", loop="c"),
    queries=17,
)
def two_columns() -> str:
    out = []
    for book in Book.objects.only("title"):  # origin: b
        out.append(book.summary)  # loop: a
        out.append(str(book.year))  # loop: c
    return ",".join(out)


@case(reads("Author.biography", "author__biography", "undefer"), queries=9)
def of_a_joined_row() -> str:
    books = Book.objects.select_related("author").defer("author__biography")  # origin: b
    return ",".join(book.title + book.author.biography for book in books)  # loop: a


# The key was left out too: its column, then its row, both from one expression. The queryset must
# change twice (only() and select_related() refuse each other otherwise).
@case(reads("Book.author", "author", "select_related", fixable=False), queries=17)
def foreign_key_left_out_by_only() -> str:
    books = Book.objects.only("title")  # origin: b
    return ",".join(book.author.name for book in books)  # loop: a


@case(reads("Book.author", "author", "select_related"), queries=9)
def foreign_key_kept_by_only() -> str:
    books = Book.objects.only("title", "author")  # origin: b
    return ",".join(book.author.name for book in books)  # loop: a


@case(SUMMARY, queries=7)
def column_of_the_parent() -> str:
    novels = Novel.objects.defer("summary")  # origin: b
    return ",".join(novel.summary for novel in novels)  # loop: a


@case(reads("Author.biography", "biography", "undefer"), queries=9)
def left_out_two_calls_later() -> str:
    authors = Author.objects.all()  # origin: b
    light = authors.order_by("pk").defer("biography")
    return ",".join(author.biography + author.name for author in light)  # loop: a


@page("deferred/summaries/")
def summaries(request: HttpRequest) -> HttpResponse:
    books = Book.objects.defer("summary").order_by("pk")  # origin: summaries
    return render(request, "corpus/summaries.html", {"books": books})


@case(reads("Book.summary", "summary", "undefer", loop="summary", origin="summaries"), queries=9)
def in_a_template() -> str:
    return fetch("/deferred/summaries/")
