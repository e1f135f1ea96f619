"""Foreign keys and one-to-ones read forwards, parents of inheritance, trees read upwards."""

from __future__ import annotations

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import ListView

from tests.queries.corpus.case import case, fetch, page, reads
from tests.queries.corpus.models import Author, Book, Category, Novel, Passport, Review

AUTHOR = reads("Book.author", "author", "select_related")


@case(AUTHOR, queries=9)
def foreign_key() -> str:
    out = []
    for book in Book.objects.all():  # origin: b
        out.append(book.author.name)  # loop: a
    return ",".join(out)


@case(AUTHOR, queries=9)
def comprehension() -> str:
    books = Book.objects.order_by("title")  # origin: b
    return ",".join([book.author.name for book in books])  # loop: a


@case(AUTHOR, queries=9)
def expression_given_to_join() -> str:
    books = Book.objects.filter(year__gt=1999)  # origin: b
    return ",".join(book.author.name for book in books)  # loop: a


@case(AUTHOR, queries=9)
def map_with_lambda() -> str:
    books = Book.objects.all()  # origin: b
    return ",".join(map(lambda book: book.author.name, books))  # loop: a  # noqa: C417


@case(AUTHOR, queries=9)
def sorted_by_key() -> str:
    books = Book.objects.all()  # origin: b
    rows = sorted(books, key=lambda book: book.author.name)  # loop: a
    return ",".join(book.title for book in rows)


@case(reads("Book.editor", "editor", "select_related"), queries=8)
def nullable() -> str:
    out = []
    for book in Book.objects.all():  # origin: b
        editor = book.editor  # loop: a
        out.append(editor.name if editor else "none")
    return ",".join(out)


@case(
    reads("Book.author", "author", "select_related"),
    reads("Author.country", "author__country", "select_related"),
    queries=17,
)
def two_levels() -> str:
    out = []
    for book in Book.objects.all():  # origin: b
        out.append(book.author.country.name)  # loop: a
    return ",".join(out)


@case(reads("Author.country", "author__country", "select_related"), queries=9)
def second_level_only() -> str:
    out = []
    for book in Book.objects.select_related("author"):  # origin: b
        out.append(book.author.country.name)  # loop: a
    return ",".join(out)


@case(
    AUTHOR,
    reads("Book.publisher", "publisher", "select_related", loop="c"),
    queries=17,
)
def two_relations_on_two_lines() -> str:
    out = []
    for book in Book.objects.all():  # origin: b
        out.append(book.author.name)  # loop: a
        out.append(book.publisher.name)  # loop: c
    return ",".join(out)


@case(reads("Passport.author", "author", "select_related"), queries=9)
def one_to_one() -> str:
    passports = Passport.objects.all()  # origin: b
    return ",".join(passport.author.name for passport in passports)  # loop: a


@case(reads("Review.reviewer", "reviewer", "select_related"), queries=9)
def without_a_reverse_name() -> str:
    reviews = Review.objects.all()  # origin: b
    return ",".join(review.reviewer.name for review in reviews)  # loop: a


# The field is the parent's: one name for one relation, however the row came.
@case(AUTHOR, queries=7)
def inherited_by_a_child() -> str:
    novels = Novel.objects.all()  # origin: b
    return ",".join(novel.author.name for novel in novels)  # loop: a


@case(reads("Category.parent", "parent", "select_related"), queries=8)
def parents() -> str:
    out = []
    for category in Category.objects.all():  # origin: b
        parent = category.parent  # loop: a
        out.append(parent.name if parent else "root")
    return ",".join(out)


# How deep a tree goes is not known, so no call of one place heals
# it; the first step alone is what can be named.
@case(
    reads("Category.parent", "parent", "select_related", loop="up the tree", fixable=False),
    queries=14,
)
def recursion_up_a_tree() -> str:
    return ",".join(category.path() for category in Category.objects.all())  # origin: b


@case(reads("Book.author", "author", "select_related", loop="byline"), queries=9)
def property_of_the_model() -> str:
    return ",".join(book.byline for book in Book.objects.all())  # origin: b


# The innermost line of the project is the one that asks.
@case(reads("Review.book", "book", "select_related", loop="str"), queries=9)
def text_of_the_model() -> str:
    return ",".join(str(review) for review in Review.objects.all())  # origin: b


@case(AUTHOR, queries=4)
def slice_of_a_queryset() -> str:
    books = Book.objects.order_by("pk")[:3]  # origin: b
    return ",".join(book.author.name for book in books)  # loop: a


@case(AUTHOR, queries=9)
def getattr_by_name() -> str:
    books = Book.objects.all()  # origin: b
    return ",".join(getattr(book, "author").name for book in books)  # loop: a  # noqa: B009


# Joined, its first part would have other columns than the second; a prefetch it takes along.
@case(reads("Book.author", "author", "prefetch_related"), queries=9)
def union() -> str:
    old = Book.objects.filter(pk__lte=4)  # origin: b
    books = old.union(Book.objects.filter(pk__gt=4))
    return ",".join(book.author.name for book in books)  # loop: a


@case(AUTHOR, queries=9)
def either_of_two_filters() -> str:
    books = Book.objects.filter(Q(pk__lte=4) | Q(pk__gt=4))  # origin: b
    return ",".join(book.author.name for book in books)  # loop: a


@case(AUTHOR, queries=9)
def queryset_of_the_sites_own() -> str:
    books = Book.objects.cheap()  # origin: b
    return ",".join(book.author.name for book in books)  # loop: a


@case(AUTHOR, queries=9)
def manager_of_the_sites_own() -> str:
    books = Book.novelties.all()  # origin: b
    return ",".join(book.author.name for book in books)  # loop: a


@case(AUTHOR, queries=9)
def list_made_first_and_looped_later() -> str:
    books = list(Book.objects.all())  # origin: b
    titles = [book.title for book in books]
    names = [book.author.name for book in books]  # loop: a
    return ",".join(titles + names)


@case(AUTHOR, queries=9)
def result_cache_looped_twice() -> str:
    books = Book.objects.all()  # origin: b
    titles = [book.title for book in books]
    names = [book.author.name for book in books]  # loop: a
    return ",".join(titles + names)


def narrowed(books):
    return books.exclude(title="")


def ordered(books):
    return books.order_by("-year")


@case(AUTHOR, queries=9)
def queryset_handed_through_helpers() -> str:
    books = ordered(narrowed(Book.objects.all()))  # origin: b
    return ",".join(book.author.name for book in books)  # loop: a


def published():
    return Book.objects.filter(year__gte=2000)  # origin: published


@case(reads("Book.author", "author", "select_related", origin="published"), queries=9)
def queryset_made_by_a_helper() -> str:
    return ",".join(book.author.name for book in published())  # loop: a


@case(reads("Author.country", "book__author__country", "select_related"), queries=9)
def through_a_join_already_made() -> str:
    reviews = Review.objects.select_related("book__author")  # origin: b
    return ",".join(review.book.author.country.name for review in reviews)  # loop: a


@case(
    reads("Author.country", "country", "select_related"),
    queries=9,
)
def filtered_over_the_relation_that_is_read() -> str:
    authors = Author.objects.filter(country__name__startswith="country")  # origin: b
    return ",".join(author.country.name for author in authors)  # loop: a


@page("forward/books/")
def books_page(request: HttpRequest) -> HttpResponse:
    lines = []
    for book in Book.objects.all():  # origin: books page
        lines.append(book.author.name)  # loop: books page
    return HttpResponse("\n".join(lines))


@case(
    reads("Book.author", "author", "select_related", loop="books page", origin="books page"),
    queries=9,
)
def plain_view() -> str:
    return fetch("/forward/books/")


@page("forward/feed/")
def feed(request: HttpRequest) -> HttpResponse:
    books = Book.objects.order_by("-year")  # origin: feed
    return render(request, "corpus/feed.html", {"books": books})


@case(
    reads("Book.author", "author", "select_related", loop="feed author", origin="feed"), queries=9
)
def view_with_a_template() -> str:
    return fetch("/forward/feed/")


# No line of the project makes the rows (ListView.get_queryset does): none may be named.
@page("forward/listview/")
class Books(ListView):
    model = Book
    ordering = "pk"
    template_name = "corpus/list.html"
    context_object_name = "books"


@case(reads("Book.author", "author", "select_related", loop="list author", origin=None), queries=9)
def list_view_of_a_model() -> str:
    return fetch("/forward/listview/")


# Made when the module was imported, before anyone was looking.
@page("forward/listview-queryset/")
class BooksOfAClass(ListView):
    queryset = Book.objects.order_by("pk")
    template_name = "corpus/list.html"
    context_object_name = "books"


@case(reads("Book.author", "author", "select_related", loop="list author", origin=None), queries=9)
def list_view_of_a_queryset() -> str:
    return fetch("/forward/listview-queryset/")


@page("forward/listview-method/")
class BooksOfAMethod(ListView):
    template_name = "corpus/list.html"
    context_object_name = "books"
    paginate_by = 5

    def get_queryset(self):
        return Book.objects.order_by("pk")  # origin: list method


@case(
    reads("Book.author", "author", "select_related", loop="list author", origin="list method"),
    queries=7,
)
def list_view_with_pages() -> str:
    return fetch("/forward/listview-method/")
