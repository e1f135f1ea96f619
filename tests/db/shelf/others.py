"""Models that do more than Django's as rows go in or come out, as well-known packages have them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import models
from django.db.models.query import ValuesIterable


class Price:
    """As django-money's: an amount that brings its currency sets it too."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else vars(instance)["amount"]

    def __set__(self, instance: Any, value: Any) -> None:
        if isinstance(value, str) and " " in value:
            value, instance.currency = value.split()
        vars(instance)["amount"] = int(value)


class Amount(models.IntegerField):
    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, name, Price())


class Product(models.Model):
    currency = models.CharField(max_length=3, default="EUR")
    amount = Amount(default="1 GBP")
    note = models.IntegerField(null=True)
    rank = models.IntegerField(db_default=7)

    class Meta:
        app_label = "shelf"

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class News(models.Model):
    """As django-modeltranslation's: a field stands for one of several."""

    title = models.CharField(max_length=9)
    title_en = models.CharField(max_length=9, null=True)  # noqa: DJ001

    class Meta:
        app_label = "shelf"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "title" in kwargs:
            kwargs.setdefault("title_en", kwargs["title"])
        super().__init__(*args, **kwargs)

    def __str__(self) -> str:
        return self.title


class Past(models.QuerySet[Any]):
    """As django-simple-history's ``as_of()``: what is given is made of what was read."""

    def _fetch_all(self) -> None:
        read = self._result_cache is None
        super()._fetch_all()
        if read and self._result_cache and isinstance(self._result_cache[0], self.model):
            self._result_cache = [each.as_it_was() for each in self._result_cache]


class Fallback(ValuesIterable):
    """As django-modeltranslation's: columns that nobody has asked for make what is given."""

    def __iter__(self) -> Iterator[Any]:
        for row in super().__iter__():
            yield {name: row[name] or row["name"] for name in self.queryset.asked}


class FallbackList(Fallback):
    def __iter__(self) -> Iterator[Any]:
        for row in super().__iter__():
            yield tuple(row.values())


class Fallbacks(models.QuerySet[Any]):
    asked: tuple[str, ...] = ()

    def values(self, *fields: Any, **expressions: Any) -> Any:
        return self._asked(fields or ("kind",), Fallback)

    def values_list(self, *fields: Any, **how: Any) -> Any:  # type: ignore[override]
        return self._asked(fields or ("kind",), FallbackList)

    def _asked(self, fields: Any, kind: Any) -> Any:
        found = super().values("name", *(field for field in fields if field != "name"))
        found._iterable_class, found.asked = kind, fields
        return found

    def _clone(self) -> Any:
        found = super()._clone()  # type: ignore[misc]
        found.asked = self.asked
        return found


class Kinds(models.QuerySet[Any]):
    """As django-polymorphic's: which class a row is of is told as it is stored."""

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> Any:
        for each in objs:
            each.kind = "told"
        return super().bulk_create(objs, *args, **kwargs)


class Thing(models.Model):
    kind = models.CharField(max_length=9, null=True)  # noqa: DJ001
    name = models.CharField(max_length=9)

    things = Kinds.as_manager()
    past = Past.as_manager()
    fallbacks = Fallbacks.as_manager()

    class Meta:
        app_label = "shelf"

    def __str__(self) -> str:
        return self.name

    def as_it_was(self) -> tuple[str, str]:
        return "as it was", self.name
