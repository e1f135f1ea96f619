"""What is in the making, for people: by route, as a path may have a name in it."""

from __future__ import annotations

from typing import Any

from django.urls import Resolver404, resolve

from . import _rows


def running_views() -> list[dict[str, Any]]:
    """{route, state, done, total, message, seconds} of each, oldest first."""
    return [{"route": _route(row.pop("path")), **row} for row in _rows.running()]


def _route(path: str) -> str:
    try:
        return f"/{resolve(path).route}"
    except Resolver404:
        return "(none)"
