"""``manage.py unhurried why``: one thing that is kept, or all of them, as text."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any, Final

from unhurried.cache.reading import Why, all_of_it, why

from . import _format
from ._top_text import fit, printable

EMPTY: Final = (
    "Nothing is cached yet. Put @cached_page(600) on a view, or @cached(600) on a function."
)
HEAD: Final = f"{'hits':>7} {'asked':>9} {'saved':>9} {'bytes':>9}  {'kind':8}  name"


def document(what: str | None) -> dict[str, Any]:
    """{"kept": […]}, one or all."""
    found = all_of_it() if what is None else [why(what)]
    return {"kept": [each.as_dict() for each in found]}


def lines(what: str | None) -> Iterator[str]:
    if what is not None:
        yield from map(printable, str(why(what)).splitlines())
        return
    width = shutil.get_terminal_size((100, 24)).columns
    found = all_of_it()
    yield HEAD if found else EMPTY
    for each in found:
        yield fit(_line(each), width).rstrip()
    if found:
        yield ""
        yield "One of them: manage.py unhurried why NAME, or the URL of a page."


def _line(each: Why) -> str:
    ratio = "-" if each.hit_ratio is None else _format.percent(each.hit_ratio)
    asked = _format.count(each.hits + each.misses)
    saved, size = _format.seconds(each.saved), _format.size(each.bytes)
    return f"{ratio:>7} {asked:>9} {saved:>9} {size:>9}  {each.kind:8}  {printable(each.name)}"
