"""Models that do more than Django's as rows go in or come out, as well-known packages have them."""

from __future__ import annotations

from typing import Any

from django.db import models


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

    class Meta:
        app_label = "shelf"

    def __str__(self) -> str:
        return self.name
