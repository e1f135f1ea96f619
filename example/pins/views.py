"""Feed, pin and tag, as people write them: the template asks for the rest, row by row."""

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
