"""Models that do more than Django's as rows go in or come out, as well-known packages have them."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import OperationalError, models
from django.db.models import QuerySet
from django.db.models.manager import BaseManager
from django.db.models.signals import post_init

from unhurried.db import (
    CopyError,
    DbError,
    bulk_copy,
    compiled,
    instances,
    json_bytes,
    rows,
    update_now,
)

from .shelf.models import Shelf, Tree
from .shelf.others import News, Past, Product, Thing

pytestmark = pytest.mark.django_db


def stored(model: Any, *names: str) -> list[Any]:
    return list(model._base_manager.order_by("pk").values_list(*names))


def told(rows: Any) -> Any:
    """Each kind of rows that says (amount,)."""
    return [
        ([(value,) for value in rows], ["amount"]),
        ([{"amount": value} for value in rows], None),
        (io.StringIO("\n".join(["amount", *map(str, rows)])), None),
    ]


def test_a_descriptor_that_writes_a_second_field_is_heard() -> None:
    given = ["5 USD", "6", "7 CHF"]
    wanted = [(5, "USD", None, 7), (6, "EUR", None, 7), (7, "CHF", None, 7)]
    names = ("amount", "currency", "note", "rank")
    Product.objects.bulk_create([Product(amount=value) for value in given])
    assert stored(Product, *names) == wanted
    for kind, fields in told(given):
        Product.objects.all().delete()
        assert bulk_copy(Product, kind, fields=fields).count == 3
        assert stored(Product, *names) == wanted


def test_a_default_of_such_a_field_is_too() -> None:
    bulk_copy(Product, [(4,)], fields=["note"])
    Product.objects.bulk_create([Product(note=4)])
    assert stored(Product, "amount", "currency", "note") == [(1, "GBP", 4)] * 2


def test_who_can_not_be_made_is_named() -> None:
    rows = [("5 USD", 1), ("many", 2), ("6", "many")]
    done = bulk_copy(Product, rows, fields=["amount", "note"], on_error="collect", returning="pks")
    assert done.pks == [Product.objects.get().pk]
    assert [(error.row_number, error.field) for error in done.errors] == [(1, None), (2, "note")]
    with pytest.raises(CopyError, match=r"Row 0 can't be stored: invalid literal for int"):
        bulk_copy(Product, [("many",)], fields=["amount"])


def test_a_database_that_is_lost_as_one_is_made_is_no_rows_fault() -> None:
    def listen(**kwargs: Any) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    post_init.connect(listen, sender=Product)
    try:
        with pytest.raises(OperationalError):
            bulk_copy(Product, [("5",)], fields=["amount"], on_error="collect")
    finally:
        post_init.disconnect(listen, sender=Product)


def test_a_model_that_sees_its_instances_made_sees_them() -> None:
    bulk_copy(News, [("one",)], fields=["title"])
    bulk_copy(News, [{"title": "two", "title_en": "other"}])
    bulk_copy(News, [News(title="three")])
    assert stored(News, "title", "title_en") == [
        *(("one", "one"), ("two", "other"), ("three", "three"))
    ]


def test_a_key_is_given_as_an_instance_there_too() -> None:
    def listen(**kwargs: Any) -> None: ...

    root = Tree.objects.create(name="root")
    post_init.connect(listen, sender=Tree)
    try:
        bulk_copy(Tree, [("a", root), ("b", root.pk), ("c", None)], fields=["name", "parent"])
        bulk_copy(Tree, [{"pk": 77, "name": "d", "parent_id": root.pk}])
        with pytest.raises(CopyError, match='must be a "Tree" instance'):
            bulk_copy(Tree, [("a", Shelf())], fields=["name", "parent"])
    finally:
        post_init.disconnect(listen, sender=Tree)
    wanted = {"root": None, "a": "root", "b": "root", "c": None, "d": "root"}
    assert dict(Tree.objects.values_list("name", "parent__name")) == wanted
    assert Tree.objects.get(name="d").pk == 77


def test_a_bulk_create_of_ones_own_is_not_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DbError, match=r"Kinds has a bulk_create.*Thing\.things\.bulk_create"):
        bulk_copy(Thing, [Thing(name="a")])

    class Careful(models.Manager[Any]):
        def bulk_create(self, *args: Any, **kwargs: Any) -> Any:
            raise NotImplementedError

    monkeypatch.setattr(Shelf._default_manager, "__class__", Careful)
    with pytest.raises(DbError, match="Careful has a bulk_create"):
        bulk_copy(Shelf, [("a",)], fields=["name"])


def test_a_manager_made_from_a_queryset_has_djangos(monkeypatch: pytest.MonkeyPatch) -> None:
    made = BaseManager.from_queryset(QuerySet)
    monkeypatch.setattr(Shelf._default_manager, "__class__", made)
    assert made.bulk_create is not models.Manager.bulk_create
    assert bulk_copy(Shelf, [("a",)], fields=["name"]).count == 1


def test_update_now_refuses_such_a_field() -> None:
    product = Product.objects.create(amount="5 USD")
    with pytest.raises(DbError, match="amount is set by a descriptor of its own"):
        update_now(product, amount="6 EUR")
    update_now(product, note=3)
    assert stored(Product, "amount", "currency", "note") == [(5, "USD", 3)]


@dataclass
class Told:
    name: str
    kind: str


@pytest.fixture
def things() -> None:
    Thing._base_manager.create(name="a", kind="x")
    Thing._base_manager.create(name="b")


def test_a_class_that_makes_something_else_of_what_it_reads_is_refused(things: Any) -> None:
    assert list(Thing.past.all()) == [("as it was", "a"), ("as it was", "b")]
    with pytest.raises(DbError, match=r"instances\(\) can't do what Past(\w*)\._fetch_all"):
        list(instances(Thing.past.all()))
    with pytest.raises(DbError, match=r"compiled: nobody would do what Past(\w*)\._fetch_all"):
        compiled(lambda name: Thing.past.filter(name=name))("a")


def test_its_values_go_through_it(things: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch = Past._fetch_all

    def fetched(self: Any) -> None:
        read = self._result_cache is None
        fetch(self)
        if read and isinstance(self._result_cache[0], tuple):
            self._result_cache = [(f"{name} then", kind) for name, kind in self._result_cache]

    monkeypatch.setattr(Past, "_fetch_all", fetched)
    values = Thing.past.order_by("pk")
    assert list(rows(values, Told)) == [Told("a then", "x"), Told("b then", None)]
    assert list(rows(values, Told).iterator()) == [Told("a", "x"), Told("b", None)]
    assert list(values.values_list("name", "kind").iterator()) == [("a", "x"), ("b", None)]
    assert json.loads(json_bytes(values, ["name", "kind"])) == [
        {"name": "a then", "kind": "x"},
        {"name": "b then", "kind": None},
    ]


def test_values_of_somebodys_own_are_told_as_they_are(things: Any) -> None:
    own = Thing.fallbacks.order_by("pk")
    for queryset in (own, own.values(), own.values("kind", "name"), own.none()):
        assert json.loads(json_bytes(queryset)) == list(
            queryset if queryset.asked else queryset.values()
        )
    assert json.loads(json_bytes(own, ["kind"])) == [{"kind": "x"}, {"kind": "b"}]
    assert json.loads(json_bytes(own, {"n": "name", "k": "kind"})) == [
        *({"n": "a", "k": "x"}, {"n": "b", "k": "b"})
    ]


def test_whose_keys_nobody_knows_is_refused(things: Any) -> None:
    own = Thing.fallbacks.all()
    with pytest.raises(DbError, match=r"what FallbackList gives. Name the fields"):
        json_bytes(own.values_list("kind"))
    with pytest.raises(DbError, match=r"what Fallback gives. Name the fields"):
        json_bytes(own, nested={"news": ["title"]})
    with pytest.raises(DbError, match=r"rows\(\) can't do what FallbackList does"):
        rows(own, Told)
