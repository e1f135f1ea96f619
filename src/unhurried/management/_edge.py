"""``manage.py unhurried edge``: what is shipped for Varnish and nginx, and a check of one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import CommandError

from unhurried.cache.reading import Step


def add(verbs: Any) -> None:
    verb = verbs.add_parser("edge", help="Varnish and nginx: their configuration, and a check")
    verb.add_argument("what", choices=["vcl", "nginx", "check"], help="print one, or check")
    verb.add_argument("url", nargs="?", metavar="URL", help="a page, as visitors see it: https://…")
    verb.add_argument("--json", action="store_true", help="print one JSON document and end")


def lines(number: int, step: Step) -> list[str]:
    """For people: a step, and the way out of what is wrong."""
    line = f"{number:2}  {step.state:7}  {step.name}: {step.said}"
    return [line, f"{'':13}{step.way_out}"] if step.way_out else [line]


def page(url: str) -> str:
    """The same, if it may be asked for; else CommandError."""
    if not _is_whole(url):
        raise CommandError(f"{url!r} is nothing like https://example.com/feed/.")
    return url


def _is_whole(url: str) -> bool:
    try:
        found = urlsplit(url)
        _ = found.port  # one that is none raises
    except ValueError:
        return False
    return found.scheme in ("http", "https") and bool(found.hostname)
