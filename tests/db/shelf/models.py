"""A model with each stock field of Django, and models with what makes a copy hard."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import models
from django.db.models.functions import Now, Upper

from unhurried.db import SQLManager

from .others import News, Product, Thing  # noqa: F401 - so that they have tables


class Shelf(models.Model):
    name = models.CharField(max_length=20, unique=True)
    room = models.CharField(max_length=20, default="hall")
    books = models.IntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class Shout(models.CharField):
    """A field of the site's own: what is stored is not what was given."""

    def get_prep_value(self, value: Any) -> Any:
        found = super().get_prep_value(value)
        return found and found.upper()


class Slugged(models.CharField):
    """One that wants to see its instance."""

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = f"{model_instance.number}-slug"  # type: ignore[attr-defined]
        setattr(model_instance, self.attname, value)
        return value


class Every(models.Model):
    number = models.IntegerField(null=True)
    big = models.BigIntegerField(null=True)
    small = models.SmallIntegerField(null=True)
    positive = models.PositiveIntegerField(null=True)
    positive_big = models.PositiveBigIntegerField(null=True)
    positive_small = models.PositiveSmallIntegerField(null=True)
    char = models.CharField(max_length=200, null=True)  # noqa: DJ001
    text = models.TextField(null=True)  # noqa: DJ001
    slug = models.SlugField(null=True)  # noqa: DJ001
    email = models.EmailField(null=True)  # noqa: DJ001
    url = models.URLField(null=True)  # noqa: DJ001
    file = models.FileField(null=True)
    flag = models.BooleanField(null=True)
    ratio = models.FloatField(null=True)
    price = models.DecimalField(max_digits=12, decimal_places=3, null=True)
    moment = models.DateTimeField(null=True)
    day = models.DateField(null=True)
    hour = models.TimeField(null=True)
    took = models.DurationField(null=True)
    key = models.UUIDField(null=True)
    raw = models.BinaryField(null=True)
    data = models.JSONField(null=True)
    address = models.GenericIPAddressField(null=True)
    shout = Shout(max_length=200, null=True)
    shelf = models.ForeignKey(Shelf, models.CASCADE, null=True)
    other = models.OneToOneField(Shelf, models.CASCADE, null=True, related_name="+")
    odd = models.IntegerField(null=True, db_column="odd name; --")

    def __str__(self) -> str:
        return str(self.pk)


class Filled(models.Model):
    """What the database or the field fills."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=20)
    note = models.CharField(max_length=20)
    rank = models.IntegerField(db_default=7)
    made = models.DateTimeField(db_default=Now())
    added = models.DateTimeField(auto_now_add=True)
    changed = models.DateTimeField(auto_now=True)
    day = models.DateField(auto_now=True)
    loud = models.GeneratedField(
        expression=Upper("name"), output_field=models.CharField(max_length=20), db_persist=True
    )

    def __str__(self) -> str:
        return self.name


class Slugs(models.Model):
    number = models.IntegerField()
    slug = Slugged(max_length=20, editable=False)

    def __str__(self) -> str:
        return self.slug


class Tree(models.Model):
    name = models.CharField(max_length=20)
    parent = models.ForeignKey("self", models.CASCADE, null=True)

    def __str__(self) -> str:
        return self.name


class Place(models.Model):
    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name


class Rated(models.Model):
    stars = models.IntegerField(default=3)
    rated_id = models.AutoField(primary_key=True)

    def __str__(self) -> str:
        return str(self.stars)


class Restaurant(Place, Rated):
    """Rows in three tables."""

    pizza = models.BooleanField(default=False)


class Cafe(Place):
    tables = models.PositiveIntegerField(default=1)


class Loud(models.Model):
    """One that wants to see its instances being made."""

    name = models.CharField(max_length=20)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.was = self.name

    def __str__(self) -> str:
        return self.name


class Watched(models.Model):
    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name


class FromDb(models.Model):
    shelf = models.ForeignKey(Shelf, models.CASCADE)

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def from_db(cls, db: Any, field_names: Any, values: Any, **kwargs: Any) -> Any:
        return super().from_db(db, field_names, values, **kwargs)


class StockManager(SQLManager):
    """Its row classes and its model stand below it."""

    sql = "sql/stock.sql"


class Stock(models.Model):
    """A shop's books, with a column of each type that databases have another word for."""

    shop = models.ForeignKey(Shelf, models.CASCADE, related_name="stock")
    title = models.CharField(max_length=40)
    copies = models.IntegerField(default=1)
    price = models.DecimalField(max_digits=8, decimal_places=2, default=Decimal("9.90"))
    added = models.DateTimeField()
    day = models.DateField()
    hour = models.TimeField()
    took = models.DurationField()
    key = models.UUIDField(default=uuid.uuid4)
    data = models.JSONField(default=dict)
    is_new = models.BooleanField(default=True)
    sold = models.DateField(null=True)

    objects = StockManager()

    def __str__(self) -> str:
        return self.title


@dataclass
class Line:
    title: str
    copies: int


class Whole(NamedTuple):
    """All types, in another order than the columns'."""

    hour: datetime.time
    day: datetime.date
    added: datetime.datetime
    took: datetime.timedelta
    key: uuid.UUID
    data: dict[str, Any]
    price: Decimal
    is_new: bool
    sold: datetime.date | None


class Checked(models.Model):
    low = models.IntegerField(db_column="lowest")
    high = models.IntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(low__lt=100), name="low_is_low"),
            models.CheckConstraint(condition=models.Q(low__lte=models.F("high")), name="in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.low} to {self.high}"


class Day(models.Model):
    day = models.DateField(primary_key=True)

    def __str__(self) -> str:
        return str(self.day)


class Moment(models.Model):
    at = models.DateTimeField(primary_key=True)

    def __str__(self) -> str:
        return str(self.at)


class Fee(models.Model):
    amount = models.DecimalField(max_digits=6, decimal_places=2, primary_key=True)

    def __str__(self) -> str:
        return str(self.amount)


class Shift(models.Model):
    """Keys that SQLite gives as another type than it was given."""

    day = models.ForeignKey(Day, models.CASCADE, null=True)
    moment = models.ForeignKey(Moment, models.CASCADE, null=True)
    fee = models.ForeignKey(Fee, models.CASCADE, null=True)

    def __str__(self) -> str:
        return str(self.pk)


class Seat(models.Model):
    """Its key is of two columns."""

    pk = models.CompositePrimaryKey("row", "letter")
    row = models.IntegerField()
    letter = models.CharField(max_length=1)
    taken = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.row}{self.letter}"


class Edition(models.Model):
    """A row may leave ``copies`` to the database."""

    isbn = models.IntegerField(unique=True)
    title = models.CharField(max_length=20)
    copies = models.IntegerField(db_default=1)

    def __str__(self) -> str:
        return self.title
