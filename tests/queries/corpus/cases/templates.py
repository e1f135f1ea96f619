"""Lines of templates: includes, inheritance, tags, with, regroup, if, forms."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import engines
from django.template.loader import render_to_string

from tests.queries.corpus.case import case, duplicate, fetch, page, reads
from tests.queries.corpus.models import Author, Book, Publisher, Review


def shown(template: str, **context: object) -> str:
    return render_to_string(f"corpus/{template}.html", context)


@page("templates/books/<slug:template>/")
def any_page(request: HttpRequest, template: str) -> HttpResponse:
    books = Book.objects.order_by("pk")  # origin: any page
    return render(request, f"corpus/{template}.html", {"books": books})


@case(
    reads("Book.author", "author", "select_related", loop="card author", origin="any page"),
    queries=9,
)
def include() -> str:
    return fetch("/templates/books/cards/")


@case(
    reads("Book.author", "author", "select_related", loop="block author", origin="any page"),
    queries=9,
)
def block_of_a_child() -> str:
    return fetch("/templates/books/child/")


@case(
    reads("Book.author", "author", "select_related", loop="simple tag", origin="any page"),
    queries=9,
)
def simple_tag() -> str:
    return fetch("/templates/books/simple_tag/")


@case(
    reads("Book.publisher", "publisher", "select_related", loop="filter", origin="any page"),
    queries=9,
)
def filter_of_the_sites_own() -> str:
    return fetch("/templates/books/filter/")


@case(reads("Book.editor", "editor", "select_related", loop="editor", origin="any page"), queries=8)
def inclusion_tag() -> str:
    return fetch("/templates/books/inclusion_tag/")


@case(reads("Book.author", "author", "select_related", loop="with", origin="any page"), queries=9)
def with_block() -> str:
    return fetch("/templates/books/with/")


@case(
    reads("Book.author", "author", "select_related", loop="regroup", origin="any page"),
    reads("Author.country", "author__country", "select_related", loop="regroup", origin="any page"),
    queries=17,
)
def regroup() -> str:
    return fetch("/templates/books/regroup/")


@case(reads("Book.editor", "editor", "select_related", loop="if", origin="any page"), queries=8)
def condition() -> str:
    return fetch("/templates/books/if/")


@case(reads("Book.author", "author", "select_related", loop="byline", origin="any page"), queries=9)
def property_of_the_model() -> str:
    return fetch("/templates/books/property/")


@case(
    reads(
        ("Book.tags", None), "tags", "annotate", loop="tag count", origin="any page", fixable=False
    ),
    queries=9,
)
def count_of_a_set() -> str:
    return fetch("/templates/books/count/")


@case(reads("Review.book", "book", "select_related", loop="str"), queries=9)
def text_of_the_model() -> str:
    return shown("reviews", reviews=Review.objects.order_by("pk"))  # origin: b


@case(reads("Author.profile", "profile", "select_related", loop="motto"), queries=9)
def reverse_one_to_one() -> str:
    return shown("mottos", authors=Author.objects.order_by("pk"))  # origin: b


@case(reads("Author.book_set", "book_set", "prefetch_related", loop="shelf"), queries=9)
def method_called_by_a_template() -> str:
    return shown("shelves", authors=Author.objects.order_by("pk"))  # origin: b


@case(reads("Author.book_set", "book_set", "prefetch_related", loop="length"), queries=9)
def length_of_a_set() -> str:
    return shown("lengths", authors=Author.objects.order_by("pk"))  # origin: b


@case(
    reads("Book.author", "author", "select_related", loop="cycle author"),
    reads("Book.publisher", "publisher", "select_related", loop="cycle author"),
    queries=17,
)
def two_relations_on_one_line() -> str:
    return shown("two", books=Book.objects.order_by("pk"))  # origin: b


# Both lines ask per row, and one call heals both: told per line, but not as duplicates besides.
@case(
    reads("Book.tags", "tags", "prefetch_related", loop="tags once"),
    reads("Book.tags", "tags", "prefetch_related", loop="tags twice"),
    queries=17,
)
def one_set_on_two_lines() -> str:
    return shown("twice", books=Book.objects.order_by("pk"))  # origin: b


class BookForm(forms.ModelForm):
    class Meta:
        model = Book
        fields = ["title", "publisher"]


# The same choices for every form: one query and its answer kept.
@case(duplicate(loop="choices"), queries=9)
def choices_of_a_formset() -> str:
    formset = forms.modelformset_factory(Book, form=BookForm, extra=0)
    return shown("formset", formset=formset(queryset=Book.objects.order_by("pk")))


@case(reads("Book.author", "author", "select_related"), queries=9)
def rendered_row_by_row() -> str:
    row = engines["django"].from_string("{{ name }};")
    out = []
    for book in Book.objects.order_by("pk"):  # origin: b
        out.append(row.render({"name": book.author.name}))  # loop: a
    return "".join(out)


@case(reads("Publisher.country", "country", "select_related", loop="first of"), queries=9)
def firstof() -> str:
    return shown("firstof", publishers=Publisher.objects.order_by("pk"))  # origin: b


@case(reads("Book.author", "author", "select_related", loop="card author"), queries=9)
def include_of_an_include() -> str:
    return shown("pages", books=Book.objects.order_by("pk"))  # origin: b
