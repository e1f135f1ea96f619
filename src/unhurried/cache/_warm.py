"""Fill a cold cache: make the pages now that somebody will ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from django.conf import settings as django_settings
from django.urls import NoReverseMatch, Resolver404, URLPattern, URLResolver, get_resolver
from django.urls.resolvers import LocalePrefixPattern, RoutePattern
from django.utils import translation

from unhurried.conf import nearest

from ._audience._urls import page_of
from ._engine._around import surroundings
from ._errors import CacheError
from ._functions import _registry
from ._functions._cached import CachedFunction
from ._pages import _again, _asking
from ._pages._headers import NAME


@dataclass(frozen=True, slots=True)
class Warmed:
    """One page or value. ``state``: "kept", "not kept" or "failed", and ``why`` for the latter."""

    what: str
    language: str
    state: str
    seconds: float
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def warm(
    targets: Iterable[str] = (), languages: Iterable[str] = (), base: str = ""
) -> Iterator[Warmed]:
    """Make each anew, whatever is kept, one after the other, as nobody in particular would see it.

    ``targets``: URLs, and names of cached functions that need no argument; without any, all URLs
    of cached pages that have no parameters. ``languages``: once in each; by default in the site's.
    ``base`` is what visitors have before the path ("https://example.com"), which is in each key; by
    default the first of ALLOWED_HOSTS, and https where SECURE_SSL_REDIRECT says so.
    """
    for language in [*languages] or [django_settings.LANGUAGE_CODE]:
        with translation.override(language):
            for target in [*targets] or urls():
                yield _warmed(f"{base}{target}" if target.startswith("/") else target, language)


def urls() -> list[str]:
    """The paths that lead to a cached page and have no parameters, in the language that is on."""
    _ = get_resolver().url_patterns
    return sorted(set(_paths(get_resolver().url_patterns, "/")))


def _paths(patterns: Iterable[Any], before: str) -> Iterator[str]:
    for each in patterns:
        if not isinstance(each.pattern, RoutePattern | LocalePrefixPattern):
            continue  # a regular expression says what fits, not what there is
        path = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _paths(each.url_patterns, path)
        elif isinstance(each, URLPattern) and "<" not in path and page_of(each.callback):
            yield path


def _warmed(target: str, language: str) -> Warmed:
    began = perf_counter()
    try:
        is_url = target.startswith(("/", "http://", "https://"))
        state, why = _page(target) if is_url else _function(target)
    except Exception as error:  # boundary: views and functions are the site's code
        state, why = "failed", f"{type(error).__name__}: {error}"
    return Warmed(target, language, state, perf_counter() - began, why)


def _page(url: str) -> tuple[str, str]:
    """What its own Cache-Status says: what leads to a page may stand in no URLconf of ours."""
    meta = _asking.meta_of(url)
    view = _view_of(meta)
    status, said = _again.fetch(meta)
    if status == 404 and view is None:
        return "failed", "there is no such page"
    if "; stored" in said:
        return "kept", ""
    answered = [f"it answered {status}"] if status >= 400 else []
    if NAME not in said and page_of(view) is None:
        answered.append("no cached_page was found on its view")
    if answered:
        return "failed", "; ".join(answered)
    return "not kept", f"manage.py unhurried why {url}"


def _view_of(meta: dict[str, Any]) -> Any:
    try:
        return _asking.match_of(meta).func
    except (Resolver404, NoReverseMatch):
        return None


def _function(name: str) -> tuple[str, str]:
    function = _registry.known.get(name)
    if not isinstance(function, CachedFunction):
        raise CacheError(
            f"{name!r} is neither a URL nor a cached function.{nearest(name, _registry.known)}",
            'Pass "/books/" or the name of a function that needs no argument.',
        )
    function.regenerate({"call": [[], {}], **surroundings()})
    return ("kept", "") if function.peek().state == "fresh" else ("not kept", "")
