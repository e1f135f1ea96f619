"""Which routes are our own: the dashboard's, which nobody shall take for the site's."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.core.exceptions import ImproperlyConfigured
from django.urls import (
    NoReverseMatch,
    Resolver404,
    URLResolver,
    get_resolver,
    get_script_prefix,
    get_urlconf,
    resolve,
    reverse,
)
from django.utils.translation import get_language

#: Where they are to be included.
PLACE: Final = (
    'Write path("unhurried/", include("unhurried.urls")) where no namespace and no parameter is '
    "around it."
)


def own_prefix() -> tuple[str, ...]:
    """The routes below which the dashboard lies: one, or one for each language in addresses.

    Empty where it is not included in the urls, or at their root, where nothing tells it apart; and
    in a worker, whose settings may name no urls, or some that it can't import.
    """
    urls = get_urlconf() or getattr(settings, "ROOT_URLCONF", None)
    if not urls:
        return ()
    try:
        route = resolve(below_script(reverse("unhurried:front"))).route
    except (NoReverseMatch, Resolver404, ImportError, ImproperlyConfigured):
        return ()
    in_languages, _ = is_language_prefix_patterns_used(urls)
    if in_languages:
        return _in_each_language(route)
    return (route,) if route else ()


def can_link() -> bool:
    """Whether our pages have an address: not in a namespace of a site's, nor below a parameter."""
    try:
        return bool(reverse("unhurried:front"))
    except NoReverseMatch:
        return False


def is_misplaced() -> bool:
    """Whether unhurried.urls are included, and no page of them can be linked to."""
    return _holds_ours(get_resolver()) and not can_link()


def _holds_ours(resolver: URLResolver) -> bool:
    inner = (each for each in resolver.url_patterns if isinstance(each, URLResolver))
    return any(each.app_name == "unhurried" or _holds_ours(each) for each in inner)


def below_script(path: str) -> str:
    """A path of this host as the urls know it: without what the server has put the site below."""
    prefix = get_script_prefix()
    return f"/{path[len(prefix) :]}" if path.startswith(prefix) else path


def _in_each_language(route: str) -> tuple[str, ...]:
    """``i18n_patterns`` have whoever asks in their route, and the reader's language is but one."""
    plain = route.removeprefix(f"{get_language() or settings.LANGUAGE_CODE}/")
    if not plain:
        return ()
    return (plain, *(f"{code}/{plain}" for code, _ in settings.LANGUAGES))
