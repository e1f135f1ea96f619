"""Who looks: the project's line, and the few of Django's own whose looking tells a page nothing."""

from __future__ import annotations

from types import FrameType
from typing import Any, Final

from unhurried.queries.reading import walk

#: Code in between, that looks on behalf of its caller.
_BETWEEN: Final = {
    "_collections_abc",
    "contextlib",
    "django.utils.datastructures",
    "django.utils.functional",
}
_OURSELVES: Final = __name__.rpartition(".")[0]
_MEASURING: Final = ("unhurried.measure.", "unhurried.queries.")
_MOST: Final = 4096
#: Labels by place, with what must stay alive for the place to mean no other.
_labels: dict[tuple[int, int], tuple[object, str]] = {}


def nearest(frame: FrameType | None) -> FrameType | None:
    """The first frame that is neither ours nor in between."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if module not in _BETWEEN and not module.startswith(_OURSELVES):
            return frame
        frame = frame.f_back
    return None


def harmless(frame: FrameType | None) -> bool:
    """Whether nothing of what this frame looks at can reach the page."""
    if frame is None:
        return False
    module = str(frame.f_globals.get("__name__"))
    if module.startswith(_MEASURING):
        return True
    name = frame.f_code.co_qualname
    if name == "HttpRequest.get_port" and frame.f_back is not None:
        name = frame.f_back.f_code.co_qualname  # a request without Host is at the server's own
    return (module, name) in _HARMLESS


def place(frame: FrameType | None) -> str:
    """``pins/views.py:31`` or ``pins/feed.html:12``; a library's line if none of the project's."""
    for found in walk(frame, depth=1).places:
        known = _labels.get(found.key)
        return known[1] if known else _learn(found)
    if frame is None:
        return "?"
    return f"{str(frame.f_globals.get('__name__')).replace('.', '/')}.py:{frame.f_lineno}"


def _learn(found: Any) -> str:
    if len(_labels) >= _MOST:
        _labels.clear()
    label: str = found.site().label
    _labels[found.key] = found.anchor(), label
    return label


_HARMLESS: Final = {
    # Host and scheme: told as such by who asked for them.
    ("django.http.request", "HttpRequest._get_raw_host"),
    ("django.http.request", "HttpRequest.scheme"),
    ("django.core.handlers.wsgi", "WSGIRequest._get_scheme"),
    ("django.core.handlers.asgi", "ASGIRequest._get_scheme"),
    # From the cookie to META and back; get_token(), which makes a page of it, is seen.
    ("django.middleware.csrf", "CsrfViewMiddleware._get_secret"),
    ("django.middleware.csrf", "CsrfViewMiddleware.process_request"),
    ("django.middleware.csrf", "CsrfViewMiddleware.process_view"),
    ("django.middleware.csrf", "CsrfViewMiddleware.process_response"),
    # Decides between the page and a 304 or 412, which are never kept.
    ("django.utils.cache", "get_conditional_response"),
    # Looks while DEBUG is on only, for a variable that is named debug.
    ("django.template.context_processors", "debug"),
    # Asks for the namespace of the URLconf, for sites that include one twice.
    ("django.template.defaulttags", "URLNode.render"),
}
