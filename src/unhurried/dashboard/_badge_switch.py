"""The badge's off switch: a cookie of one browser, set by a link."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

COOKIE: Final = "unhurried_badge"
YEAR: Final = 365 * 86400


def is_off(request: HttpRequest) -> bool:
    return request.COOKIES.get(COOKIE) == "off"


def switch(request: HttpRequest, state: str) -> HttpResponse:
    """Back to where the link was followed, in this browser with or without badges."""
    back = request.GET.get("next", "")
    secure = request.is_secure()
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=secure):
        back = reverse("unhurried:front")
    response = HttpResponseRedirect(back)
    if state == "off":
        response.set_cookie(
            COOKIE, "off", max_age=YEAR, httponly=True, samesite="Lax", secure=secure
        )
    else:
        response.delete_cookie(COOKIE, samesite="Lax")
    return response
