"""Numbers as a letter has them: ``3.4 MB``, ``2.1 ms``, ``41 %``, ``3 days``."""

from __future__ import annotations

from typing import Final

_SIZES: Final = ((1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))
_LONG: Final = ((86400, "days"), (3600, "hours"), (60, "minutes"))


def size(number: float) -> str:
    """Bytes, in powers of 1024 as PostgreSQL counts them."""
    for least, unit in _SIZES:
        if number >= least:
            return f"{_three(number / least)} {unit}"
    return f"{number:.0f} bytes"


def seconds(number: float) -> str:
    """What something took."""
    if number >= 120:
        return span(number)
    if number >= 1:
        return f"{_three(number)} s"
    return f"{_three(number * 1000)} ms" if number >= 1e-3 else f"{number * 1e6:.0f} µs"


def span(number: float) -> str:
    """How long ago, or for how long."""
    for least, unit in _LONG:
        if number >= 2 * least:
            return f"{number / least:.0f} {unit}"
    return f"{number:.0f} seconds"


def percent(share: float) -> str:
    value = share * 100
    if 0 < value < 0.1:
        return "<0.1 %"
    return f"{value:.0f} %" if value >= 9.95 or not value else f"{value:.1f} %"


def plural(number: float, noun: str) -> str:
    word = noun if number == 1 else f"{noun[:-1]}ies" if noun[-1] == "y" else _several(noun)
    return f"{number:,.0f} {word}"


def _several(noun: str) -> str:
    return f"{noun}es" if noun.endswith("x") else f"{noun}s"


def _three(number: float) -> str:
    """Three digits, none of them in vain."""
    text = f"{number:,.0f}" if number >= 99.95 else f"{number:.1f}" if number >= 9.995 else ""
    text = text or f"{number:.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
