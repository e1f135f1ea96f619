"""A route by its name for people, by its address, and by whether it is the dashboard's own."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from typing import Final

from unhurried.measure.reading import own_prefix

__all__ = ["is_own", "label", "own_prefix", "slug", "unslug"]

_KINDS: Final = {"r": "request", "u": "unit", "k": "kept"}


def slug(kind: str, name: str) -> str:
    """One address per name, whatever is in it: the empty route, ``<int:pk>``, a tab, a smile."""
    coded = urlsafe_b64encode(name.encode("utf-8", "surrogatepass")).decode().rstrip("=")
    return f"{kind[0]}{coded}"


def unslug(text: str) -> tuple[str, str] | None:
    """(kind, name), or None for what ``slug`` never made."""
    kind, coded = _KINDS.get(text[:1]), text[1:]
    try:
        name = urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode("utf-8", "surrogatepass")
    except (NoBase64, UnicodeDecodeError, ValueError):
        return None
    return (kind, name) if kind and slug(kind, name) == text else None


def label(kind: str, name: str) -> str:
    """``/slow/feed/``; units and what is in brackets, such as (none), under their own name."""
    bracketed = name.startswith("(") and name.endswith(")")
    shown = name if kind != "request" or bracketed else f"/{name}"
    return shown.encode("utf-8", "replace").decode()


def is_own(kind: str, name: str, prefixes: tuple[str, ...]) -> bool:
    return kind == "request" and name.startswith(prefixes)
