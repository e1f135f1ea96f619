"""History as columns for charts.

{"span", "step", "x": [s], "charts": {key: {unit, labels, y}}, "releases": [[s, name]]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from math import isfinite
from typing import Any, Final

from unhurried.measure.reading import SPANS, VERSION, folder, series, totals

from ._releases import releases

Sample = dict[str, Any]
Samples = list[tuple[float, Sample]]
Column = list[float | None]

QUANTILES: Final = ("p50", "p95", "p99")
MINUTES: Final = ("m1", "m5", "m15")
DEFAULT: Final = "hour"


def spans() -> tuple[str, ...]:
    return tuple(SPANS)


def known_span(asked: str | None) -> str:
    """The span asked for, or the default."""
    return asked if asked in SPANS else DEFAULT


def samples(span: str) -> Samples:
    """Oldest first; an empty sample stands where some are missing, so that lines break there."""
    return _with_gaps(span, series(folder() / f"v{VERSION}", span))


def total_samples(span: str) -> Samples:
    """The same without the routes, which on large sites are slow to read."""
    return _with_gaps(span, totals(folder() / f"v{VERSION}", span))


def _with_gaps(span: str, found: Samples) -> Samples:
    step, whole = SPANS[span][0], found[:1]
    for (before, _), (at, sample) in pairwise(found):
        if at - before > 2.5 * step:
            whole.append((before + step, {}))
        whole.append((at, sample))
    return whole


def document(span: str, found: Samples, charts: dict[str, Any]) -> dict[str, Any]:
    times = [round(at, 3) for at, _ in found]
    return {
        "span": span,
        "step": SPANS[span][0],
        "x": times,
        "charts": charts,
        "releases": releases(times),
    }


def total(found: Samples) -> dict[str, Any]:
    return _traffic(found, lambda sample: sample.get("total"))


def route(found: Samples, kind: str, name: str) -> dict[str, Any]:
    """A route that nobody asked for in a sample is not in it: no requests, and no quantiles."""
    key = f"{kind}\t{name}"
    return _traffic(
        found, lambda s: s["routes"].get(key, {"requests": 0, "errors": 0}) if s else None
    )


def _traffic(found: Samples, of: Callable[[Sample], Sample | None]) -> dict[str, Any]:
    picked = [(sample.get("seconds"), of(sample)) for _, sample in found]

    def rate(name: str) -> Column:
        return [p[name] / s if p and s else None for s, p in picked]

    def quantiles(metric: str, names: Iterable[str]) -> list[Column]:
        return [
            [p[metric][name] if p and p["requests"] else None for _, p in picked] for name in names
        ]

    return {
        "requests": chart("/s", ["requests/s"], [rate("requests")]),
        "errors": chart("/s", ["errors/s"], [rate("errors")]),
        "wall": chart("s", QUANTILES, quantiles("wall", QUANTILES)),
        "queries": chart("", QUANTILES[:2], quantiles("queries", QUANTILES[:2])),
    }


def chart(unit: str, labels: Iterable[str], columns: list[Column]) -> dict[str, Any]:
    return {"unit": unit, "labels": list(labels), "y": [_drawable(c) for c in columns]}


def _drawable(column: Column) -> Column:
    """JSON has no NaN and no infinity, which a gauge of the site's own may be set to."""
    return [value if value is not None and isfinite(value) else None for value in column]


def instruments(found: Samples, names: dict[str, Iterable[str]]) -> dict[str, Any]:
    """Every instrument of the site's own, under ``kind:name``."""
    return {
        f"{kind}:{name}": _DRAWN[kind](found, name) for kind, own in names.items() for name in own
    }


def _values(found: Samples, kind: str, name: str, key: str | None = None) -> Column:
    values = (sample.get(kind, {}).get(name) for _, sample in found)
    return [v if key is None or v is None else v[key] for v in values]


def _counter(found: Samples, name: str) -> dict[str, Any]:
    """What only grows is drawn as its growth; what also shrinks, as its value."""
    values = _values(found, "counters", name)
    grown = [None if a is None or b is None else b - a for a, b in pairwise(values)]
    if any(change is not None and change < 0 for change in grown):
        return chart("", [name], [values])
    spans = [sample.get("seconds") for _, sample in found[1:]]
    # The first has nothing to have grown from.
    rates: Column = [None] * min(len(values), 1)
    rates += [
        None if change is None or not span else change / span
        for change, span in zip(grown, spans, strict=True)
    ]
    return chart("/s", [f"{name}/s"], [rates])


def _gauge(found: Samples, name: str) -> dict[str, Any]:
    return chart("", [name], [_values(found, "gauges", name)])


def _meter(found: Samples, name: str) -> dict[str, Any]:
    labels = [f"{minutes[1:]} min" for minutes in MINUTES]
    return chart("/s", labels, [_values(found, "meters", name, m) for m in MINUTES])


def _histogram(found: Samples, name: str) -> dict[str, Any]:
    return chart("", QUANTILES, [_values(found, "histograms", name, q) for q in QUANTILES])


def _timer(found: Samples, name: str) -> dict[str, Any]:
    return chart("s", QUANTILES, [_values(found, "timers", name, q) for q in QUANTILES])


_DRAWN: Final = {
    "counters": _counter,
    "gauges": _gauge,
    "meters": _meter,
    "histograms": _histogram,
    "timers": _timer,
}
