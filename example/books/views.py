"""The slides' book shop (27 to 29), before anything is cached."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from books.forms import BookForm
from books.models import Book


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
