"""What is in every key besides the arguments: deploy, tenant, language, time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta, tzinfo
from datetime import timezone as fixed
from typing import Any, Final

from django.utils import timezone, translation
from django.utils.module_loading import import_string

from unhurried.conf import given
from unhurried.measure.reading import version


def around() -> str:
    """``v1|tenant|en|UTC``: two of them never read each other's entries."""
    language = translation.get_language() or ""
    return f"{version()}|{tenant()}|{language}|{timezone.get_current_timezone_name()}"


def surroundings() -> dict[str, str]:
    """For an entry's ``meta``: in which language and time zone to make it again."""
    language = translation.get_language() or ""
    return {"language": language, "timezone": timezone.get_current_timezone_name()}


@contextmanager
def surrounded(meta: dict[str, Any]) -> Iterator[None]:
    """As it was when the entry was made."""
    zone = _zone(meta.get("timezone") or "")
    with translation.override(meta.get("language") or None), timezone.override(zone):
        yield


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
