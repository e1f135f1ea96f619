"""An inbox: a row with each kind of column that deferred writes must get right."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now


class Folder(models.Model):
    name = models.CharField(max_length=20, unique=True)

    def __str__(self) -> str:
        return self.name


class Unread(models.Manager["Message"]):
    """A default manager that hides rows, as sites have them."""

    def get_queryset(self) -> models.QuerySet[Message]:
        return super().get_queryset().filter(hidden=False)


class Message(models.Model):
    text = models.CharField(max_length=50)
    received = models.BooleanField(default=False)
    hidden = models.BooleanField(default=False)
    views = models.IntegerField(default=0)
    likes = models.PositiveSmallIntegerField(null=True)
    price = models.DecimalField(max_digits=6, decimal_places=2, default=0)
    weight = models.FloatField(default=0)
    seen = models.DateTimeField(null=True)
    day = models.DateField(null=True)
    took = models.DurationField(null=True)
    note = models.TextField(null=True)  # noqa: DJ001
    data = models.JSONField(default=dict)
    raw = models.BinaryField(default=b"")
    folder = models.ForeignKey(Folder, models.CASCADE, null=True)

    objects = Unread()
    everything: models.Manager[Message] = models.Manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(views__lt=1000), name="views_below_1000")
        ]

    def __str__(self) -> str:
        return self.text


class Ticket(models.Model):
    """With a key that is no number, a default of the database's, and a moment of its own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.CharField(max_length=20)
    at = models.DateTimeField(auto_now_add=True)
    made = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.title


class Parent(models.Model):
    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name


class Child(Parent):
    toy = models.CharField(max_length=20)
