"""The slides' book shop (27 to 29), before anything is cached, with a join and a sum."""

from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render

from books.forms import FastBookForm, ImportForm, SinceForm
from books.models import Author, Book, Publisher
from books.rows import REFUSED, Wrong, wrong
from books.views import MANY, document, line


def book_list(request: HttpRequest) -> HttpResponse:
    """The hundred newest books, and how many copies the shop holds of all."""
    books = Book.objects.select_related("author", "publisher").order_by("-published", "-pk")[:100]
    stock = Book.objects.aggregate(all=Sum("stock", default=0))["all"]
    return render(request, "books/book_list.html", {"books": books, "stock": stock})


def create_book(
    request: HttpRequest, form_class: type[FastBookForm] = FastBookForm
) -> HttpResponse:
    """A form; the book it makes is the writer's business alone, for now."""
    form = form_class(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("fixed:books")
    return render(request, "books/create_book.html", {"form": form})


def import_books(request: HttpRequest) -> HttpResponse:
    """A CSV of books; the rows that can't be stored are named."""
    form = ImportForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        context["stored"], context["errors"] = store(form.cleaned_data["file"])
    return render(request, "books/import_books.html", context)


@transaction.atomic
def store(sheet: list[dict[str, str]]) -> tuple[int, list[Wrong]]:
    """Authors and publishers at once, then book by book, in one transaction."""
    authors = named(Author, [row["author"] for row in sheet])
    publishers = named(Publisher, [row["publisher"] for row in sheet])
    errors = []
    for number, row in enumerate(sheet):
        author, publisher = authors[row["author"]], publishers[row["publisher"]]
        try:
            with transaction.atomic():
                Book.objects.create(**row | {"author": author, "publisher": publisher})
        except REFUSED as error:
            errors.append(wrong(number, row, error))
    return len(sheet) - len(errors), errors


def named(model: type[Author | Publisher], names: list[str]) -> dict[str, Any]:
    """The first of each name; who is new is stored."""
    found = {each.name: each for each in model.objects.filter(name__in=names).order_by("-pk")}
    new = [model(name=name) for name in dict.fromkeys(names) if name not in found]
    return found | {each.name: each for each in model.objects.bulk_create(new)}


def catalogue(request: HttpRequest) -> HttpResponse:
    """The first thousand books, a line each."""
    books = Book.objects.order_by("pk").select_related("author", "publisher")[:MANY]
    return render(request, "books/catalogue.html", {"books": [line(book) for book in books]})


def api(request: HttpRequest) -> HttpResponse:
    """The same books for programs."""
    books = Book.objects.order_by("pk").select_related("author", "publisher")[:MANY]
    return JsonResponse([document(book) for book in books], safe=False)


def inventory(request: HttpRequest) -> HttpResponse:
    """Each publisher's books since a day, what they are worth, and whose are worth most."""
    form = SinceForm(request.GET or None)
    books = Book.objects.filter(published__gte=form.since())
    named = {"name": F("publisher__name"), "city": F("publisher__city")}
    pairs = (
        books.values("publisher_id", "author__name", **named)
        .annotate(titles=Count("pk"), copies=Sum("stock"), value=Sum(3 * F("pages") * F("stock")))
        .order_by("publisher_id", "-value", "author_id")
    )
    publishers = [added(list(each)) for _, each in groupby(pairs, itemgetter("publisher_id"))]
    found = sorted(publishers, key=lambda row: -row["value"])
    return render(request, "books/inventory.html", {"form": form, "publishers": found})


def added(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """A publisher's authors, the one whose books are worth most first."""
    return {
        "publisher": pairs[0]["name"],
        "city": pairs[0]["city"],
        "titles": sum(pair["titles"] for pair in pairs),
        "stock": sum(pair["copies"] for pair in pairs),
        "value": sum(pair["value"] for pair in pairs),
        "author": pairs[0]["author__name"],
    }
