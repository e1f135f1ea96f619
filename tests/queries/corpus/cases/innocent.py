"""What looks like a loop of queries and is none, or is how a loop is meant to be."""

from __future__ import annotations

from functools import cache

from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, OuterRef, Prefetch, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from tests.queries.corpus.case import case, fetch, page
from tests.queries.corpus.models import (
    Author,
    Book,
    Category,
    Country,
    Loan,
    Note,
    Novel,
    Publisher,
    Review,
    Tag,
)


@case(queries=1)
def select_related() -> str:
    books = Book.objects.select_related("author__country")
    return ",".join(book.author.country.name for book in books)


@case(queries=3)
def prefetch_related() -> str:
    out = []
    for author in Author.objects.prefetch_related("book_set__tags"):
        for book in author.book_set.all():
            out.extend(tag.name for tag in book.tags.all())
    return ",".join(out)


@case(queries=3)
def prefetch_of_two_kinds() -> str:
    books = Book.objects.prefetch_related("tags", "review_set")
    return ",".join(f"{len(b.tags.all())} {len(b.review_set.all())}" for b in books)


@case(queries=2)
def prefetch_to_an_attribute() -> str:
    late = Prefetch("book_set", queryset=Book.objects.filter(year__gt=2003), to_attr="late")
    authors = Author.objects.prefetch_related(late)
    return ",".join(str(len(author.late)) for author in authors)


@case(queries=3)
def prefetch_of_generic_keys() -> str:
    notes = Note.objects.prefetch_related("target")
    return ",".join(str(note.target) for note in notes)


@case(queries=2)
def prefetch_of_generic_relations() -> str:
    books = Book.objects.prefetch_related("notes")
    return ",".join(note.text for book in books for note in book.notes.all())


@case(queries=5)
def prefetch_under_iterator() -> str:
    books = Book.objects.order_by("pk").prefetch_related("tags").iterator(chunk_size=2)
    return ",".join(str(len(book.tags.all())) for book in books)


@case(queries=1)
def iterator_in_chunks() -> str:
    books = Book.objects.order_by("pk").iterator(chunk_size=2)
    return ",".join(book.title for book in books)


@case(queries=4)
def batches_by_key() -> str:
    out, last = [], 0
    while rows := list(Book.objects.filter(pk__gt=last).order_by("pk")[:3]):
        out.extend(book.title for book in rows)
        last = rows[-1].pk
    return ",".join(out)


@case(queries=4)
def batches_by_key_range() -> str:
    out = []
    for low in range(1, 9, 2):
        rows = Book.objects.filter(pk__range=(low, low + 1))
        out.extend(book.title for book in rows)
    return ",".join(out)


@case(queries=4)
def batches_of_keys() -> str:
    out, keys = [], list(range(1, 9))
    for at in range(0, 8, 2):
        out.extend(b.title for b in Book.objects.filter(pk__in=keys[at : at + 2]))
    return ",".join(out)


@case(queries=4)
def batches_of_in_bulk() -> str:
    out, keys = [], list(range(1, 9))
    for at in range(0, 8, 2):
        found = Book.objects.in_bulk(keys[at : at + 2])
        out.extend(book.title for book in found.values())
    return ",".join(out)


@case(queries=4)
def pages_of_a_paginator() -> str:
    out = []
    pages = Paginator(Book.objects.order_by("pk"), 3)
    for number in pages.page_range:
        out.extend(book.title for book in pages.page(number))
    return ",".join(out)


@case(queries=3)
def batches_of_bulk_create() -> str:
    for start in (0, 10, 20):
        Tag.objects.bulk_create([Tag(name=f"new {start + i}") for i in range(4)])
    return "three batches"


@case(queries=4)
def bulk_create_in_batches() -> str:
    Tag.objects.bulk_create([Tag(name=f"new {i}") for i in range(12)], batch_size=4)
    return str(Tag.objects.count())


@case(queries=3)
def bulk_update_in_batches() -> str:
    books = list(Book.objects.all())
    for book in books:
        book.price += book.pk
    Book.objects.bulk_update(books, ["price"], batch_size=4)
    return ",".join(str(book.price) for book in books)


@case(queries=2)
def in_bulk() -> str:
    books = list(Book.objects.all())
    authors = Author.objects.in_bulk({book.author_id for book in books})
    return ",".join(authors[book.author_id].name for book in books)


@case(queries=1)
def values() -> str:
    rows = Book.objects.values("title", "author__name")
    return ",".join(f"{row['title']} {row['author__name']}" for row in rows)


@case(queries=1)
def values_list() -> str:
    return ",".join(Book.objects.values_list("author__country__name", flat=True))


@case(queries=1)
def annotated_count() -> str:
    authors = Author.objects.annotate(books=Count("book"))
    return ",".join(f"{author} {author.books}" for author in authors)


@case(queries=1)
def annotated_exists() -> str:
    books = Book.objects.filter(author=OuterRef("pk"))
    authors = Author.objects.annotate(writes=Exists(books))
    return ",".join(f"{author} {author.writes}" for author in authors)


@case(queries=1)
def annotated_subquery() -> str:
    latest = Book.objects.filter(author=OuterRef("pk")).order_by("-year").values("title")[:1]
    authors = Author.objects.annotate(newest=Subquery(latest))
    return ",".join(f"{author} {author.newest}" for author in authors)


@case(queries=1)
def key_without_its_row() -> str:
    return ",".join(str(book.author_id) for book in Book.objects.all())


@case(queries=1)
def columns_that_were_asked_for() -> str:
    return ",".join(f"{book.title} {book.year}" for book in Book.objects.only("title", "year"))


@case(queries=1)
def column_left_out_and_not_missed() -> str:
    return ",".join(book.title for book in Book.objects.defer("summary"))


@case(queries=3)
def one_row_and_its_relations() -> str:
    book = Book.objects.get(pk=1)
    return f"{book} by {book.author.name}, {book.publisher.name}"


@case(queries=2)
def one_row_in_a_loop() -> str:
    return ",".join(book.author.name for book in Book.objects.filter(pk=3))


@case(queries=2)
def first_row_only() -> str:
    for book in Book.objects.order_by("pk"):
        return book.author.name
    return "none"


@case(queries=1)
def relation_kept_by_the_row() -> str:
    book = Book.objects.select_related("author").get(pk=2)
    return ",".join(book.author.name for _ in range(5))


@case(queries=2)
def rows_kept_by_the_queryset() -> str:
    tags = Tag.objects.all()
    names = [tag.name for tag in tags]
    keys = [tag.pk for tag in tags]
    book = Book.objects.get(pk=1)
    return f"{names} {keys} {book}"


@cache
def country(key: int) -> str:
    return Country.objects.get(pk=key).name


@case(queries=3)
def kept_by_lru_cache() -> str:
    country.cache_clear()
    Author.objects.update(country_id=1)
    return ",".join(country(author.country_id) for author in Author.objects.all())


@case(queries=3)
def read_write_read() -> str:
    before = Book.objects.get(pk=1).price
    Book.objects.filter(pk=1).update(price=F("price") + 1)
    after = Book.objects.get(pk=1).price
    return f"{before} {after}"


@case(queries=9)
def counted_between_writes() -> str:
    out = [Tag.objects.count()]
    Tag.objects.create(name="one more")
    out.append(Tag.objects.count())
    Tag.objects.filter(name="one more").update(name="another")
    out.append(Tag.objects.count())
    Tag.objects.filter(name="another").delete()
    out.append(Tag.objects.count())
    return ",".join(map(str, out))


@case(queries=3)
def refreshed_after_a_write() -> str:
    book = Book.objects.get(pk=1)
    Book.objects.filter(pk=1).update(price=F("price") * 2)
    book.refresh_from_db(fields=["price"])
    return str(book.price)


@case(queries=4)
def different_tables_at_one_line() -> str:
    models = (Author, Book, Tag, Publisher)
    return ",".join(str(model.objects.count()) for model in models)


@case(queries=4)
def different_questions_of_one_table() -> str:
    books = Book.objects.all()
    out = [books.count(), books.filter(year__gt=2003).count()]
    out += [books.exclude(price=3).count(), books.filter(editor=None).count()]
    return ",".join(map(str, out))


@case(queries=2)
def count_then_rows() -> str:
    books = Book.objects.order_by("pk")
    return f"{books.count()}: {[book.title for book in books]}"


@case(queries=2)
def exists_then_rows() -> str:
    books = Book.objects.order_by("pk")
    return f"{[book.title for book in books] if books.exists() else 'none'}"[:90]


@case(queries=0)
def savepoints_of_a_loop() -> str:
    out = []
    for i in range(4):
        with transaction.atomic():
            out.append(str(i))
    return ",".join(out)


@case(queries=3)
def savepoint_undone() -> str:
    try:
        with transaction.atomic():
            Tag.objects.create(name="kept")
            raise IntegrityError
    except IntegrityError:
        kept = Tag.objects.filter(name="kept").exists()
    return f"{kept} {Tag.objects.count()}"


@case(queries=4)
def tree_level_by_level() -> str:
    out, level = [], list(Category.objects.filter(parent=None))
    while level:
        out.append("/".join(str(category) for category in level))
        keys = [category.pk for category in level]
        level = list(Category.objects.filter(parent_id__in=[*keys, 0]))
        if len(out) == 3:
            break
    return ",".join(out)


@case(queries=1)
def parent_link_of_a_child() -> str:
    return ",".join(novel.book_ptr.title for novel in Novel.objects.all())


@case(queries=2)
def back_to_the_row_it_came_from() -> str:
    author = Author.objects.get(pk=1)
    return ",".join(book.author.name for book in author.book_set.all())


@case(queries=2)
def back_to_the_rows_it_was_prefetched_for() -> str:
    authors = Author.objects.prefetch_related("book_set")
    return ",".join(book.author.name for author in authors for book in author.book_set.all())


@case(queries=0)
def content_types() -> str:
    kinds = [ContentType.objects.get_for_model(Book).model for _ in range(5)]
    return ",".join(kinds)


@case(queries=1)
def none_of_them() -> str:
    out = [str(len(Book.objects.none())) for _ in range(4)]
    return ",".join(out) + str(Book.objects.filter(pk__in=[]).count()) + str(Tag.objects.count())


@case(queries=3)
def permissions_of_one_user() -> str:
    user = User.objects.get(pk=1)
    names = ("add_book", "change_book", "add_author", "delete_tag")
    return ",".join(str(user.has_perm(f"corpus.{name}")) for name in names)


@page("innocent/permissions/")
def permissions(request: HttpRequest) -> HttpResponse:
    request.user = User.objects.get(pk=1)
    books = Book.objects.order_by("pk")
    allowed = [book for book in books if request.user.has_perm("corpus.change_book")]
    return HttpResponse(f"{len(allowed)} {request.user.has_perm('corpus.add_book')}")


@case(queries=4)
def permission_checks_of_a_request() -> str:
    return fetch("/innocent/permissions/")


@page("innocent/book/<int:pk>/")
def book_page(request: HttpRequest, pk: int) -> HttpResponse:
    book = get_object_or_404(Book, pk=pk)
    return HttpResponse(f"{book} by {book.author}")


# Each request must ask for itself.
@case(queries=4)
def one_page_in_two_requests() -> str:
    return fetch("/innocent/book/1/") + fetch("/innocent/book/1/")


@case(queries=4)
def one_page_of_two_books() -> str:
    return fetch("/innocent/book/1/") + fetch("/innocent/book/2/")


@page("innocent/feed/")
def feed(request: HttpRequest) -> HttpResponse:
    books = Book.objects.select_related("author").order_by("-year")
    return render(request, "corpus/feed.html", {"books": books})


@case(queries=1)
def template_with_select_related() -> str:
    return fetch("/innocent/feed/")


@page("innocent/tags/")
def tags(request: HttpRequest) -> HttpResponse:
    books = Book.objects.prefetch_related("tags").order_by("pk")
    return render(request, "corpus/twice.html", {"books": books})


@case(queries=2)
def template_with_prefetch() -> str:
    return fetch("/innocent/tags/")


@case(queries=1)
def joined_rows_of_a_union() -> str:
    books = Book.objects.filter(pk=1).union(Book.objects.filter(pk=2))
    return ",".join(book.title for book in books)


@case(queries=2)
def given_by_hand() -> str:
    authors = {author.pk: author for author in Author.objects.all()}
    out = []
    for book in Book.objects.all():
        book.author = authors[book.author_id]
        out.append(book.author.name)
    return ",".join(out)


@case(queries=1)
def deletion_of_a_queryset() -> str:
    return str(Loan.objects.filter(pk__gt=4).delete()[0])


@case(queries=1)
def null_keys() -> str:
    books = Book.objects.filter(editor=None)
    return ",".join(str(book.editor) for book in books)


@case(queries=2)
def reviews_by_their_books() -> str:
    reviews = Review.objects.prefetch_related("book")
    return ",".join(review.book.title for review in reviews)
