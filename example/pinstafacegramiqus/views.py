"""The front page, which says what is wrong with every other page, and the login link."""

from typing import Any

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from pins.models import Pin
from pinstafacegramiqus.login_links import user_for
from pinstafacegramiqus.sins import SINS
from unhurried.measure import StoreError, snapshot

DASHBOARD = "/unhurried/"


def front(request: HttpRequest) -> HttpResponse:
    """All pages with what they do wrong, and both sides; on a bare database, how to fill it."""
    routes = _measured()
    context = {
        "pages": [(sin, sin.sides(routes)) for sin in SINS],
        "dashboard": DASHBOARD,
        "seeded": Pin.objects.exists(),
    }
    return render(request, "front.html", context)


def _measured() -> dict[str, Any]:
    try:
        return snapshot(statements=False)["routes"]
    except StoreError:  # the dashboard says what to do; a page can do without
        return {}


@never_cache
def login_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """Log in who holds the link the demo printed, and show the dashboard."""
    user = user_for(token)
    if user is None:
        return render(request, "link_void.html", status=403)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect(DASHBOARD)
