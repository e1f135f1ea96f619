"""Nodes of templates tell of their rendering, while somebody records; else nothing is wrapped."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final, Protocol

from django.template.base import Node, TextNode

from .._patching import Patching


class Hears(Protocol):
    def rendered(self, node: Any, context: Any, render: Callable[[Any, Any], Any]) -> Any: ...


#: Who records this request.
recording: ContextVar[Hears | None] = ContextVar("unhurried_regions", default=None)
#: Both say what a node gives to what is around it; no other class of Django's has its own.
_CLASSES: Final = (Node, TextNode)
_METHOD: Final = "render_annotated"
_originals: dict[type, Any] = {}


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


#: For as long as one request is recorded; the others' nodes ask one ContextVar more.
telling: Final = Patching(_wrap, _unwrap)
