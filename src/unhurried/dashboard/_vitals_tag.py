"""``{% vitals %}``: the script that tells what a page took in the browser.

What it renders is the same for every reader of a page, so that the page can be kept.
"""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.template import Context, Node, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, Token, token_kwargs
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from unhurried.conf import settings

from . import _assets, _vitals_route

USAGE: Final = "{% vitals %}, or {% vitals sample=0.1 %} for a tenth of all page views"
NO_URLS: Final = (
    "{% vitals %} has nowhere to tell it. "
    'Add path("unhurried/", include("unhurried.urls")) to the URLs.'
)
NO_REQUEST: Final = (
    "{% vitals %} has no request here. "
    "Render the template with one: render(request, …), or put it into the context."
)


def do_vitals(parser: Parser, token: Token) -> VitalsNode:
    """``{% vitals sample=0.1 %}``: the share of page views that are told, 1 if it is not given."""
    tag, *bits = token.split_contents()
    given = token_kwargs(bits, parser)
    sample = given.pop("sample", None)
    if bits or given:
        wrong = [*given, *bits][0]
        raise TemplateSyntaxError(f"{tag} knows no {wrong!r}; it is {USAGE}.")
    return VitalsNode(sample)


class VitalsNode(Node):
    def __init__(self, sample: FilterExpression | None) -> None:
        self.sample = sample

    def render(self, context: Context) -> SafeString:
        request = getattr(context, "request", None) or context.get("request")
        return put(request, 1.0 if self.sample is None else self.sample.resolve(context))


def put(request: Any, sample: Any = 1.0) -> SafeString:
    """For all template languages; empty where nothing could be told, which STRICT and DEBUG say."""
    share = _checked(sample)
    if not (share and settings.VITALS and settings.MEASURE):
        return SafeString()
    if request is None:
        return _lacks(NO_REQUEST)
    try:
        to, script = reverse("unhurried:vitals"), _assets.url("vitals.js")
    except NoReverseMatch:
        return _lacks(NO_URLS)
    return format_html(
        '<script src="{}" defer data-to="{}" data-route="{}"{}></script>',
        *(script, to, _vitals_route.signed(request)),
        mark_safe(f' data-sample="{share:g}"' if share < 1 else ""),
    )


def _checked(sample: Any) -> float:
    try:
        share = float(sample) if not isinstance(sample, bool | str) else -1.0
    except (TypeError, ValueError):
        share = -1.0
    if not 0 <= share <= 1:
        raise TemplateSyntaxError(f"vitals: sample={sample!r} is no number from 0 to 1: {USAGE}.")
    return share


def _lacks(message: str) -> SafeString:
    if settings.STRICT or django_settings.DEBUG:
        raise ImproperlyConfigured(message)
    return SafeString()
