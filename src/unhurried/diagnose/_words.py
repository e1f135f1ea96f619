"""Numbers and names as sentences want them."""

from __future__ import annotations


def ms(seconds: float) -> str:
    """``412 ms``, ``4.1 ms``, ``2.3 s``."""
    if seconds >= 9.995:
        return f"{seconds:,.0f} s"
    if seconds >= 0.9995:
        return f"{seconds:.1f} s"
    value = seconds * 1000
    return f"{value:.0f} ms" if value >= 9.95 else f"{value:.1f} ms"


def percent(share: float) -> str:
    return f"{share * 100:.0f} %" if share >= 0.0995 else f"{share * 100:.1f} %"


def count(number: float, word: str) -> str:
    """``1 worker``, ``1,204 workers``, ``2 queries``, ``2 processes``."""
    if word.endswith("ry"):
        several = f"{word[:-1]}ies"
    else:
        several = f"{word}{'es' if word.endswith('s') else 's'}"
    return f"{number:,.0f} {word if number == 1 else several}"


def brief(sql: str, longest: int = 90) -> str:
    text = " ".join(sql.split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def label(route: str) -> str:
    """A route with its leading slash; what resolved to nothing is ``(none)``."""
    return route if route.startswith("(") else f"/{route}"
