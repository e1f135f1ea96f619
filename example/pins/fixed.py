"""Feed, pin and tag, with what the templates ask for loaded ahead. Each visit is a write still."""

from typing import Any

from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from pins.models import Comment, Like, Pin, Tag, Views
from pins.views import taken


def feed(request: HttpRequest) -> HttpResponse:
    """The hundred newest pins."""
    pins = Pin.objects.order_by("-created").select_related("author")[:100]
    return render(request, "pins/feed.html", {"pins": pins})


def pin_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One pin with its comments, its likes, and pins like it; who looks at it is counted."""
    Views.objects.filter(pin=pk).update(number=F("number") + 1)
    return render(request, "pins/fixed/pin.html", whole(Pin.objects.select_related("views"), pk))


def whole(pins: QuerySet[Pin], pk: int) -> dict[str, Any]:
    """What the page of a pin shows."""
    pins = pins.select_related("author__profile").prefetch_related(
        "tags", "likes__user", "comments__author__profile"
    )
    pin = get_object_or_404(pins, pk=pk)
    related = Pin.objects.filter(tags__in=pin.tags.all()).exclude(pk=pk).distinct()
    return {"pin": pin, "related": cards(related)[:12]}


def tag_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest pins with a tag, a card each."""
    tag = get_object_or_404(Tag, slug=slug)
    return render(request, "pins/fixed/tag.html", {"tag": tag, "pins": cards(tag.pins.all())[:60]})


def pins_with(request: HttpRequest, key: str, value: str) -> HttpResponse:
    """The newest hundred pins of which this attribute is that text."""
    pins = having(key, value).select_related("author")[:100]
    context = {"key": key, "value": value, "pins": [taken(pin) for pin in pins]}
    return render(request, "pins/with.html", context)


def having(key: str, value: str) -> QuerySet[Pin]:
    """The database looks into every document; a key from outside is a parameter of its own."""
    return Pin.objects.alias(found=KeyTransform(key, "attributes")).filter(found=value)


def cards(pins: QuerySet[Pin]) -> QuerySet[Pin]:
    """Pins with all that a card shows of each."""
    return counted(pins).select_related("author").prefetch_related("tags")


def counted(pins: QuerySet[Pin]) -> QuerySet[Pin]:
    """Pins with their numbers of likes and comments."""
    return pins.annotate(
        like_count=number_of(Like.objects.all()), comment_count=number_of(Comment.objects.all())
    )


def number_of(rows: QuerySet[Any]) -> Coalesce:
    """How many of ``rows`` a pin has.

    ``Count("likes", distinct=True)`` is shorter, but joins all likes to all comments of all pins
    before the page's few are cut off, and drops the order the model gives.
    """
    of_a_pin = rows.filter(pin=OuterRef("pk")).order_by().values("pin")
    return Coalesce(Subquery(of_a_pin.annotate(number=Count("pk")).values("number")), 0)
