"""A row as sites have it: eight columns of eight kinds, and a key."""

from __future__ import annotations

from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Row(models.Model):
    n = models.IntegerField()
    text = models.TextField()
    short = models.CharField(max_length=20, default="")
    moment = models.DateTimeField()
    price = models.DecimalField(max_digits=8, decimal_places=2)
    data = models.JSONField()
    flag = models.BooleanField(default=False)
    author = models.ForeignKey(Author, models.CASCADE)

    def __str__(self) -> str:
        return self.short


class Unique(models.Model):
    key = models.IntegerField(unique=True)
    value = models.TextField()

    def __str__(self) -> str:
        return str(self.key)
