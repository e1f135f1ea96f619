"""What is in every key besides the arguments: deploy, tenant, language, time zone, and whither
addresses lead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta, tzinfo
from datetime import timezone as fixed
from types import ModuleType
from typing import Any, Final

from django.conf import settings
from django.urls import get_script_prefix, get_urlconf, set_script_prefix, set_urlconf
from django.utils import timezone, translation
from django.utils.module_loading import import_string

from unhurried.conf import given
from unhurried.measure.reading import version


def around() -> str:
    """``v1|tenant|en|UTC``: two of them never read each other's entries."""
    language, zone = spoken()
    return f"{version()}|{tenant()}|{language}|{zone}"


def spoken() -> tuple[str, str]:
    """Language and time zone, as they are here."""
    return translation.get_language() or "", timezone.get_current_timezone_name()


def leading() -> str:
    """``|shop.urls|/intranet/`` where ``reverse`` leads elsewhere than it mostly does.

    Not for pages: theirs have path, host and script name, and none is kept that has a URLconf of
    its own, unless ``vary`` says which.
    """
    urls, prefix = _urls(), _prefix()
    return f"|{urls}|{prefix}" if urls or prefix else ""


def surroundings() -> dict[str, Any]:
    """For an entry's ``meta``: in which language, time zone and URLs to make it again."""
    found = dict(zip(("language", "timezone"), spoken(), strict=True))
    return {**found, **_leading()} if leading() else found


def _leading() -> dict[str, Any]:
    """``urlconf`` is None where it has no name to be found by."""
    urlconf = get_urlconf()
    return {
        "urlconf": urlconf if not _urls() or isinstance(urlconf, str) else None,
        "prefix": get_script_prefix(),
    }


def _urls() -> str:
    """The URLconf that a middleware has chosen; empty for the settings' own."""
    found: Any = get_urlconf()
    if found is None or found == getattr(settings, "ROOT_URLCONF", None):
        return ""
    return found.__name__ if isinstance(found, ModuleType) else str(found)


def _prefix() -> str:
    """Where the site is mounted; empty for its usual place."""
    found = get_script_prefix()
    return "" if found == _usual_prefix() else found


def _usual_prefix() -> str:
    forced = settings.FORCE_SCRIPT_NAME or ""
    return forced if forced.endswith("/") else f"{forced}/"


@contextmanager
def surrounded(meta: dict[str, Any]) -> Iterator[None]:
    """As it was when the entry was made."""
    with speaking(meta.get("language") or "", meta.get("timezone") or ""), _led(meta):
        yield


@contextmanager
def speaking(language: str, zone: str) -> Iterator[None]:
    """In these, as ``spoken`` has them."""
    with translation.override(language or None), timezone.override(_zone(zone)):
        yield


@contextmanager
def _led(meta: dict[str, Any]) -> Iterator[None]:
    before = get_urlconf(), get_script_prefix()
    set_urlconf(meta.get("urlconf"))
    set_script_prefix(meta.get("prefix") or _usual_prefix())
    try:
        yield
    finally:
        set_urlconf(before[0])
        set_script_prefix(before[1])


#: Of zones that are an offset and no place: Django's, and those of ``datetime.timezone``.
_OFFSET: Final = re.compile(r"(?:UTC)?([+-])(\d\d):?(\d\d)")


def _zone(name: str) -> tzinfo | str | None:
    found = _OFFSET.fullmatch(name)
    if found is None:
        return name or None
    sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return fixed(-offset if sign == "-" else offset, name)


def tenant() -> str:
    path = given().get("TENANT")
    return str(import_string(path)()) if path else ""
