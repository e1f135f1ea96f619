"""Generic foreign keys and generic relations."""

from __future__ import annotations

from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tests.queries.corpus.case import case, fetch, page, reads
from tests.queries.corpus.models import Author, Book, Note

TARGET = reads("Note.target", "target", "prefetch_related")


@case(TARGET, queries=9)
def key_to_one_model() -> str:
    notes = Note.objects.filter(text__startswith="remark")  # origin: b
    return ",".join(str(note.target) for note in notes)  # loop: a


# Two kinds of targets are two statements, and still one line with one answer.
@case(TARGET, queries=17)
def key_to_two_models() -> str:
    notes = Note.objects.order_by("text")  # origin: b
    return ",".join(str(note.target) for note in notes)  # loop: a


@case(TARGET, reads("Book.author", "target__author", "prefetch_related"), queries=17)
def through_the_key() -> str:
    notes = Note.objects.filter(text__startswith="note")  # origin: b
    return ",".join(note.target.author.name for note in notes)  # loop: a


@case(reads("Book.notes", "notes", "prefetch_related"), queries=9)
def relation() -> str:
    out = []
    for book in Book.objects.all():  # origin: b
        out.extend(note.text for note in book.notes.all())  # loop: a
    return ",".join(out)


@case(reads(None, None, None, origin=None), queries=9)
def relation_written_out_by_hand() -> str:
    out, kind = [], ContentType.objects.get_for_model(Author)
    for author in Author.objects.all():
        notes = Note.objects.filter(content_type=kind, object_id=author.pk)
        out.extend(note.text for note in notes)  # loop: a
    return ",".join(out)


@page("generic/notes/")
def notes_page(request: HttpRequest) -> HttpResponse:
    books = Book.objects.order_by("pk")  # origin: notes page
    return render(request, "corpus/notes.html", {"books": books})


@case(
    reads("Book.notes", "notes", "prefetch_related", loop="notes", origin="notes page"), queries=9
)
def relation_in_a_template() -> str:
    return fetch("/generic/notes/")
