"""Where a compiled query could be taken for another: what shapes it, whom it asks, who listens."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.db.models.query import ModelIterable
from django.db.models.signals import post_init
from django.test import override_settings

from unhurried.db import DbError, compiled, instances, update_now
from unhurried.testing import override

from .shelf.models import Cafe, Every, Place, Shelf, Stock

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_production() -> Iterator[None]:
    """Where nothing is compared with what Django makes."""
    with override(STRICT=False):
        yield


def shelves() -> None:
    for n in range(3):
        Shelf.objects.create(name=f"s{n}", books=10 - n)


def by_set(order: str) -> Any:
    return Shelf.objects.order_by("books" if order in {"books", "number"} else "name")


def by_dict(order: str) -> Any:
    return Shelf.objects.order_by({"books": "books"}.get(order, "name"))


@pytest.mark.parametrize("build", [by_set, by_dict])
def test_an_argument_that_is_looked_up_shapes_the_query(build: Callable[..., Any]) -> None:
    shelves()
    handle = compiled(build)
    assert [shelf.name for shelf in handle("name")] == ["s0", "s1", "s2"]
    assert [shelf.name for shelf in handle("books")] == ["s2", "s1", "s0"]


@pytest.mark.parametrize("lookup", ["gt", "gte", "lt", "lte", "exact"])
def test_floats_beside_integers_are_rounded_as_django_does(lookup: str) -> None:
    for n in range(5):
        Every.objects.create(number=n)
    handle = compiled(lambda n: Every.objects.filter(**{f"number__{lookup}": n}).order_by("pk"))
    for value in (2.0, 2.5, 2, 3.0):
        wanted = Every.objects.filter(**{f"number__{lookup}": value}).order_by("pk")
        assert list(handle(value)) == list(wanted)


class Children(ModelIterable):
    """As packages for inheritance have it."""

    def __iter__(self) -> Iterator[Any]:
        for each in super().__iter__():
            yield Cafe.objects.filter(pk=each.pk).first() or each


def test_who_makes_rows_in_a_way_of_their_own_is_refused() -> None:
    Cafe.objects.create(name="c", tables=3)

    def places(name: str) -> Any:
        found = Place.objects.filter(name=name)
        found._iterable_class = Children
        return found

    assert [type(place) for place in places("c")] == [Cafe]
    with pytest.raises(DbError, match="Children"):
        instances(places("c")).get()
    with pytest.raises(DbError):
        compiled(places)("c")


def test_one_moment_in_two_zones() -> None:
    Every.objects.create(number=1, day="2025-12-31")
    Every.objects.create(number=2, day="2026-01-01")
    handle = compiled(lambda moment: Every.objects.filter(day=moment.date()))
    moment = datetime.datetime(2025, 12, 31, 23, 30, tzinfo=datetime.UTC)
    assert [each.number for each in handle(moment)] == [1]
    assert [each.number for each in handle(moment.astimezone(ZoneInfo("Europe/Berlin")))] == [2]


def test_an_instance_whose_attributes_shape_the_query() -> None:
    for n in range(4):
        Shelf.objects.create(name=f"s{n}", books=n)
    handle = compiled(
        lambda keys, shelf: (
            Shelf.objects.filter(pk__gt=len(keys) - 5).filter(books__lt=shelf.books).order_by("pk")
        )
    )
    one = Shelf.objects.get(name="s1")
    assert [shelf.name for shelf in handle(("a",), one)] == ["s0"]
    one.books = 3
    assert [shelf.name for shelf in handle(("a",), one)] == ["s0", "s1", "s2"]


@pytest.mark.parametrize("values", [(1, None, 2), (None, 1, None)])
def test_an_update_to_null_and_to_numbers(values: tuple[int | None, ...]) -> None:
    one = Every.objects.create(number=0)
    handle = compiled(lambda n: Every.objects.filter(pk=one.pk).update(number=n))
    for value in values:
        assert handle(value) == 1
        one.refresh_from_db()
        assert one.number == value


def test_an_update_to_flags() -> None:
    one = Every.objects.create(number=0)
    handle = compiled(lambda flag: Every.objects.filter(pk=one.pk).update(flag=flag))
    for value in (True, False, None, True):
        assert handle(value) == 1
        one.refresh_from_db()
        assert one.flag is value


# Whom it asks

MORE = {
    "added": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    "day": datetime.date(2026, 1, 1),
    "hour": datetime.time(1),
    "took": datetime.timedelta(1),
}


class Router:
    """Writes go to ``primary``; reads to the other one."""

    primary = "default"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return self.primary

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "default"


def connected(connection: Any) -> None:
    if connection.connection is None:
        connection.connect()


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> Iterator[Router]:
    given = {**connections["default"].settings_dict, "NAME": ":memory:"}
    other: Any = DatabaseWrapper({**given, "ENGINE": "django.db.backends.sqlite3"}, alias="other")
    monkeypatch.setitem(connections.settings, "other", other.settings_dict)
    connections["other"] = other
    # Tests may ask the default database alone, says Django's own.
    monkeypatch.setattr(DatabaseWrapper, "ensure_connection", connected)
    with other.schema_editor() as editor:
        editor.create_model(Shelf)
    for alias in ("default", "other"):
        Shelf.objects.using(alias).create(pk=1, name="a")
    asked = Router()
    with override_settings(DATABASE_ROUTERS=[asked]):
        yield asked
    other.connection.close()
    del connections["other"]


def rooms() -> list[str]:
    return [Shelf.objects.using(alias).get(pk=1).room for alias in ("default", "other")]


def test_what_using_said_stays(router: Router) -> None:
    move = compiled(lambda room: Shelf.objects.using("default").filter(pk=1).update(room=room))
    move("one")
    router.primary = "other"
    move("two")
    assert rooms() == ["two", "hall"]


def test_the_router_is_asked_at_each_call(router: Router) -> None:
    move = compiled(lambda room: Shelf.objects.filter(pk=1).update(room=room))
    move("one")
    router.primary = "other"
    move("two")
    assert rooms() == ["one", "two"]


def test_rows_of_an_instance_are_written_where_that_lies(router: Router) -> None:
    with connections["other"].schema_editor() as editor:
        editor.create_model(Stock)
    with override_settings(DATABASE_ROUTERS=[]):
        for alias in ("default", "other"):
            shop = Shelf.objects.using(alias).get(pk=1)
            Stock.objects.using(alias).create(pk=1, title="old", shop=shop, **MORE)
        handle = compiled(lambda title: shop.stock.update(title=title))
        handle("new")
        titles = [Stock.objects.using(alias).get().title for alias in ("default", "other")]
    assert titles == ["old", "new"]


def test_one_that_was_read_from_a_replica_is_written_where_writes_go(router: Router) -> None:
    router.primary = "other"
    update_now(Shelf.objects.get(pk=1), room="now")
    assert rooms() == ["hall", "now"]


# What has changed since the first call


def test_a_listener_that_comes_later_is_told_of_or_refused() -> None:
    Shelf.objects.create(name="s")
    handle = compiled(lambda name: Shelf.objects.filter(name=name))
    assert handle("s").get()

    def hear(**_: Any) -> None: ...

    post_init.connect(hear, sender=Shelf)
    try:
        with pytest.raises(DbError, match="post_init"):
            handle("s").get()
    finally:
        post_init.disconnect(hear, sender=Shelf)
    assert handle("s").get()


def test_zones_that_are_switched_off_later() -> None:
    Every.objects.create(number=1, moment=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
    handle = compiled(lambda n: Every.objects.filter(number=n))
    assert handle(1).get().moment == Every.objects.get().moment
    with override_settings(USE_TZ=False):
        assert handle(1).get().moment == Every.objects.get().moment
