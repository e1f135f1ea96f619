"""Prometheus text exposition 0.0.4: names, labels, values, families.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from math import inf, isnan
from typing import Final

from ._names import checksum

#: What a scrape adds by itself; an instrument of that name would be thrown away.
SCRAPE: Final = frozenset(
    {
        *("up", "scrape_duration_seconds", "scrape_samples_scraped"),
        *("scrape_samples_post_metric_relabeling", "scrape_series_added"),
    }
)
#: The samples of a family, by type: what stands behind its name.
SUFFIXES: Final = {
    "counter": ("",),
    "gauge": ("",),
    "summary": ("", "_sum", "_count"),
    "histogram": ("", "_bucket", "_sum", "_count"),
}
_NOT_IN_A_NAME: Final = re.compile(r"[^a-zA-Z0-9_]+")
_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def cleaned(name: str) -> str:
    """``basket.size`` as ``basket_size``; colons are for recording rules."""
    found = _NOT_IN_A_NAME.sub("_", name)
    return f"_{found}" if not found or found[0].isdigit() else found


@lru_cache(maxsize=4096)
def escaped(value: str) -> str:
    """The value of a label, to be put between quotes. Half a surrogate pair is written out."""
    whole = value.encode("utf-8", "backslashreplace").decode()
    return whole.translate(_ESCAPES)


def number(value: float) -> str:
    if value in (inf, -inf):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if isnan(value) else repr(value)


class Exposition:
    """Families of samples, each name once."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._taken: set[str] = set(SCRAPE)

    def family(self, name: str, kind: str, about: str, samples: Iterable[str]) -> None:
        """Add a family; a sample is a whole line. One without samples is left out."""
        found = list(samples)
        if not found:
            return
        self._taken.update(name + suffix for suffix in SUFFIXES[kind])
        self._lines += (f"# HELP {name} {_help(about)}", f"# TYPE {name} {kind}", *found)

    def free(self, name: str, kind: str, *, suffix: str = "", salt: str = "") -> str:
        """A name of this kind that nothing here has yet; clashes are told apart by checksum."""
        wanted = cleaned(name) + suffix
        if self._clashes(wanted, kind):
            wanted = f"{cleaned(name)}_{checksum(salt + name)}{suffix}"
        return wanted

    def _clashes(self, name: str, kind: str) -> bool:
        return any(name + suffix in self._taken for suffix in SUFFIXES[kind])

    def __bytes__(self) -> bytes:
        return ("\n".join(self._lines) + "\n").encode()


def histogram(
    name: str, edges: tuple[str, ...], rows: Iterable[tuple[str, list[int], float]]
) -> Iterator[str]:
    """The lines of a histogram; rows are (labels, counts per bucket, sum), the last bucket open."""
    ends = [f',le="{edge}"}} ' for edge in (*edges, "+Inf")]
    bucket = f"{name}_bucket{{"
    for labels, counts, total in rows:
        start, so_far = bucket + labels, 0
        for end, count in zip(ends, counts, strict=True):
            so_far += count
            yield f"{start}{end}{so_far}"
        yield f"{name}_sum{{{labels}}} {total!r}"
        yield f"{name}_count{{{labels}}} {so_far}"


def _help(text: str) -> str:
    whole = text.encode("utf-8", "backslashreplace").decode()
    return whole.replace("\\", r"\\").replace("\n", r"\n")
