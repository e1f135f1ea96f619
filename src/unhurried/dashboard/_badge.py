"""The badge: what the page in view cost, on the page itself, for staff alone.

It is the outermost step, after the record is closed: what it does is not the page's time. A page
with a badge is one person's, so it is never stored by anybody.
"""

from __future__ import annotations

from typing import cast

from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from unhurried.cache.reading import withhold
from unhurried.conf import settings
from unhurried.measure.reading import Record, swallow

from . import _assets, _badge_switch, _documents, _format, _regions, _routes, _staff, _timing


def decorate(request: HttpRequest, response: HttpResponseBase, record: Record) -> HttpResponseBase:
    """Add what staff get to see: the header, and the badge on whole pages."""
    if "HTTP_COOKIE" not in request.META and not django_settings.DEBUG:
        return response  # nobody we know: most requests of most sites end here
    try:
        _decorate(request, response, record, staff=_staff.looks(request))
    except Exception as error:  # boundary: what is put on a page never breaks it
        swallow("the badge", error)
    return response


async def adecorate(
    request: HttpRequest, response: HttpResponseBase, record: Record
) -> HttpResponseBase:
    """As ``decorate``."""
    if "HTTP_COOKIE" not in request.META and not django_settings.DEBUG:
        return response
    try:
        _decorate(request, response, record, staff=await _staff.alooks(request))
    except Exception as error:  # boundary: as above
        swallow("the badge", error)
    return response


def _decorate(
    request: HttpRequest, response: HttpResponseBase, record: Record, *, staff: bool
) -> None:
    if staff or django_settings.DEBUG:
        _timing.add(response, record)
    if staff:
        withhold(response)
    if staff and settings.BADGE and _wants_badge(request, response):
        _insert(request, cast(HttpResponse, response), record)


def _wants_badge(request: HttpRequest, response: HttpResponseBase) -> bool:
    """A whole page, that is not covered with its regions, in a browser that has them on."""
    return (
        _documents.is_document(request, response)
        and not hasattr(response, _regions.SHOWN)
        and not _badge_switch.is_off(request)
    )


def _insert(request: HttpRequest, response: HttpResponse, record: Record) -> None:
    content = _documents.unpacked(response)
    at = _documents.end_of_body(content)
    if at < 0:
        return
    try:
        badge = _html(request, record)
    except NoReverseMatch:  # unhurried.urls are not included: there is nothing to link to
        return
    inserted = badge.encode(response.charset, "xmlcharrefreplace")
    _documents.replace(response, content[:at] + inserted + content[at:])


def _html(request: HttpRequest, record: Record) -> SafeString:
    off = reverse("unhurried:badge", args=["off"])
    key = record.store.stands_under("request", record.name)
    return format_html(
        '<link rel="stylesheet" href="{}"><aside id="unhurried-badge" aria-label="Measured">'
        '<a href="{}">{} \u00b7 {}</a>'
        '<a href="{}?{}" aria-label="No badges in this browser" title="No badges in this browser">'
        "\u00d7</a></aside>",
        _assets.url("badge.css"),
        reverse("unhurried:route", args=[_routes.slug(*key)]),
        _format.queries(record.queries),
        _format.seconds(record.wall / 1e9),
        off,
        urlencode({"next": request.get_full_path()}),
    )
