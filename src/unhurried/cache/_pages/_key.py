"""Which page a request is for: its key, or the reason why it has to go to the view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from django.conf import settings as django_settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.utils.http import parse_header_parameters

from .._audience import _people
from .._engine._around import around
from .._functions._keys import key_of
from ._options import Options

#: Set by an unsafe request that wrote; for so many seconds its client gets nothing old.
JUST_WROTE: Final = "unhurried_wrote"
#: The parameter by which staff ask for a page's regions: such a page is made anew, and not kept,
#: even where the page itself declares it.
PICTURE: Final = "unhurried"
READ: Final = ("GET", "HEAD")
LONGEST_QUERY: Final = 2048


def bypassed(meta: Mapping[str, Any], method: str | None, options: Options) -> str:
    """Why this request is none for the cache, or an empty str."""
    if method not in READ:
        return "its method"
    if "HTTP_AUTHORIZATION" in meta:
        return "Authorization"
    if "HTTP_RANGE" in meta:
        return "Range"
    query = meta.get("QUERY_STRING", "")
    return (undeclared(query, options.params) or respelled(meta)) if query else ""


def respelled(meta: Mapping[str, Any]) -> str:
    """A GET may name a charset, by which Django reads its query otherwise; it is in no key."""
    kind = str(meta.get("CONTENT_TYPE") or "")
    return "a query in another charset" if kind and _names_charset(kind) else ""


@lru_cache(256)
def _names_charset(content_type: str) -> bool:
    charset = parse_header_parameters(content_type)[1].get("charset")
    return charset is not None and charset.lower() != django_settings.DEFAULT_CHARSET.lower()


@lru_cache(4096)
def undeclared(query: str, declared: frozenset[str]) -> str:
    """Whether a query has what the page does not know: then only the view can say what it means."""
    if len(query) > LONGEST_QUERY or not query.isascii():
        return "a query too long, or with raw bytes"
    names = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
    if PICTURE in names:
        return "a picture of its regions"
    return "" if names <= declared else "an undeclared parameter"


def place(request: HttpRequest) -> str:
    """``https://example.com``, and the script's own prefix; raises DisallowedHost."""
    script = quote(str(request.META.get("SCRIPT_NAME", "")))
    return f"{request.scheme}://{request.get_host()}|{script}"


def forwarded() -> tuple[str, ...]:
    """Headers that the settings believe about host and scheme, as META has them."""
    found = []
    if django_settings.USE_X_FORWARDED_HOST:
        found.append("HTTP_X_FORWARDED_HOST")
    if django_settings.USE_X_FORWARDED_PORT:
        found.append("HTTP_X_FORWARDED_PORT")
    if django_settings.SECURE_PROXY_SSL_HEADER:
        found.append(django_settings.SECURE_PROXY_SSL_HEADER[0])
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Found:
    """A page's key, or the ``reason`` why it has none.

    ``label`` is what ``invalidate(url)`` of the page goes by; ``allowed`` what functions in
    ``vary`` and ``audience`` have looked at.
    """

    key: str = ""
    label: str = ""
    reason: str = ""
    allowed: frozenset[str] = frozenset()


def key_for(
    name: str, options: Options, request: HttpRequest, call: tuple[Any, Any] | None
) -> Found:
    """``call``: arguments that are not the URL's but another view's.

    The query stands in the key as it came: two spellings are two entries, and neither can say
    anything that the other's reader did not ask for.
    """
    try:
        where = place(request)
        arguments = "" if call is None else quoted(key_of("call", call))
    except DisallowedHost:
        return Found(reason="an unknown host")
    except TypeError:
        return Found(reason="arguments that have no value of their own")
    if reason := _people.unkeyed(request, options.by):
        return Found(reason=reason)
    label = label_of(name, request.path, str(request.META.get("QUERY_STRING", "")))
    who, allowed = _people.values(request, options.by)
    key = key_at(around(), options.prefix, where, who, arguments, label)
    return Found(key, label, allowed=allowed)


def key_at(around: str, prefix: str, where: str, who: str, call: str, label: str) -> str:
    return f"{around}|page|{quoted(prefix)}|{where}|{who}|{call}|{label}"


def label_of(name: str, path: str, query: str) -> str:
    """``books.views.book_list:/books/?page=2``."""
    return f"{name}:{quoted(path)}?{query}" if query else f"{name}:{quoted(path)}"


@lru_cache(4096)
def quoted(path: str) -> str:
    """Without the key's own marks in it."""
    return quote(path.encode("utf-8", "surrogatepass"), safe="/:@!$&'()*+,;=~")
