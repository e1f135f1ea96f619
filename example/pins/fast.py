"""A pin that is kept, though each visit counts: its views are a fragment, and written behind.

And pins by what their cameras say, of which there are indexes.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.fields.json import KT
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from pins import fixed
from pins.models import Pin
from unhurried.cache import fragment
from unhurried.db import rows
from unhurried.later import Tally

views = Tally("pins.Views", "number")


def pin_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One pin with its comments, its likes, and pins like it."""
    return render(request, "pins/fast/pin.html", fixed.whole(Pin.objects.all(), pk))


@fragment("views")
def count_view(request: HttpRequest, pin: int) -> tuple[str, dict[str, Any]]:
    """How often it was looked at, this time included: made anew for each who looks."""
    views.add(pin)
    return "pins/_views.html", {"number": views.value(pin)}


@dataclass
class Taken:
    """What is said of a pin."""

    pk: int
    title: str
    who: str
    camera: str | None
    place: str | None


def pins_with(request: HttpRequest, key: str, value: str) -> HttpResponse:
    """The newest hundred pins of which this attribute is that text."""
    pins = having(key, value).annotate(who=F("author__username"), camera=KT("attributes__camera"))
    context = {"key": key, "value": value, "pins": rows(pins[:100], Taken)}
    return render(request, "pins/with.html", context)


def having(key: str, value: str) -> QuerySet[Pin]:
    """By the index of one key, or by that of them all, which PostgreSQL alone has."""
    if key == "place":
        return Pin.objects.filter(place=value)
    if connection.vendor == "postgresql":
        return Pin.objects.filter(attributes__contains={key: value})
    return fixed.having(key, value)
