"""Tags of the site's own, each reading a relation in Python."""

from __future__ import annotations

from typing import Any

from django import template

from tests.queries.corpus.models import Book

register = template.Library()


@register.simple_tag
def byline(book: Book) -> str:
    return f"by {book.author.name}"  # loop: simple tag


@register.filter
def publisher_of(book: Book) -> str:
    return book.publisher.name  # loop: filter


@register.inclusion_tag("corpus/_editor.html")
def editor_of(book: Book) -> dict[str, Any]:
    return {"book": book}
