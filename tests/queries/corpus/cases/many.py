"""Many-to-many, both ways, hidden, and what is done to them in loops."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tests.queries.corpus.case import case, fetch, page, reads
from tests.queries.corpus.models import Author, Book, Tag

TAGS = reads("Book.tags", "tags", "prefetch_related")


@case(TAGS, queries=9)
def forwards() -> str:
    out = []
    for book in Book.objects.all():  # origin: b
        out.append("/".join(tag.name for tag in book.tags.all()))  # loop: a
    return ",".join(out)


@case(reads("Tag.book_set", "book_set", "prefetch_related"), queries=9)
def backwards() -> str:
    out = []
    for tag in Tag.objects.all():  # origin: b
        out.append("/".join(book.title for book in tag.book_set.all()))  # loop: a
    return ",".join(out)


@case(reads("Book.fans", "fans", "prefetch_related"), queries=9)
def hidden_backwards() -> str:
    out = []
    for book in Book.objects.all():  # origin: b
        out.append("/".join(fan.name for fan in book.fans.all()))  # loop: a
    return ",".join(out)


# values_list() starts a query of its own even on prefetched rows.
@case(reads("Book.tags", "tags", "Prefetch", fixable=False), queries=9)
def values_of_a_set() -> str:
    out = []
    for book in Book.objects.all():  # origin: b
        out.append("/".join(book.tags.values_list("name", flat=True)))  # loop: a
    return ",".join(out)


@case(TAGS, reads("Tag.book_set", "tags__book_set", "prefetch_related", loop="c"), queries=25)
def there_and_back() -> str:
    out = []
    for book in Book.objects.all():  # origin: b
        for tag in book.tags.all():  # loop: a
            out.append(str(len(tag.book_set.all())))  # loop: c
    return ",".join(out)


@case(
    reads("Book.tags", "author__book_set__tags", "prefetch_related", loop="c"),
    reads("Author.book_set", "author__book_set", "prefetch_related"),
    queries=17,
)
def over_a_joined_author() -> str:
    out = []
    for book in Book.objects.select_related("author"):  # origin: b
        for other in book.author.book_set.all():  # loop: a
            out.extend(tag.name for tag in other.tags.all())  # loop: c
    return ",".join(out)


# Adding is a write per row; the through model's bulk_create is the answer, in another place.
@case(reads(("Book.tags", None), None, "bulk_create", origin=None), queries=8)
def adding() -> str:
    tag = Tag.objects.create(name="new")
    for book in Book.objects.order_by("pk")[:5]:
        book.tags.add(tag)  # loop: a
    return ",".join(book.title for book in tag.book_set.order_by("pk"))


@page("many/tags/")
def tags(request: HttpRequest) -> HttpResponse:
    books = Book.objects.order_by("pk")  # origin: tags page
    return render(request, "corpus/tags.html", {"books": books})


@case(
    reads("Book.tags", "tags", "prefetch_related", loop="tag list", origin="tags page"), queries=9
)
def in_a_template() -> str:
    return fetch("/many/tags/")


@case(reads("Author.edited", "edited", "prefetch_related", loop="a"), queries=9)
def sets_of_one_model_by_two_keys() -> str:
    out = []
    for author in Author.objects.all():  # origin: b
        out.extend(book.title for book in author.edited.all())  # loop: a
    return ",".join(out)
