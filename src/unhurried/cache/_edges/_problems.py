"""What is wrong with the settings of edges, for the checks; nothing is connected to."""

from __future__ import annotations

from collections.abc import Iterator

from unhurried.conf import settings

from ._purge import address
from ._trust import UNIX, network

Problem = tuple[str, str, str]


def problems() -> Iterator[Problem]:
    """(kind, message, hint): "surrogate" and "edge" (errors), "everybody", "nobody"."""
    for entry in settings.SURROGATES:
        yield from _of_surrogate(entry)
    for entry in settings.EDGES:
        yield from _of_edge(entry)
    if settings.EDGES and not settings.SURROGATES:
        yield (
            "nobody",
            "UNHURRIED['EDGES'] are purged, but keep nothing: SURROGATES believes nobody.",
            'Name the addresses they come from: UNHURRIED = {"SURROGATES": ["127.0.0.1"]}',
        )


def _of_surrogate(entry: object) -> Iterator[Problem]:
    if entry == UNIX:
        return
    try:
        found = network(entry) if isinstance(entry, str) else None
    except ValueError:
        found = None
    if found is None:
        yield (
            "surrogate",
            f"UNHURRIED['SURROGATES'] has {entry!r}, which is no address and no network.",
            f'Say "127.0.0.1", "10.0.0.0/8" (no bits behind the mask), or "{UNIX}".',
        )
    elif not found.prefixlen:
        yield (
            "everybody",
            f"UNHURRIED['SURROGATES'] has {entry!r}: any client can ask for pages with includes.",
            "Name the proxies' own addresses.",
        )


def _of_edge(entry: object) -> Iterator[Problem]:
    try:
        address(entry)
    except ValueError:
        yield (
            "edge",
            f"UNHURRIED['EDGES'] has {entry!r}, which is no address of a server.",
            'Say "http://127.0.0.1:6081": scheme, host and port, no path.',
        )
