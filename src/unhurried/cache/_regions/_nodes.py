"""Nodes of templates tell of their rendering, while somebody records; else nothing is wrapped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any, Final, Protocol

from django.template.base import Node, TextNode


class Hears(Protocol):
    def rendered(self, node: Any, context: Any, render: Callable[[Any, Any], Any]) -> Any: ...


#: Who records this request.
recording: ContextVar[Hears | None] = ContextVar("unhurried_regions", default=None)
#: Both say what a node gives to what is around it; no other class of Django's has its own.
_CLASSES: Final = (Node, TextNode)
_METHOD: Final = "render_annotated"
_lock: Final = Lock()
_originals: dict[type, Any] = {}
_now = 0


@contextmanager
def telling() -> Iterator[None]:
    """For as long as one request is recorded; the others' nodes ask one ContextVar more."""
    global _now
    with _lock:
        _now += 1
        if _now == 1:
            _wrap()
    try:
        yield
    finally:
        with _lock:
            _now -= 1
            if _now == 0:
                _unwrap()


def _wrap() -> None:
    for kind in _CLASSES:
        _originals[kind] = vars(kind)[_METHOD]
        setattr(kind, _METHOD, _told(_originals[kind]))


def _unwrap() -> None:
    for kind, original in _originals.items():
        setattr(kind, _METHOD, original)
    _originals.clear()


def _told(render: Callable[[Any, Any], Any]) -> Any:
    def render_annotated(self: Any, context: Any) -> Any:
        recorder = recording.get()
        if recorder is None:
            return render(self, context)
        return recorder.rendered(self, context, render)

    render_annotated.__wrapped__ = render  # type: ignore[attr-defined]
    return render_annotated
