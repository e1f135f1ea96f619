"""``manage.py unhurried warm``: pages and values that somebody will ask for."""

from __future__ import annotations

from typing import Any

from unhurried.cache.reading import Warmed
from unhurried.management._arguments import base

NOTHING = "No page without parameters is cached. Name some: manage.py unhurried warm /…/"


def add(verbs: Any) -> None:
    verb = verbs.add_parser("warm", help="make pages and values now that will be asked for")
    verb.add_argument(
        *("targets",),
        nargs="*",
        metavar="URL|NAME",
        help="pages, or cached functions without arguments (default: all pages without parameters)",
    )
    verb.add_argument("--languages", action="store_true", help="once in each of LANGUAGES")
    verb.add_argument("--base", type=base, help="what comes before a path: https://example.com")
    verb.add_argument("--json", action="store_true", help="print one JSON document and end")


def line(each: Warmed) -> str:
    state = f"{each.state}: {each.why}" if each.why else each.state
    return f"{each.what:40} {each.language:6} {each.seconds * 1e3:7.0f} ms  {state}"
