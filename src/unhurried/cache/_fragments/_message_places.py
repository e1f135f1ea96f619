"""A region that shows messages, found again by its template, and rendered for whoever has some."""

from __future__ import annotations

from typing import Any

from django.contrib.messages.constants import DEFAULT_LEVELS
from django.template import Context, Engine, Template, TemplateDoesNotExist, engines
from django.utils.safestring import SafeString, mark_safe

from .._audience._swap import held_by
from .._errors import CacheError
from ._holes import Piece, collected
from ._message_nodes import LEVELS, MESSAGES, Spoken, found_in
from ._place import personal


def place_of(spoken: Spoken, number: int, engine: Engine) -> list[Any]:
    """[backend, template, number, print] that lead there again; empty where they do not."""
    origin: Any = spoken.node.origin
    name = origin.template_name
    if not name or origin.loader is None:
        return []
    backends = [alias for alias in engines if getattr(engines[alias], "engine", None) is engine]
    place = [*backends[:1], str(name), number, spoken.print]
    found = _node_at(place) if backends else None
    return place if found is not None and found[0].origin == origin else []


def _node_at(place: list[Any]) -> tuple[Template, Any] | None:
    backend, name, number, print_ = place
    try:
        template = engines[backend].engine.get_template(name)  # type: ignore[attr-defined]
    except TemplateDoesNotExist:
        return None
    regions = found_in(template).regions
    if number >= len(regions) or regions[number].print != print_:
        return None
    return template, regions[number].node


def is_there(piece: Piece) -> bool:
    """Whether its template still has what it had when the page was made."""
    return _node_at(piece[:4]) is not None


def render_for(piece: Piece, messages: Any) -> SafeString:
    """The region with these messages."""
    *place, autoescape, with_levels = piece
    found = _node_at(place)
    if found is None:  # it was there a moment ago, see ``is_there``
        raise CacheError(f"{place[1]} has changed just now.", "Ask again.")
    template, node = found
    levels = {LEVELS: DEFAULT_LEVELS} if with_levels else {}
    context = Context({MESSAGES: messages, **levels}, autoescape=autoescape)
    state = context.render_context.push_state
    with collected(None), context.bind_template(template), state(template):
        text: str = node.render_annotated(context)
    return mark_safe(text)


def spoken_to(request: Any, piece: Piece) -> SafeString:
    """The region for this reader. They count as shown if it was rendered, and not to HEAD."""
    personal("messages")
    storage = held_by(request)["_messages"]
    used = storage.used
    if request.method == "HEAD":
        listed = [*storage]
        storage.used = used
        return render_for(piece, listed)
    try:
        return render_for(piece, storage)
    except BaseException:  # boundary: none; it goes on, and nobody has seen them
        storage.used = used
        raise
