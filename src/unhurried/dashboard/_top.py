"""``manage.py unhurried top``: the store, read twice, as one document or a live table.

No request reaches the app: the numbers lie in memory that every process may read.
"""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any, Final, TextIO

from unhurried.measure import StoreError
from unhurried.measure.reading import folder

from . import _top_text
from ._numbers import Site, read
from ._screen import Screen

LEAVE: Final = ("q", "Q", "\x03", "\x1b")
GLANCE: Final = 0.25  # seconds between two looks at the keyboard and the terminal's size


def document(interval: float) -> dict[str, Any]:
    """``snapshot()`` and, under "rates", what happened per second in between two readings.

    {"at", "interval", "store", "hosts", "workers", "cost",
     "rates": {"requests", "errors", "routes": {route: {"requests", "errors"}}}, …snapshot}
    """
    before, began = read(), time.monotonic()
    time.sleep(interval)
    return compared(before, read(), time.monotonic() - began)


def compared(before: Site | None, after: Site, seconds: float) -> dict[str, Any]:
    rates = _rates(before, after, seconds) if before else {}
    of_requests = [
        rate for name, rate in rates.items() if after.numbers["routes"][name]["kind"] == "request"
    ]
    total = {key: sum(rate[key] for rate in of_requests) for key in _RATED} if before else {}
    return {
        **after.numbers,
        "at": time.time(),
        "interval": seconds,
        "store": str(folder()),
        "hosts": after.hosts,
        "workers": after.workers,
        "cost": after.cost,
        "rates": {**total, "routes": rates},
    }


_RATED: Final = ("requests", "errors")


def _rates(before: Site, after: Site, seconds: float) -> dict[str, dict[str, float]]:
    """A store begun anew in between counts from nothing, so no rate is below zero."""
    old = before.numbers["routes"]
    return {
        name: {
            key: max(route[key] - (old[name][key] if name in old else 0), 0) / seconds
            for key in _RATED
        }
        for name, route in after.numbers["routes"].items()
    }


def print_once(out: TextIO, interval: float, *, colour: bool) -> None:
    """One table, all rows of it."""
    width = shutil.get_terminal_size((100, 24)).columns
    for line in _top_text.lines(document(interval), width, colour=colour):
        out.write(line + "\n")


def live(interval: float, *, colour: bool) -> None:
    """A table that stays until q or Ctrl-C."""
    with Screen(sys.stdin, sys.stdout) as screen:
        watch = _Watch(colour=colour)
        while True:
            watch.look()
            if _left(screen, watch, interval):
                return


def _left(screen: Screen, watch: _Watch, seconds: float) -> bool:
    """Show, until it is time for the next reading; True when somebody wants to leave."""
    shown_at, until = None, time.monotonic() + seconds
    while (now := time.monotonic()) < until:
        size = shutil.get_terminal_size()
        if size != shown_at:
            screen.show(watch.lines(size.columns, size.lines), size.lines)
            shown_at = size
        if screen.key(min(GLANCE, until - now)) in LEAVE:
            return True
    return False


class _Watch:
    """The last two readings, or the trouble there is instead."""

    def __init__(self, *, colour: bool) -> None:
        self.colour = colour
        self.site: Site | None = None
        self.at = 0.0
        self.trouble: StoreError | None = None
        self.found: dict[str, Any] = {}

    def look(self) -> None:
        now = time.monotonic()
        try:
            site = read()
        except StoreError as error:
            self.trouble = error
            return
        self.found, self.trouble = compared(self.site, site, now - self.at), None
        self.site, self.at = site, now

    def lines(self, columns: int, rows: int) -> list[str]:
        if self.trouble:
            return _top_text.trouble(self.trouble, columns)
        return _top_text.lines(self.found, columns, rows - 1, colour=self.colour)
