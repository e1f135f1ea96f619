"""What a case is, what is expected of it, and where its marks are.

A place is named by a mark at the end of its line, so labels outlive edits::

    for book in Book.objects.all():  # origin: b
        out.append(book.author.name)  # loop: a

in templates ``{# loop: a #}``. A mark is looked for in the case's own lines, then in the rest of
its file, then in models, template tags and templates; where it is found first it must be alone.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from django.test import Client
from django.urls import path as url

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
TEMPLATES = HERE / "templates"
MARK = re.compile(r"\b(loop|origin): ([\w ]+?)(?=,|\s*$|\s*#\}| #)")
ONE_PLACE = {
    "select_related",
    "prefetch_related",
    "undefer",
    "drop_select_related",
    "drop_prefetch_related",
}

CASES: dict[str, Case] = {}
PAGES: list[Any] = []


@dataclass(frozen=True)
class Expected:
    """One finding that a careful person would want told.

    ``relation`` may be a tuple where more than one name is right; ``loop`` None is not compared
    (nothing reads an unused eager load). ``proof`` False: the one-place remedy changes what the
    page says or what it costs, so a "yes" would be wrong.
    """

    kind: str
    relation: str | tuple[str | None, ...] | None
    loop: str | None
    origin: str | None
    path: str | None
    fixable: bool
    remedy: str | None
    proof: bool

    @property
    def relations(self) -> tuple[str | None, ...]:
        return self.relation if isinstance(self.relation, tuple) else (self.relation,)


def reads(
    relation: str | tuple[str | None, ...] | None,
    path: str | None = None,
    remedy: str | None = None,
    *,
    loop: str | None = "a",
    origin: str | None = "b",
    fixable: bool | None = None,
    proof: bool = True,
    kind: str = "n+1",
) -> Expected:
    """An n+1 on a relation; fixable where a remedy of one place and its origin are named."""
    if fixable is None:
        fixable = remedy in ONE_PLACE and origin is not None
    names = relation if isinstance(relation, tuple) else (relation,)
    full = tuple(named(name) for name in names)
    told = full if len(full) > 1 else full[0]
    return Expected(kind, told, loop, origin, path, fixable, remedy, proof)


def named(relation: str | None) -> str | None:
    """``app.Model.field``; the app is the book shop where none is named."""
    return relation if relation is None or relation.count(".") == 2 else f"corpus.{relation}"


def repeats(remedy: str | None = None, *, loop: str | None = "a") -> Expected:
    """An n+1 of a statement that reads no relation: get, save, create, count, raw SQL."""
    return reads(None, None, remedy, loop=loop, origin=None, fixable=False)


def duplicate(
    relation: str | tuple[str | None, ...] | None = None, *, loop: str | None = "a"
) -> Expected:
    return reads(relation, None, None, loop=loop, origin=None, fixable=False, kind="duplicate")


def unused(relation: str, path: str, remedy: str, *, origin: str | None = "b") -> Expected:
    return reads(relation, path, remedy, loop=None, origin=origin, kind="unused eager load")


@dataclass(frozen=True)
class Case:
    name: str
    run: Callable[[], Any]
    expect: list[Expected]
    queries: int
    file: Path
    lines: range = field(repr=False)

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.run)

    def place(self, kind: str, mark: str | None) -> str | None:
        """``tests/…/forward.py:31`` or ``corpus/feed.html:12`` of a mark, None of None."""
        return mark and find(kind, mark, self)


def case(*expect: Expected, queries: int) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Register a case: what is to be found, and how many statements it sends."""

    def register(run: Callable[[], Any]) -> Callable[[], Any]:
        source, first = inspect.getsourcelines(run)
        file = Path(inspect.getsourcefile(run))
        name = f"{file.stem.strip('_')}.{run.__name__}"
        assert name not in CASES, name
        lines = range(first, first + len(source))
        CASES[name] = Case(name, run, list(expect), queries, file, lines)
        return run

    return register


def page(route: str, **kwargs: Any) -> Callable[[Any], Any]:
    """Give a view (or view class) a URL, for ``fetch``."""

    def register(view: Any) -> Any:
        PAGES.append(url(route, view.as_view() if isinstance(view, type) else view, kwargs))
        return view

    return register


def fetch(address: str) -> str:
    response = Client().get(address)
    assert response.status_code == 200, f"{address} answered {response.status_code}"
    return response.getvalue().decode()


@cache
def marks(file: Path) -> dict[tuple[str, str], list[int]]:
    """Line numbers of each (loop or origin, mark) in a file."""
    found: dict[tuple[str, str], list[int]] = {}
    for number, line in enumerate(file.read_text().splitlines(), 1):
        comment = re.search(r"(# |\{# ).*$", line)
        for kind, name in MARK.findall(comment[0]) if comment else ():
            found.setdefault((kind, name.strip()), []).append(number)
    return found


def find(kind: str, mark: str, case: Case) -> str:
    lines = marks(case.file).get((kind, mark), [])
    own = [line for line in lines if line in case.lines]
    places = [label(case.file, line) for line in own or lines] or [
        label(file, line) for file in elsewhere() for line in marks(file).get((kind, mark), ())
    ]
    assert len(places) == 1, f"{case.name}: {kind} {mark!r} is at {places or 'no line'}"
    return places[0]


@cache
def elsewhere() -> list[Path]:
    return [
        HERE / "models.py",
        *sorted((HERE / "templatetags").glob("*.py")),
        *sorted((HERE / "club").rglob("*.py")),
        *sorted(TEMPLATES.rglob("*.html")),
    ]


def label(file: Path, line: int) -> str:
    base = TEMPLATES if file.is_relative_to(TEMPLATES) else ROOT
    return f"{file.relative_to(base)}:{line}"
