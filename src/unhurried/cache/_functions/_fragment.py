"""``{% cached 600 "name" arg … %}…{% endcached %}``: a part of a template, kept like a function."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, Final

from django.template import Context, Node, NodeList, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, Token
from django.utils.safestring import SafeString, mark_safe

from .._audience import Observation, observing, unproven
from .._engine import _counts
from .._engine._around import around, surroundings
from .._engine._compute import Computing, stand_in
from .._engine._entry import Entry
from .._engine._look import SERVED, Lookup, look, use
from .._engine._policy import Policy, checked
from .._engine._wait import wait
from ._keys import key_of

__all__ = ["CachedNode", "do_cached"]

#: What a context processor puts there, and which input it is.
_LAZY: Final = {"user": "user", "csrf_token": "csrf", "csp_nonce": "nonce"}


def do_cached(parser: Parser, token: Token) -> CachedNode:
    """Keep what stands between the tags, for at most so many seconds, until its data change.

    ``{% cached ttl "name" arg … %}``: the ttl in seconds, a name, and the values it differs by.
    """
    bits = token.split_contents()
    if len(bits) < 3:
        raise TemplateSyntaxError(f'{bits[0]} wants a ttl and a name: {{% cached 600 "books" %}}.')
    nodelist = parser.parse(("endcached",))
    parser.delete_first_token()
    ttl, name, *arguments = [parser.compile_filter(bit) for bit in bits[1:]]
    return CachedNode(nodelist, ttl, name, arguments)


class CachedNode(Node):
    def __init__(
        self,
        nodelist: NodeList,
        ttl: FilterExpression,
        name: FilterExpression,
        arguments: list[FilterExpression],
    ) -> None:
        self.nodelist, self.ttl, self.name, self.arguments = nodelist, ttl, name, arguments

    def render(self, context: Context) -> SafeString:
        name = str(self.name.resolve(context))
        policy = _policy(name, self.ttl.resolve(context))
        label = key_of(name, tuple(each.resolve(context) for each in self.arguments))
        escape = "" if context.autoescape else "|raw"
        lookup = look(policy, f"{around()}{escape}|{label}", (label,))
        if lookup.act == "wait":
            lookup = wait(lookup)
        if lookup.act in SERVED:
            entry = use(lookup)
            _counts.hit(name, lookup.state, entry.delta)
            return _text(entry)
        try:
            return self._computed(lookup, context)
        except Exception as error:  # boundary: a regeneration that fails has an old part behind it
            return _text(stand_in(lookup, error))

    def _computed(self, lookup: Lookup, context: Context) -> SafeString:
        with Computing(lookup) as computing, _observing(context) as seen:
            text = self.nodelist.render(context)
            for what, line in unproven(seen.touched, kind="fragment").items():
                computing.refuse(f"{line} looks at {what}")
            return _text(computing.keep((text.encode(),), surroundings()))


def _observing(context: Context) -> AbstractContextManager[Observation]:
    """The request, wherever it is; and what context processors have made of it before."""
    request = getattr(context, "request", None) or context.get("request")
    return observing(request, {what: context.get(name) for name, what in _LAZY.items()})


@lru_cache(1024)
def _policy(name: str, ttl: Any) -> Policy:
    try:
        ttl = float(ttl) if isinstance(ttl, str) else ttl
    except ValueError:
        pass  # the error below says what it must be
    hard, soft = checked(f"cached {name}", ttl, None, "refresh", strict=False)
    return Policy(name, hard, soft, kind="fragment")


def _text(entry: Entry) -> SafeString:
    return mark_safe(entry.bodies[0].decode())
