"""The same question asked again of the same row, or in the same words, with no write in between."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tests.queries.corpus.case import case, duplicate, fetch, page
from tests.queries.corpus.models import Author, Book, Country, Publisher, Tag


@case(duplicate("Author.book_set"), queries=5)
def set_of_one_row_again_and_again() -> str:
    out = []
    author = Author.objects.get(pk=1)
    for _ in range(4):
        out.append(str(len(author.book_set.all())))  # loop: a
    return ",".join(out)


# The second line need not ask: it is the one to change.
@case(duplicate(), queries=2)
def one_query_on_two_lines() -> str:
    titles = [book.title for book in Book.objects.order_by("pk")]
    prices = [book.price for book in Book.objects.order_by("pk")]  # loop: a
    return f"{titles} {prices}"


@case(duplicate(), queries=2)
def one_get_on_two_lines() -> str:
    first = Author.objects.get(pk=3).name
    second = Author.objects.get(pk=3).biography  # loop: a
    return first + second


@case(duplicate("Book.tags"), queries=3)
def set_of_one_row_on_two_lines() -> str:
    book = Book.objects.get(pk=1)
    names = [tag.name for tag in book.tags.all()]
    keys = [tag.pk for tag in book.tags.all()]  # loop: a
    return f"{names} {keys}"


# Two rows were read of one book; each then asks for its author, and the answer is the same one.
@case(duplicate(), duplicate("Book.author", loop="c"), queries=4)
def one_row_read_twice() -> str:
    first = Book.objects.get(pk=1)
    second = Book.objects.get(pk=1)  # loop: a
    out = first.author.name
    out += second.author.name  # loop: c
    return out


def site_name() -> str:
    return Country.objects.get(pk=1).name  # loop: site name


@case(duplicate(loop="site name"), queries=10)
def setting_read_per_row() -> str:
    tags = Tag.objects.filter(pk__lte=5)
    others = Publisher.objects.filter(pk__lte=3)
    out = [f"{tag} {site_name()}" for tag in tags]
    out += [f"{other} {site_name()}" for other in others]
    return ",".join(out)[:-1]


@page("duplicates/menu/")
def menu(request: HttpRequest) -> HttpResponse:
    return render(request, "corpus/menu.html", {"author": Author.objects.get(pk=1)})


@case(duplicate("Author.book_set", loop="menu again"), queries=3)
def one_set_twice_in_a_template() -> str:
    return fetch("/duplicates/menu/")


@case(duplicate(), queries=4)
def exists_then_exists() -> str:
    tags = Tag.objects.filter(name="tag 1")
    return " ".join(str(tags.filter(pk=1).exists()) for _ in range(4))  # loop: a


@case(duplicate(), queries=3)
def queryset_made_anew_by_all() -> str:
    tags = Tag.objects.order_by("name")
    return ",".join(str(len(tags.all())) for _ in range(3))  # loop: a
