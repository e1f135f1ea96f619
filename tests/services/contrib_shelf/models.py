"""Each field of django.contrib.postgres, and what arrays may be of."""

from __future__ import annotations

from django.contrib.postgres import fields as pg
from django.db import models


class Contrib(models.Model):
    numbers = pg.ArrayField(models.IntegerField(), null=True)
    words = pg.ArrayField(pg.ArrayField(models.CharField(max_length=20)), null=True)
    moments = pg.ArrayField(models.DateTimeField(), null=True)
    days = pg.ArrayField(models.DateField(), null=True)
    prices = pg.ArrayField(models.DecimalField(max_digits=9, decimal_places=2), null=True)
    keys = pg.ArrayField(models.UUIDField(), null=True)
    raws = pg.ArrayField(models.BinaryField(), null=True)
    documents = pg.ArrayField(models.JSONField(), null=True)
    flags = pg.ArrayField(models.BooleanField(), size=3, null=True)
    store = pg.HStoreField(null=True)
    whole = pg.IntegerRangeField(null=True)
    big = pg.BigIntegerRangeField(null=True)
    exact = pg.DecimalRangeField(null=True)
    when = pg.DateTimeRangeField(null=True)
    day = pg.DateRangeField(null=True)

    def __str__(self) -> str:
        return str(self.pk)
