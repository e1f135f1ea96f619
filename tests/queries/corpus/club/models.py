"""Bands and halls: abstract and concrete parents, a proxy, a through model, rows in an order."""

from __future__ import annotations

from functools import cached_property

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models


class Owned(models.Model):
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="%(class)ss_owned"
    )

    class Meta:
        abstract = True

    def owner_name(self) -> str:
        return self.owner.username  # loop: owner name


class LabelManager(models.Manager):
    def get_by_natural_key(self, name: str) -> Label:
        return self.get(name=name)  # loop: natural key


class Label(models.Model):
    name = models.CharField(max_length=50, unique=True)

    objects = LabelManager()

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple[str]:
        return (self.name,)


class Band(Owned):
    name = models.CharField(max_length=50)
    label = models.ForeignKey(Label, models.CASCADE)

    def __str__(self) -> str:
        return self.name

    @cached_property
    def label_name(self) -> str:
        return self.label.name  # loop: cached property


class Member(models.Model):
    name = models.CharField(max_length=50)
    friends = models.ManyToManyField("self")
    bands = models.ManyToManyField(Band, through="Membership", related_name="members")

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    band = models.ForeignKey(Band, models.CASCADE)
    member = models.ForeignKey(Member, models.CASCADE)
    role = models.CharField(max_length=1, choices={"v": "voice", "d": "drums"})
    since = models.IntegerField()

    class Meta:
        default_related_name = "memberships"

    def __str__(self) -> str:
        return self.get_role_display()


class Album(Owned):
    band = models.ForeignKey(Band, models.CASCADE)
    title = models.CharField(max_length=50)
    cover = models.FileField(upload_to="covers")
    sold = models.IntegerField(default=0)

    class Meta:
        order_with_respect_to = "band"

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.title == self.band.name:  # loop: album clean
            raise ValidationError("an album is not called as its band")


class Remaster(Album):
    class Meta:
        proxy = True

    def __str__(self) -> str:
        return f"{self.title}, again"


class TrackQuerySet(models.QuerySet):
    def long(self) -> TrackQuerySet:
        return self.filter(seconds__gte=60)


class Track(models.Model):
    album = models.ForeignKey(Album, models.CASCADE)
    title = models.CharField(max_length=50)
    position = models.IntegerField()
    seconds = models.IntegerField(default=100)

    objects = TrackQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["album", "position"], name="one_place")]

    def __str__(self) -> str:
        return self.title


class Place(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Hall(Place):
    seats = models.IntegerField()

    def __str__(self) -> str:
        return self.name


class Theatre(Hall):
    boxes = models.IntegerField()

    def __str__(self) -> str:
        return self.name


class Concert(models.Model):
    band = models.ForeignKey(Band, models.CASCADE)
    hall = models.ForeignKey(Hall, models.CASCADE)
    held = models.DateField()

    objects = models.Manager()
    everything = models.Manager()

    class Meta:
        default_related_name = "concerts"
        base_manager_name = "everything"

    def __str__(self) -> str:
        return f"{self.held}"


class Ticket(models.Model):
    concert = models.ForeignKey(Concert, models.CASCADE)
    holder = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)

    def __str__(self) -> str:
        return f"ticket {self.pk}"


class Entry(models.Model):
    """What happened, written by signals and callbacks."""

    text = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.text
