"""Pages that are counted, by every kind of number there is."""

import uuid

from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Cast


class Page(models.Model):
    title = models.CharField(max_length=100, default="")
    views = models.PositiveIntegerField(default=0)
    likes = models.IntegerField(default=0)
    score = models.FloatField(default=0)
    money = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    seen = models.IntegerField(null=True)

    def __str__(self) -> str:
        return self.title


class Article(Page):
    words = models.IntegerField(default=0)


class Shared(Page):
    class Meta:
        proxy = True


class File(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    loads = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.id)


class Hits(models.Model):
    page = models.OneToOneField(Page, models.CASCADE, primary_key=True)
    count = models.IntegerField(default=0)

    def __str__(self) -> str:
        return str(self.count)


class Pin(models.Model):
    """Half of it has no schema; two keys of that half are columns, of a type."""

    title = models.CharField(max_length=100)
    attributes = models.JSONField(default=dict)
    place = models.GeneratedField(
        expression=KT("attributes__place"),
        output_field=models.TextField(null=True),
        db_persist=True,
    )
    mm = models.GeneratedField(
        expression=Cast(KT("attributes__lens__mm"), models.IntegerField()),
        output_field=models.IntegerField(null=True),
        db_persist=True,
    )

    class Meta:
        indexes = [
            models.Index(fields=["place"], name="pages_pin_place"),
            models.Index(fields=["mm"], name="pages_pin_mm"),
        ]

    def __str__(self) -> str:
        return self.title
