"""A second look: written when the detector had met all other cases, to see what it had not met."""

from __future__ import annotations

import asyncio
import csv
import json
import operator
from dataclasses import dataclass
from functools import reduce
from io import StringIO

from asgiref.sync import sync_to_async
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import prefetch_related_objects
from django.db.models.signals import post_init
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_list_or_404, render
from django.template.loader import render_to_string
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import DetailView, TemplateView, View

from tests.queries.corpus.case import case, duplicate, fetch, page, reads, repeats, unused
from tests.queries.corpus.models import (
    Article,
    Author,
    Book,
    Category,
    Classic,
    Loan,
    Publisher,
    Tag,
)

AUTHOR = reads("Book.author", "author", "select_related")
BOOKS = reads("Author.book_set", "book_set", "prefetch_related")
PART = reads(("Author.book_set", None), "book_set", "Prefetch", fixable=False)


@case(AUTHOR, queries=9)
def chain_with_a_call_per_line() -> str:
    books = (
        Book.objects
        .filter(year__gt=1999)  # origin: b
        .order_by("pk")
    )  # fmt: skip
    return ",".join(book.author.name for book in books)  # loop: a


@case(AUTHOR, queries=9)
def enumerated() -> str:
    out = []
    for i, book in enumerate(Book.objects.order_by("pk"), 1):  # origin: b
        out.append(f"{i} {book.author}")  # loop: a
    return ",".join(out)


@case(AUTHOR, queries=9)
def taken_by_next() -> str:
    out = []
    rows = iter(Book.objects.order_by("pk"))  # origin: b
    while book := next(rows, None):
        out.append(book.author.name)  # loop: a
    return ",".join(out)


@dataclass
class Row:
    book: Book

    @property
    def writer(self) -> str:
        return self.book.author.name  # loop: writer


@case(reads("Book.author", "author", "select_related", loop="writer"), queries=9)
def wrapped_in_another_object() -> str:
    rows = [Row(book) for book in Book.objects.order_by("pk")]  # origin: b
    return ",".join(row.writer for row in rows)


@case(AUTHOR, queries=9)
def by_attrgetter() -> str:
    books = Book.objects.order_by("pk")  # origin: b
    return ",".join(map(operator.attrgetter("author.name"), books))  # loop: a


@case(AUTHOR, queries=9)
def by_a_format_string() -> str:
    books = Book.objects.order_by("pk")  # origin: b
    return ",".join("{0.title} {0.author.name}".format(book) for book in books)  # loop: a  # noqa: UP032


@case(AUTHOR, queries=9)
def by_reduce() -> str:
    books = Book.objects.order_by("pk")  # origin: b
    return reduce(lambda said, book: said + book.author.name, books, "")  # loop: a


@case(AUTHOR, queries=9)
def into_a_dict() -> str:
    books = Book.objects.order_by("pk")  # origin: b
    return str({book.title: book.author.name for book in books})  # loop: a


@case(AUTHOR, queries=9)
def by_json_default() -> str:
    books = list(Book.objects.order_by("pk"))  # origin: b
    return json.dumps(books, default=lambda book: book.author.name)  # loop: a


@case(AUTHOR, queries=9)
def into_csv() -> str:
    file = StringIO()
    books = Book.objects.order_by("pk")  # origin: b
    csv.writer(file).writerows([book.title, book.author.name] for book in books)  # loop: a
    return file.getvalue()


@case(AUTHOR, queries=9)
def ordered_by_the_relation() -> str:
    books = Book.objects.order_by("author__name").distinct()  # origin: b
    return ",".join(book.author.name for book in books)  # loop: a


@case(AUTHOR, queries=9)
def default_manager_by_its_hidden_name() -> str:
    books = Book._default_manager.using("default")  # origin: b
    return ",".join(book.author.name for book in books)  # loop: a


@case(AUTHOR, queries=9)
def get_list_or_404_of_a_model() -> str:
    books = get_list_or_404(Book, year__gt=1999)  # origin: b
    return ",".join(book.author.name for book in books)  # loop: a


@case(AUTHOR, queries=5)
def page_of_a_paginator() -> str:
    pages = Paginator(Book.objects.order_by("pk"), 3)  # origin: b
    return ",".join(book.author.name for book in pages.page(2))  # loop: a


@case(AUTHOR, queries=9)
def proxy_model() -> str:
    books = Classic.objects.order_by("pk")  # origin: b
    return ",".join(book.author.name for book in books)  # loop: a


@case(reads("Article.author", "author", "select_related", loop="signature"), queries=6)
def field_of_an_abstract_parent() -> str:
    Article.objects.bulk_create(Article(title=f"{i}", author_id=i) for i in (1, 2, 3, 4))
    articles = Article.objects.order_by("pk")  # origin: b
    return ",".join(article.signature for article in articles)


@case(reads("Book.editor", "editor", "select_related"), queries=8)
def select_related_of_everything_leaves_out_what_may_be_null() -> str:
    books = Book.objects.select_related("author").order_by("pk")  # origin: b
    return ",".join(f"{book.author} {book.editor}" for book in books)  # loop: a


@case(reads("Author.biography", "author__biography", "undefer"), queries=9)
def column_left_out_of_a_joined_row() -> str:
    books = Book.objects.select_related("author").only("title", "author__name")  # origin: b
    return ",".join(f"{book.author} {book.author.biography}" for book in books)  # loop: a


@case(reads("Book.author", "author", "undefer"), queries=9)
def key_left_out() -> str:
    books = Book.objects.defer("author").order_by("pk")  # origin: b
    return ",".join(str(book.author_id) for book in books)  # loop: a


@case(PART, queries=9)
def first_of_a_set() -> str:
    authors = Author.objects.order_by("pk")  # origin: b
    return ",".join(str(author.book_set.first()) for author in authors)  # loop: a


@case(PART, queries=9)
def get_of_a_set() -> str:
    authors = Author.objects.order_by("pk")  # origin: b
    return ",".join(str(author.book_set.get(year__gt=1999)) for author in authors)  # loop: a


@case(PART, queries=9)
def values_of_a_set() -> str:
    authors = Author.objects.order_by("pk")  # origin: b
    return ",".join(str(list(author.book_set.values("title"))) for author in authors)  # loop: a


@case(PART, queries=9)
def all_then_filter() -> str:
    out = []
    for author in Author.objects.order_by("pk"):  # origin: b
        out.extend(str(book) for book in author.book_set.all().exclude(price=3))  # loop: a
    return ",".join(out)


@case(BOOKS, queries=10)
def membership_in_a_set() -> str:
    book = Book.objects.get(pk=3)
    authors = Author.objects.order_by("pk")  # origin: b
    return ",".join(str(book in author.book_set.all()) for author in authors)  # loop: a


@case(reads(("Author.book_set", None), "book_set", "annotate", fixable=False), queries=10)
def contains_of_a_set() -> str:
    book = Book.objects.get(pk=3)
    authors = Author.objects.order_by("pk")  # origin: b
    return ",".join(str(author.book_set.contains(book)) for author in authors)  # loop: a


@case(reads(("Book.tags", None), "tags", "annotate", fixable=False), queries=9)
def all_then_count() -> str:
    books = Book.objects.order_by("pk")  # origin: b
    return ",".join(str(book.tags.all().count()) for book in books)  # loop: a


@case(AUTHOR, queries=9)
async def list_by_sync_to_async() -> str:
    books = await sync_to_async(list)(Book.objects.order_by("pk"))  # origin: b
    return await sync_to_async(lambda: ",".join(str(b.author) for b in books))()  # loop: a


@case(BOOKS, queries=9)
async def aiterator() -> str:
    out = []
    async for author in Author.objects.order_by("pk").aiterator():  # origin: b
        out += [book.title async for book in author.book_set.all()]  # loop: a
    return ",".join(out)


@case(PART, queries=9)
async def tasks_of_their_own() -> str:
    async def newest(author: Author) -> str:
        return str(await author.book_set.afirst())  # loop: a

    authors = [author async for author in Author.objects.order_by("pk")]  # origin: b
    tasks = [asyncio.create_task(newest(author)) for author in authors]
    return ",".join([await task for task in tasks])


# Told while the row is being made: what a join brings comes later, so no call heals it.
@case(reads("Book.author", "author", None, origin=None, fixable=False), queries=9)
def receiver_that_reads_each_new_row() -> str:
    out = []

    def made(instance: Book, **kwargs: object) -> None:
        out.append(instance.author.name)  # loop: a

    post_init.connect(made, sender=Book)
    try:
        list(Book.objects.order_by("pk"))
    finally:
        post_init.disconnect(made, sender=Book)
    return ",".join(out)


def walk(category: Category):
    yield category.name
    for child in category.children.order_by("pk"):  # loop: walk, origin: walk
        yield from walk(child)


@case(reads("Category.children", None, None, loop="walk", origin="walk", fixable=False), queries=9)
def recursion_by_generators() -> str:
    return ",".join(walk(Category.objects.get(parent=None)))


@page("second/view/")
@method_decorator(never_cache, name="dispatch")
class BooksView(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        books = Book.objects.order_by("pk")  # origin: second view
        return HttpResponse(",".join(str(book.author) for book in books))  # loop: second view


@case(
    reads("Book.author", "author", "select_related", loop="second view", origin="second view"),
    queries=9,
)
def view_class_behind_a_decorator() -> str:
    return fetch("/second/view/")


@page("second/context/")
class Context(TemplateView):
    template_name = "corpus/feed.html"

    def get_context_data(self, **kwargs: object):
        books = Book.objects.order_by("pk")  # origin: context
        return super().get_context_data(books=books, **kwargs)


@case(
    reads("Book.author", "author", "select_related", loop="feed author", origin="context"),
    queries=9,
)
def template_view_with_a_context() -> str:
    return fetch("/second/context/")


@page("second/author/<int:pk>/")
class AuthorDetail(DetailView):
    model = Author
    template_name = "corpus/detail.html"


# The set of one row is made by the template's own line: no line of Python can be changed.
@case(
    reads("Book.publisher", "publisher", None, loop="detail", origin="detail", fixable=False),
    queries=10,
)
def detail_view_with_its_set() -> str:
    Book.objects.filter(pk__lte=7).update(author_id=1)
    return fetch("/second/author/1/")


@case(
    reads("Book.author", "author", "select_related", loop="include with", origin="by key"),
    queries=9,
)
def include_with_a_value() -> str:
    return render_to_string("corpus/include_with.html", {"books": books_by_key()})


def books_by_key():
    return Book.objects.order_by("pk")  # origin: by key


@case(
    reads("Author.book_set", "book_set", "prefetch_related", loop="asked"),
    reads("Author.book_set", "book_set", "prefetch_related", loop="looped"),
    queries=17,
)
def asked_then_looped() -> str:
    authors = Author.objects.order_by("pk")  # origin: b
    return render_to_string("corpus/asked.html", {"authors": authors})


@case(
    reads("Book.author", "author", "select_related", loop="ifchanged", origin="by key"), queries=9
)
def ifchanged() -> str:
    return render_to_string("corpus/ifchanged.html", {"books": books_by_key()})


@case(
    reads(
        ("Book.review_set", None),
        "review_set",
        "annotate",
        loop="ratio",
        origin="by key",
        fixable=False,
    ),
    queries=9,
)
def widthratio() -> str:
    return render_to_string("corpus/widthratio.html", {"books": books_by_key()})


@page("second/twice/")
def twice(request: HttpRequest) -> HttpResponse:
    books = Book.objects.order_by("pk")  # origin: twice
    return render(request, "corpus/feed.html", {"books": books})


# Two requests for one page have one fault.
@case(
    reads("Book.author", "author", "select_related", loop="feed author", origin="twice"),
    queries=18,
)
def one_page_asked_for_twice() -> str:
    return fetch("/second/twice/") + fetch("/second/twice/")


@case(repeats(), queries=4)
def rows_by_their_number() -> str:
    books = Book.objects.order_by("pk")
    return ",".join(str(books[i]) for i in range(4))  # loop: a


@case(repeats("in_bulk"), queries=4)
def in_bulk_of_one() -> str:
    return ",".join(str(Tag.objects.in_bulk([key])[key]) for key in (1, 2, 3, 4))  # loop: a


@case(repeats(), queries=4)
def keys_of_one() -> str:
    out = []
    for key in (1, 2, 3, 4):
        out.extend(str(tag) for tag in Tag.objects.filter(pk__in=[key]))  # loop: a
    return ",".join(out)


@case(repeats("bulk_create"), queries=4)
def bulk_create_of_one() -> str:
    for i in range(4):
        Tag.objects.bulk_create([Tag(name=f"new {i}")])  # loop: a
    return "four tags"


@case(repeats(), queries=9)
def key_by_key() -> str:
    out, last = [], 0
    while book := Book.objects.filter(pk__gt=last).order_by("pk").first():  # loop: a
        out.append(str(book))
        last = book.pk
    return ",".join(out)


@case(repeats("bulk_create"), queries=5)
def insert_by_cursor() -> str:
    with connection.cursor() as cursor:
        for i in range(4):
            cursor.execute("INSERT INTO corpus_tag (name) VALUES (%s)", [f"new {i}"])  # loop: a
    return str(Tag.objects.count())


# Each count follows a write, so it is a new question; the writes are the loop.
@case(repeats("bulk_create"), queries=8)
def counted_after_each_write() -> str:
    out = []
    for i in range(4):
        Tag.objects.create(name=f"new {i}")  # loop: a
        out.append(str(Tag.objects.count()))
    return ",".join(out)


@case(duplicate(("Author.book_set", None), loop="latest"), queries=4)
def property_asked_again() -> str:
    author = Author.objects.get(pk=1)
    return f"{author.latest}, {author.latest}, {author.latest}"


def tag(key: int) -> Tag:
    return Tag.objects.get(pk=key)  # loop: tag


@case(duplicate(loop="tag"), queries=3)
def helper_asked_again() -> str:
    return f"{tag(1)} {tag(1)} {tag(1)}"


@case(unused("Book.author", "author", "drop_prefetch_related"), queries=2)
def prefetch_of_a_key() -> str:
    books = Book.objects.prefetch_related("author")  # origin: b
    return ",".join(book.title for book in books)


@case(unused("Book.tags", "book_set__tags", "drop_prefetch_related"), queries=3)
def second_step_of_a_prefetch() -> str:
    authors = Author.objects.prefetch_related("book_set__tags")  # origin: b
    return ",".join(str(book) for author in authors for book in author.book_set.all())


@case(unused("Author.passport", "passport", "drop_select_related"), queries=1)
def reverse_one_to_one_never_read() -> str:
    authors = Author.objects.select_related("passport", "profile")  # origin: b
    return ",".join(author.profile.motto for author in authors)


@case(queries=2)
def prefetched_afterwards() -> str:
    books = list(Book.objects.order_by("pk"))
    prefetch_related_objects(books, "tags")
    return ",".join(str(tag) for book in books for tag in book.tags.all())


@case(reads("Tag.book_set", "tags__book_set", "prefetch_related"), queries=18)
def after_a_prefetch_afterwards() -> str:
    books = list(Book.objects.order_by("pk"))  # origin: b
    prefetch_related_objects(books, "tags")
    out = []
    for book in books:
        out.extend(str(len(tag.book_set.all())) for tag in book.tags.all())  # loop: a
    return ",".join(out)


@case(queries=2)
def executemany() -> str:
    with connection.cursor() as cursor:
        rows = [[f"new {i}"] for i in range(6)]
        cursor.executemany("INSERT INTO corpus_tag (name) VALUES (%s)", rows)
    return str(Tag.objects.count())


@case(queries=4)
def set_counted_before_and_after() -> str:
    author = Author.objects.get(pk=1)
    before = author.edited.count()
    Book.objects.filter(pk=1).update(editor_id=1)
    return f"{before} {author.edited.count()}"


@case(queries=1)
def key_of_a_column_kept() -> str:
    books = Book.objects.only("title", "author_id")
    return ",".join(str(book.author_id) for book in books)


@case(queries=2)
def set_kept_by_with() -> str:
    return render_to_string("corpus/kept.html", {"author": Author.objects.get(pk=1)})


@case(queries=4)
def batches_of_deletes() -> str:
    for low in (1, 3, 5, 7):
        Loan.objects.filter(pk__in=[low, low + 1]).delete()
    return "all gone"


@case(queries=5)
def two_rows_two_lines() -> str:
    first = Book.objects.get(pk=1)
    second = Publisher.objects.get(pk=2)
    return f"{first.author} {second.country} {Author.objects.count()}"


@case(queries=2)
def all_null() -> str:
    Book.objects.update(editor=None)
    return ",".join(str(book.editor) for book in Book.objects.order_by("pk"))
