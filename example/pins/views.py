"""Feed, pin and tag, as people write them: the template asks for the rest, row by row."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from pins.models import Pin, Tag


def feed(request: HttpRequest) -> HttpResponse:
    """The hundred newest pins."""
    pins = Pin.objects.order_by("-created")[:100]
    return render(request, "pins/feed.html", {"pins": pins})


def pin_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One pin with its comments, its likes, and pins like it; who looks at it is counted."""
    pin = get_object_or_404(Pin, pk=pk)
    pin.views.number += 1
    pin.views.save()
    related = Pin.objects.filter(tags__in=pin.tags.all()).exclude(pk=pk).distinct()[:12]
    return render(request, "pins/pin.html", {"pin": pin, "related": related})


def tag_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest pins with a tag, a card each."""
    tag = get_object_or_404(Tag, slug=slug)
    return render(request, "pins/tag.html", {"tag": tag, "pins": tag.pins.all()[:60]})


def pins_with(request: HttpRequest, key: str, value: str) -> HttpResponse:
    """The newest hundred pins of which this attribute is that text."""
    pins = [pin for pin in Pin.objects.all() if pin.attributes.get(key) == value]
    context = {"key": key, "value": value, "pins": [taken(pin) for pin in pins[:100]]}
    return render(request, "pins/with.html", context)


def taken(pin: Pin) -> dict[str, Any]:
    return {
        "pk": pin.pk,
        "title": pin.title,
        "who": pin.author.username,
        "camera": pin.attributes.get("camera"),
        "place": pin.attributes.get("place"),
    }
