"""Remedies that change the loop, too: written only where no other rows may come to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.queries.corpus.models import Author, Book, Country, Publisher
from unhurried.queries import count_queries
from unhurried.queries._edit import _diff


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
