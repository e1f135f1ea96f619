"""Pages that are counted, by every kind of number there is."""

import uuid

from django.db import models


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
