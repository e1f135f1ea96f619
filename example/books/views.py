"""The slides' book shop (27 to 29), before anything is cached."""

from collections import Counter
from datetime import date
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render

from books.forms import BookForm, ImportForm, SinceForm
from books.models import Author, Book, Publisher
from books.rows import REFUSED, Wrong, wrong

MANY = 1_000  # books of the catalogue


def book_list(request: HttpRequest) -> HttpResponse:
    """The hundred newest books, and how many copies the shop holds of all."""
    books = Book.objects.order_by("-published", "-pk")[:100]
    stock = sum(book.stock for book in Book.objects.all())
    return render(request, "books/book_list.html", {"books": books, "stock": stock})


def create_book(request: HttpRequest) -> HttpResponse:
    """A form; the book it makes is the writer's business alone, for now."""
    form = BookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("slow:books")
    return render(request, "books/create_book.html", {"form": form})


def import_books(request: HttpRequest) -> HttpResponse:
    """A CSV of books; the rows that can't be stored are named."""
    form = ImportForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        context["stored"], context["errors"] = store(form.cleaned_data["file"])
    return render(request, "books/import_books.html", context)


def store(sheet: list[dict[str, str]]) -> tuple[int, list[Wrong]]:
    """Row by row: its author, its publisher, the book. How many were stored, and which were not."""
    errors = []
    for number, row in enumerate(sheet):
        author = named(Author, row["author"])
        publisher = named(Publisher, row["publisher"])
        try:
            with transaction.atomic():
                Book.objects.create(**row | {"author": author, "publisher": publisher})
        except REFUSED as error:
            errors.append(wrong(number, row, error))
    return len(sheet) - len(errors), errors


def named(model: type[Author | Publisher], name: str) -> Any:
    """``get_or_create``, but two may have one name: then it is the first."""
    return model.objects.filter(name=name).order_by("pk").first() or model.objects.create(name=name)


def catalogue(request: HttpRequest) -> HttpResponse:
    """The first thousand books, a line each."""
    books = [line(book) for book in Book.objects.order_by("pk")[:MANY]]
    return render(request, "books/catalogue.html", {"books": books})


def line(book: Book) -> dict[str, str]:
    house, year = book.publisher, book.published.year
    who = f"{book.author.name}. {house.name}, {house.city} {year}"
    return {"title": book.title, "made_by": who}


def api(request: HttpRequest) -> HttpResponse:
    """The same books for programs."""
    books = Book.objects.order_by("pk")[:MANY]
    return JsonResponse([document(book) for book in books], safe=False)


def document(book: Book) -> dict[str, Any]:
    author, publisher = book.author, book.publisher
    return {
        "id": book.pk,
        "title": book.title,
        "published": book.published,
        "pages": book.pages,
        "stock": book.stock,
        "author": {"id": author.pk, "name": author.name},
        "publisher": {"id": publisher.pk, "name": publisher.name, "city": publisher.city},
    }


def inventory(request: HttpRequest) -> HttpResponse:
    """Each publisher's books since a day, what they are worth, and whose are worth most."""
    form = SinceForm(request.GET or None)
    publishers = [
        counted(publisher, form.since()) for publisher in Publisher.objects.order_by("pk")
    ]
    found = sorted(filter(None, publishers), key=lambda row: -row["value"])
    return render(request, "books/inventory.html", {"form": form, "publishers": found})


def counted(publisher: Publisher, since: date) -> dict[str, Any] | None:
    """None where there is no book."""
    books = [book for book in publisher.books.order_by("pk") if book.published >= since]
    worth: Counter[Author] = Counter()
    for book in books:
        worth[book.author] += book.price * book.stock
    if not books:
        return None
    return {
        "publisher": publisher.name,
        "city": publisher.city,
        "titles": len(books),
        "stock": sum(book.stock for book in books),
        "value": sum(worth.values()),
        "author": min(worth, key=lambda author: (-worth[author], author.pk)).name,
    }
