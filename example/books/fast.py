"""Many books by the fast roads of the database: into its tables, out of them, and as JSON."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import CharField, Value
from django.db.models.functions import Concat, ExtractYear
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from books.forms import ImportForm, SinceForm
from books.models import Author, Book, Publisher
from books.rows import Wrong
from books.views import MANY
from unhurried.db import bulk_copy, json_bytes, rows


def import_books(request: HttpRequest) -> HttpResponse:
    """A CSV of books; the rows that can't be stored are named."""
    form = ImportForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        context["stored"], context["errors"] = store(form.cleaned_data["file"])
    return render(request, "books/import_books.html", context)


@transaction.atomic
def store(sheet: list[dict[str, str]]) -> tuple[int, list[Wrong]]:
    """Authors, publishers and books at once; the database names who can't be stored."""
    authors = named(Author, [row["author"] for row in sheet])
    publishers = named(Publisher, [row["publisher"] for row in sheet])
    books = (
        row | {"author": authors[row["author"]], "publisher": publishers[row["publisher"]]}
        for row in sheet
    )
    done = bulk_copy(Book, books, on_error="collect")
    return done.count, [Wrong(each.row_number, each.field, each.reason) for each in done.errors]


def named(model: type[Author | Publisher], names: list[str]) -> dict[str, int]:
    """Keys by name, those of the first; who is new is stored."""
    found = model.objects.filter(name__in=names).order_by("-pk").values_list("name", "pk")
    known = dict(found)
    new = [name for name in dict.fromkeys(names) if name not in known]
    pks = bulk_copy(model, ((name,) for name in new), fields=["name"], returning="pks").pks
    return known | dict(zip(new, pks or [], strict=True))


@dataclass
class Line:
    """What the catalogue says of a book."""

    title: str
    made_by: str


MADE_BY = Concat(
    *("author__name", Value(". "), "publisher__name", Value(", "), "publisher__city"),
    *(Value(" "), ExtractYear("published")),
    output_field=CharField(),
)


def catalogue(request: HttpRequest) -> HttpResponse:
    """The first thousand books, a line each, which the database has put together."""
    books = Book.objects.order_by("pk").annotate(made_by=MADE_BY)
    return render(request, "books/catalogue.html", {"books": rows(books[:MANY], Line)})


def api(request: HttpRequest) -> HttpResponse:
    """The same books for programs."""
    body = json_bytes(
        Book.objects.order_by("pk")[:MANY],
        ["id", "title", "published", "pages", "stock"],
        nested={"author": ["id", "name"], "publisher": ["id", "name", "city"]},
    )
    return HttpResponse(body, content_type="application/json")


def inventory(request: HttpRequest) -> HttpResponse:
    """Each publisher's books since a day, what they are worth, and whose are worth most."""
    form = SinceForm(request.GET or None)
    found = Book.objects.inventory(form.since())
    return render(request, "books/inventory.html", {"form": form, "publishers": found})
