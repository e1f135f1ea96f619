"""Numbers as people read them. The space before a unit never breaks."""

from __future__ import annotations

from math import isfinite
from typing import Final

SPACE: Final = "\u00a0"
_TIMES: Final = ((1.0, 1.0, "s"), (1e-3, 1e-3, "ms"), (0.0, 1e-6, "µs"))
_LONG: Final = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))
_BIG: Final = ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"))


def seconds(value: float) -> str:
    """``412 ms``, ``1.24 s``, ``2.1 min``."""
    if not value:
        return "0"
    for size, unit in _LONG:
        if value >= 2 * size:
            return f"{digits(value / size)}{SPACE}{unit}"
    size, unit = next((s, u) for least, s, u in _TIMES if value >= least)
    return f"{digits(value / size)}{SPACE}{unit}"


def digits(value: float) -> str:
    """Three significant digits, never in powers of ten: 0.0412, 4.12, 41.2, 412, 4,120."""
    if not isfinite(value):
        return str(value)  # a gauge of the site's own may be set to anything
    if value == int(value) or abs(value) >= 99.95:
        return f"{value:,.0f}"
    if abs(value) >= 9.995:
        return f"{value:.1f}"
    if abs(value) >= 0.01:
        return f"{value:.2f}"
    return f"{value:.2g}"


def count(value: float) -> str:
    """``9,999``, ``12.4 k``, ``3.41 M``."""
    for least, size, unit in _BIG:
        if abs(value) >= least:
            return f"{digits(value / size)}{SPACE}{unit}"
    return digits(value)


def size(value: float) -> str:
    """Bytes: ``3.41 MB``."""
    text = count(value)
    return f"{text}B" if SPACE in text else f"{text}{SPACE}B"


def percent(share: float) -> str:
    """``48 %``, ``0.7 %``; what is too little to show is ``<0.1 %``."""
    value = share * 100
    if 0 < value < 0.1:
        return f"<0.1{SPACE}%"
    return f"{value:.0f}{SPACE}%" if value >= 9.95 or not value else f"{value:.1f}{SPACE}%"


def plural(number: int, noun: str) -> str:
    return f"{number:,}{SPACE}{noun}{'' if number == 1 else 's'}"


def queries(number: int) -> str:
    return f"{number:,}{SPACE}{'query' if number == 1 else 'queries'}"
