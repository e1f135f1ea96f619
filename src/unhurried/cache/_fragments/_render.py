"""A fragment for one reader: who may see it, what is kept of it, what stands in where it fails."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template import loader
from django.utils.html import conditional_escape
from django.utils.safestring import mark_safe

from .._audience import _people, is_preview
from .._engine._around import around, leading
from .._engine._look import decided, look
from .._engine._lookup import Lookup
from .._errors import CacheError
from .._functions._keys import key_of
from .._units._unit import unit_now
from ._instance import instance
from ._kept import kept
from ._place import personal
from ._registry import Fragment

logger = logging.getLogger("unhurried")

#: How deep fragments may lie in fragments, addresses included.
DEPTH: Final = 3
#: The names of those that are being rendered here, the outermost first.
within: ContextVar[tuple[str, ...]] = ContextVar("unhurried_fragments", default=())


@dataclass(slots=True)
class Call:
    """A fragment with its arguments, checked. ``lookup`` is what was found of it, if asked."""

    fragment: Fragment
    values: dict[str, Any]
    lookup: Lookup | None = None
    #: What its audience has looked at to tell whose it is.
    allowed: frozenset[str] = field(default=frozenset())

    def asked(self, request: HttpRequest) -> tuple[Any, str, tuple[str, ...]] | None:
        """(policy, key, labels) to look it up by; None where nothing of it is kept."""
        fragment = self.fragment
        if fragment.policy is None or is_preview(request):
            return None
        if _people.unkeyed(request, (fragment.audience,)):
            return None
        label = key_of(fragment.name, tuple(self.values.values()))
        who = ""
        if fragment.audience != "all":
            who, self.allowed = _people.values(request, (fragment.audience,))
        place = f"{around()}{leading()}{instance(request)}"
        return fragment.policy, f"{place}|fragment|{who}|{label}", (label,)


def render(call: Call, request: HttpRequest) -> str:
    """Its HTML; empty for who may not see it."""
    fragment = call.fragment
    with _deeper(fragment.name):
        if fragment.personal:
            personal(f"the fragment {fragment.name}")
        try:
            if not may(fragment, request):
                return ""
            return _kept(call, request)
        except Exception:  # boundary: the site's own code, which has said what stands in
            if fragment.fallback is None:
                raise
            logger.exception("The fragment %s has failed; its fallback stands in.", fragment.name)
            _refuse(f"the fragment {fragment.name} has failed")
            return mark_safe(fragment.fallback)


def _refuse(reason: str) -> None:
    """What holds it is for this reader, who has come too early; what was kept before stays."""
    unit = unit_now()
    if unit is not None:
        unit.refuse(reason, once=True)


def may(fragment: Fragment, request: HttpRequest) -> bool:
    """Whether this reader may see it; asked each time, whatever is kept."""
    try:
        return fragment.permission is None or bool(fragment.permission(request))
    except PermissionDenied:
        return False


def _kept(call: Call, request: HttpRequest) -> str:
    lookup = call.lookup and decided(call.lookup)
    if lookup is None and (asked := call.asked(request)):
        lookup = look(*asked)
    if lookup is None:
        return _made(call, request)
    return kept(
        *(lookup, lambda: _made(call, request), request),
        audience=call.fragment.audience,
        allowed=call.allowed,
    )


def _made(call: Call, request: HttpRequest) -> str:
    found = call.fragment.function(request, **call.values)
    if isinstance(found, tuple) and len(found) == 2:
        template, context = found
        return loader.render_to_string(template, context, request)
    if isinstance(found, str) or hasattr(found, "__html__"):
        return conditional_escape(found)
    raise CacheError(
        f"The fragment {call.fragment.name} returned {found!r:.80}.",
        'Return HTML (format_html("…")) or (template, context): ("hello.html", {}).',
    )


@contextmanager
def _deeper(name: str) -> Iterator[None]:
    outer = within.get()
    if len(outer) >= DEPTH:
        raise CacheError(
            f"Fragments lie in each other more than {DEPTH} deep: {' > '.join((*outer, name))}.",
            "Does one of them hold itself? Put the innermost into its page.",
        )
    token = within.set((*outer, name))
    try:
        yield
    finally:
        within.reset(token)
