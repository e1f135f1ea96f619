"""The slides' book shop (27 to 29), before anything is cached, with a join and a sum."""

from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render

from books.forms import FastBookForm, ImportForm
from books.models import Author, Book, Publisher
from books.rows import REFUSED, Wrong, wrong
from books.views import MANY, document, line


def book_list(request: HttpRequest) -> HttpResponse:
    """The hundred newest books, and how many copies the shop holds of all."""
    books = Book.objects.select_related("author", "publisher").order_by("-published", "-pk")[:100]
    stock = Book.objects.aggregate(all=Sum("stock", default=0))["all"]
    return render(request, "books/book_list.html", {"books": books, "stock": stock})


def create_book(request: HttpRequest) -> HttpResponse:
    """A form; the book it makes is the writer's business alone, for now."""
    form = FastBookForm(request.POST or None)
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
