"""Reverse foreign keys, named, unnamed and hidden, and reverse one-to-ones."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from tests.queries.corpus.case import case, fetch, page, reads
from tests.queries.corpus.models import Author, Book, Category, Loan, Publisher

BOOKS = reads("Author.book_set", "book_set", "prefetch_related")


@case(BOOKS, queries=9)
def unnamed_set() -> str:
    out = []
    for author in Author.objects.all():  # origin: b
        for book in author.book_set.all():  # loop: a
            out.append(book.title)
    return ",".join(out)


@case(reads("Publisher.books", "books", "prefetch_related"), queries=9)
def named_set() -> str:
    out = []
    for publisher in Publisher.objects.all():  # origin: b
        out.extend(book.title for book in publisher.books.all())  # loop: a
    return ",".join(out)


@case(reads("Book.review_set", "review_set", "prefetch_related"), queries=9)
def list_of_a_set() -> str:
    out = []
    for book in Book.objects.all():  # origin: b
        reviews = list(book.review_set.all())  # loop: a
        out.append(str(len(reviews)))
    return ",".join(out)


@case(BOOKS, queries=9)
def length_of_a_set() -> str:
    authors = Author.objects.all()  # origin: b
    return ",".join(str(len(author.book_set.all())) for author in authors)  # loop: a


@case(BOOKS, queries=9)
def truth_of_a_set() -> str:
    out = []
    for author in Author.objects.all():  # origin: b
        if author.book_set.all():  # loop: a
            out.append(author.name)
    return ",".join(out)


@case(reads("Author.passport", "passport", "select_related"), queries=9)
def reverse_one_to_one() -> str:
    authors = Author.objects.all()  # origin: b
    return ",".join(author.passport.number for author in authors)  # loop: a


@case(reads("Author.profile", "profile", "select_related"), queries=9)
def named_reverse_one_to_one() -> str:
    authors = Author.objects.all()  # origin: b
    return ",".join(author.profile.motto for author in authors)  # loop: a


@case(reads("Book.novel", "novel", "select_related"), queries=9)
def child_of_a_parent() -> str:
    out = []
    for book in Book.objects.all():  # origin: b
        try:
            out.append(book.novel.genre)  # loop: a
        except Book.novel.RelatedObjectDoesNotExist:
            out.append("none")
    return ",".join(out)


@case(reads("Category.children", "children", "prefetch_related"), queries=9)
def children() -> str:
    out = []
    for category in Category.objects.all():  # origin: b
        out.extend(child.name for child in category.children.all())  # loop: a
    return ",".join(out)


def subtree(category: Category) -> str:
    below = []
    for child in category.children.all():  # loop: down the tree, origin: tree
        below.append(subtree(child))
    return f"{category.name}({','.join(below)})"


# The depth is the data's: prefetching heals one level, so no call of one place is the answer. The
# line that reads a level also makes the rows of the next.
@case(
    reads("Category.children", None, None, loop="down the tree", origin="tree", fixable=False),
    queries=9,
)
def recursion_down_a_tree() -> str:
    root = Category.objects.get(parent=None)
    return subtree(root)


# The name is hidden, so nothing can be prefetched backwards and nothing is named.
@case(reads(None, None, None, origin=None), queries=9)
def hidden_set() -> str:
    out = []
    for book in Book.objects.all():
        out.extend(loan.borrower for loan in Loan.objects.filter(book=book))  # loop: a
    return ",".join(out)


@case(reads("Author.book_set", "book_set", "prefetch_related", loop="shelf"), queries=9)
def method_of_the_model() -> str:
    return ",".join("/".join(author.shelf()) for author in Author.objects.all())  # origin: b


# Each asks for its first row in an order of its own: no prefetch answers that.
@case(reads("Author.book_set", "book_set", "Prefetch", loop="latest", fixable=False), queries=9)
def property_with_first() -> str:
    return ",".join(author.latest for author in Author.objects.all())  # origin: b


@case(reads("Book.publisher", "publisher", "select_related"), queries=11)
def set_of_one_author_is_its_own_origin() -> str:
    Book.objects.update(author_id=1)
    author = Author.objects.get(pk=1)
    books = author.book_set.all()  # origin: b
    return ",".join(book.publisher.name for book in books)[:50]  # loop: a


@page("reverse/author/<int:pk>/")
def author_page(request: HttpRequest, pk: int) -> HttpResponse:
    author = get_object_or_404(Author, pk=pk)
    lines = []
    for book in author.edited.all():  # origin: author page
        lines.append(book.publisher.name)  # loop: author page
    return HttpResponse(f"{author}: {lines}")


@case(
    reads(
        "Book.publisher", "publisher", "select_related", loop="author page", origin="author page"
    ),
    queries=11,
)
def get_object_or_404_then_its_set() -> str:
    Book.objects.update(editor_id=2)
    return fetch("/reverse/author/2/")


@page("reverse/publishers/")
def publishers(request: HttpRequest) -> HttpResponse:
    rows = Publisher.objects.order_by("name")  # origin: publishers
    return render(request, "corpus/publishers.html", {"publishers": rows})


@case(
    reads("Publisher.books", "books", "prefetch_related", loop="pub books", origin="publishers"),
    reads(
        "Book.author", "books__author", "prefetch_related", loop="pub author", origin="publishers"
    ),
    queries=17,
)
def nested_in_a_template() -> str:
    return fetch("/reverse/publishers/")
