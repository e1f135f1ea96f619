"""Pins, and what people do with them: tag, like, comment."""

from django.conf import settings
from django.db import models
from django.db.models.fields.json import KT


class Tag(models.Model):
    """A word that pins are found by."""

    name = models.CharField(max_length=40)
    slug = models.SlugField(unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Pin(models.Model):
    """A picture somebody put on the wall; it is drawn from ``scene`` and ``hue``.

    ``attributes`` is what its camera says: camera, place, colours, and whatever else. ``place`` is
    one of them as a column, which the database fills. PostgreSQL has an index of all the others,
    which SQLite could not have: see migration 0004.
    """

    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="pins")
    title = models.CharField(max_length=120)
    text = models.TextField()
    scene = models.PositiveSmallIntegerField()
    hue = models.PositiveSmallIntegerField()
    tags = models.ManyToManyField(Tag, related_name="pins")
    created = models.DateTimeField(db_index=True)
    attributes = models.JSONField(default=dict)
    place = models.GeneratedField(
        expression=KT("attributes__place"),
        output_field=models.TextField(null=True),
        db_persist=True,
    )

    class Meta:
        ordering = ["-created"]
        indexes = [models.Index(fields=["place"], name="pin_place")]

    def __str__(self) -> str:
        return self.title


class Views(models.Model):
    """How often a pin was looked at; apart from it, since each visit writes here."""

    pin = models.OneToOneField(Pin, models.CASCADE, primary_key=True)
    number = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "views"

    def __str__(self) -> str:
        return f"{self.number} of {self.pin}"


class Like(models.Model):
    """A user likes a pin, once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="likes")
    pin = models.ForeignKey(Pin, models.CASCADE, related_name="likes")
    created = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "pin"], name="like_once")]

    def __str__(self) -> str:
        return f"{self.user} likes {self.pin}"


class Comment(models.Model):
    """What somebody said about a pin."""

    pin = models.ForeignKey(Pin, models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="comments")
    text = models.TextField()
    created = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["created"]

    def __str__(self) -> str:
        return f"{self.author} on {self.pin}"
