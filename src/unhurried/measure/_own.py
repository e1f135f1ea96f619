"""Which routes are our own: the dashboard's, which nobody shall take for the site's."""

from __future__ import annotations

from django.urls import NoReverseMatch, Resolver404, resolve, reverse


def own_prefix() -> str | None:
    """The route below which the dashboard lies; None where it is not included in the urls."""
    try:
        return resolve(reverse("unhurried:front")).route
    except (NoReverseMatch, Resolver404):
        return None
