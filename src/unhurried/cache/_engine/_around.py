"""What is in every key besides the arguments: deploy, tenant, language, time zone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
    zone = meta.get("timezone") or None
    with translation.override(meta.get("language") or None), timezone.override(zone):
        yield


def tenant() -> str:
    path = given().get("TENANT")
    return str(import_string(path)()) if path else ""
