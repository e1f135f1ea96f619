"""The slides' book shop (27 to 29), before anything is cached, with a join and a sum."""

from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from books.forms import FastBookForm
from books.models import Book


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
