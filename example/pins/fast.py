"""A pin that is kept, though each visit counts: its views are a fragment, and written behind."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from pins.fixed import whole
from pins.models import Pin
from unhurried.cache import fragment
from unhurried.later import Tally

views = Tally("pins.Views", "number")


def pin_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One pin with its comments, its likes, and pins like it."""
    return render(request, "pins/fast/pin.html", whole(Pin.objects.all(), pk))


@fragment("views")
def count_view(request: HttpRequest, pin: int) -> tuple[str, dict[str, Any]]:
    """How often it was looked at, this time included: made anew for each who looks."""
    views.add(pin)
    return "pins/_views.html", {"number": views.value(pin)}
