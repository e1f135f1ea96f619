"""Remedies that change the loop, too: written only where no other rows may come to it."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Manager
from django.shortcuts import get_object_or_404

from tests.queries.corpus.models import Author, Book, Country, Publisher
from unhurried.queries import count_queries
from unhurried.queries._edit import _diff
from unhurried.queries._edit._chains import parents
from unhurried.queries._edit._sources import is_from, is_shown_alone
from unhurried.queries._find._remedies import cannot_join


@pytest.fixture(autouse=True)
def shelf(db: None) -> None:
    country = Country.objects.create(name="Poland")
    publisher = Publisher.objects.create(name="Czytelnik", country=country)
    for number in range(4):
        author = Author.objects.create(name=f"author {number}", country=country)
        Book.objects.create(
            title=f"book {number}", year=2000 + number, author=author, publisher=publisher
        )


def diffs(run: Callable[[], Any]) -> list[tuple[str, str]]:
    """(diff, why there is none) of each finding."""
    with count_queries() as queries:
        run()
    return [_diff.diff(finding) for finding in queries.findings]


def refused(run: Callable[[], Any]) -> str:
    [(diff, why)] = diffs(run)
    assert not diff
    return why


def written(run: Callable[[], Any]) -> str:
    [(diff, why)] = diffs(run)
    assert not why
    return diff


# Saving in a loop.


def change(row: Author) -> None:
    row.biography = "changed"


def in_a_tuple() -> None:
    for row in Author.objects.all():
        row.name, row.biography = "a", "b"
        row.visits = 1
        row.save()


def starred() -> None:
    for row in Author.objects.all():
        row.name, *row.biography = "a", "b"
        row.visits = 1
        row.save()


def annotated() -> None:
    for row in Author.objects.all():
        row.name: str = "a"
        row.visits = 1
        row.save()


def by_setattr() -> None:
    for row in Author.objects.all():
        setattr(row, "name", "a")  # noqa: B010 - what it is about
        row.visits = 1
        row.save()


def by_method() -> None:
    for row in Author.objects.all():
        row.shelf()
        row.visits = 1
        row.save()


def by_function() -> None:
    for row in Author.objects.all():
        row.visits = 1
        change(row)
        row.save()


def by_property() -> None:
    for row in Author.objects.all():
        row.visits = len(row.latest)
        row.save()


def by_another_name() -> None:
    for row in Author.objects.all():
        other = row
        other.name = "a"
        row.visits = 1
        row.save()


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (in_a_tuple, "may change more of row"),
        (starred, "may change more of row"),
        (annotated, "may change more of row"),
        (by_setattr, "row itself is handed on"),
        (by_method, "row.shelf() may change more of row"),
        (by_function, "row itself is handed on"),
        (by_another_name, "row itself is handed on"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_else_a_loop_may_change_is_not_lost(run, why):
    reasons = [reason for _, reason in diffs(run)]
    assert any(why in reason for reason in reasons)
    assert not any("bulk_update" in diff for diff, _ in diffs(run))


def test_what_a_property_may_change_is_not_lost():
    assert not any("bulk_update" in diff for diff, _ in diffs(by_property))


def plain() -> None:
    for row in Author.objects.all():
        row.visits += len(row.name) + row.pk
        if row.visits > 3:
            row.name = row.name.upper()
        row.save()


def test_a_plain_loop_is_written_at_once():
    assert 'Author.objects.bulk_update(rows_to_save, ["visits", "name"])' in written(plain)


# Where the rows of a loop come from.


def branch(*, some: bool = False) -> list[int]:
    if some:  # noqa: SIM108 - the statement is what it is about
        authors = Author.objects.filter(pk=1)
    else:
        authors = Author.objects.all()
    return [author.book_set.count() for author in authors]


def chained() -> list[int]:
    some, all_of_them = Author.objects.filter(pk=0), Author.objects.all()
    return [author.book_set.count() for author in itertools.chain(some, all_of_them)]


def narrowed(*, some: bool = False) -> list[list[str]]:
    authors = Author.objects.filter(pk=1) if some else Author.objects.all()
    return [[b.title for b in author.book_set.filter(year=2001)] for author in authors]


@pytest.mark.parametrize("run", [branch, chained, narrowed])
def test_what_breaks_another_branch_is_not_written(run):
    assert "author may come from other rows than tests/queries/test_two" in refused(run)


def kept(*, total: bool = False) -> list[Any]:
    said: list[Any] = []
    for author in Author.objects.all():
        books = author.book_set.filter(year=2001)
        said += [book.title for book in books]
        if total:
            said.append(books.count())
    return said


def test_a_queryset_that_is_kept_becomes_no_list():
    assert refused(kept) == "author.book_set.filter(year=2001) is kept as a queryset"


def counted() -> list[int]:
    authors = Author.objects.all()
    return [author.book_set.count() for author in authors.order_by("pk")[:3]]


def listed() -> list[list[Book]]:
    authors = list(Author.objects.all())
    return [list(author.book_set.filter(year=2001)) for author in authors]


def test_one_line_alone_is_written():
    assert "+    return [author.book_set_count for author in authors" in written(counted)
    assert "+    return [list(author.found_book_set) for author in authors]" in written(listed)


def place(source: str) -> tuple[ast.AST, ast.Call, Any]:
    """(the name in ``x.it``, the call ``made(…)`` and what is around each)."""
    tree = ast.parse(source)
    [subject] = [n.value for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "it"]
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n) == "A.made()"]
    return subject, calls[0], parents(tree)


@pytest.mark.parametrize(
    ("source", "alone"),
    [
        ("for a in A.made(): a.it", True),
        ("for a in A.made().order_by('x')[:3]: a.it", True),
        ("for n, a in enumerate(A.made()): a.it", True),
        ("async def f():\n async for a in A.made(): a.it", True),
        ("def f():\n x = Paginator(A.made(), 3)\n p = x.get_page(1)\n [a.it for a in p]", True),
        ("def f():\n a = A.made().first()\n a.it", True),
        ("def f():\n for a in A.made(): pass\n for a in y: a.z\n [a.it for a in A.made()]", False),
        ("def f():\n for a in y: a.z\n for a in A.made(): a.it", True),
        ("def f():\n if x: y = 1\n return [a.it for a in y or A.made()]", False),
        ("def f():\n x = A.made()\n x = x.filter()\n [a.it for a in x]", False),
        ("def f(x):\n x = A.made()\n [a.it for a in x]", False),
        ("def f():\n x = list(A.made())\n x.append(1)\n [a.it for a in x]", False),
        ("def f():\n x = A.made()\n x += y\n [a.it for a in x]", False),
        ("def f():\n [a.it for a in A.made() | y]", False),
        ("def f():\n [a.it for a in A.made().union(y)]", False),
        ("def f():\n for a in A.made():\n  a = a.b\n  a.it", False),
        ("def f():\n x, y = A.made(), 1\n [a.it for a in x]", False),
        ("def f():\n sorted(A.made(), key=lambda a: a.it)", False),
        ("def f():\n for z in y:\n  a = b\n  b = a\n  a.it\n A.made()", False),
    ],
)  # fmt: skip
def test_which_rows_are_those_of_the_line(source, alone):
    assert is_from(*place(source)) is alone


@pytest.mark.parametrize(
    ("body", "alone"),
    [
        ("return render(r, 't', {'a': A.made()})", True),
        ("if x: return redirect('y')\n return render(r, 't', {'a': A.made()})", True),
        ("a = A.made()\n c = {'a': a}\n return render(r, 't', c)", True),
        ("c = super().f()\n c['a'] = A.made()\n return c", True),
        ("return A.made()", True),
        ("if x: a = A.some()\n else: a = A.made()\n return render(r, 't', {'a': a})", False),
        ("if x: return A.some()\n return A.made()", False),
        ("if x: c['a'] = A.some()\n else: c['a'] = A.made()\n return c", False),
        ("return render(r, 't', {'a': A.made() if x else A.some()})", False),
        ("a = A.made()\n p = Paginator(a)\n if x: p = y\n return render(r, 't', {'p': p})", False),
        ("a = list(A.made())\n a.append(x)\n return render(r, 't', {'a': a})", False),
        ("return render(r, 't', {'a': chain(A.made(), A.some())})", False),
    ],
)  # fmt: skip
def test_which_rows_a_template_is_handed(body, alone):
    lines = "\n".join(f" {line.removeprefix(' ')}" for line in body.split("\n"))
    _, made, known = place(f"x.it\ndef f(r):\n{lines}")
    assert is_shown_alone(made, known) is alone


# Locks, and managers that leave out rows.


def locked_get() -> list[str]:
    books = Book.objects.all()
    return [Author.objects.select_for_update().get(pk=book.author_id).name for book in books]


def deferred_get() -> list[str]:
    books = Book.objects.all()
    return [Author.objects.defer("biography").get(pk=book.author_id).name for book in books]


def null_get() -> list[str]:
    books = Book.objects.exclude(editor=None)
    return [Author.objects.get(pk=book.editor_id).name for book in books]


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (locked_get, "says more than which row it gets"),
        (deferred_get, "says more than which row it gets"),
        (null_get, "editor may be None, where"),
    ],
)
def test_what_stands_between_manager_and_get_is_not_lost(run, why):
    for book, editor in zip(Book.objects.all(), Author.objects.order_by("-pk"), strict=True):
        Book.objects.filter(pk=book.pk).update(editor=editor)
    with transaction.atomic():
        assert why in refused(run)


def plain_get() -> list[str]:
    return [Author.objects.get(pk=book.author_id).name for book in Book.objects.all()]


def shortcut() -> list[str]:
    return [get_object_or_404(Author, pk=book.author_id).name for book in Book.objects.all()]


def test_a_plain_get_is_written():
    assert "+    return [book.author.name for book in Book.objects.select_related" in written(
        plain_get
    )
    assert "+    return [book.author.name for book in Book.objects.select_related" in written(
        shortcut
    )


def test_the_lock_of_a_row_is_not_that_of_what_it_names():
    with transaction.atomic(), count_queries() as queries:
        assert [book.author.name for book in Book.objects.select_for_update()]
        assert [book.author.name for book in Book.objects.select_for_update(of=("self",))]
    remedies = {finding.remedy for finding in queries.findings if finding.kind == "n+1"}
    assert remedies == {'.prefetch_related("author")', '.select_related("author")'}


def test_no_join_leads_to_another_database():
    group: Any = SimpleNamespace(alias="other", read=SimpleNamespace(alias="default"))
    assert cannot_join(None, group)
    group.read.alias = "other"
    assert not cannot_join(None, group)


def other_manager() -> list[list[Book]]:
    return [list(Book.novelties.filter(author=author)) for author in Author.objects.all()]


def default_manager() -> list[list[Book]]:
    return [list(Book.objects.filter(author=author)) for author in Author.objects.all()]


def test_rows_of_another_manager_are_not_those_of_the_relation(monkeypatch):
    monkeypatch.setattr(type(Book.novelties), "get_queryset", Manager.get_queryset)
    assert "does not say whose rows it asks for" in refused(other_manager)
    assert "[list(author.book_set.all()) for" in written(default_manager)


def saved() -> None:
    for row in Book.objects.all():
        row.price = 3
        row.save()


def test_a_manager_that_hides_rows_neither_counts_nor_writes_them(monkeypatch):
    assert "bulk_update" in written(saved)
    manager: Any = type(Book.objects)
    every = manager.get_queryset
    monkeypatch.setattr(manager, "get_queryset", lambda self: every(self).filter(year__gte=2000))
    assert refused(counted) == "book_set leaves out rows that Count() would count"
    assert refused(saved) == "Book.objects leaves out rows, or there is none"
