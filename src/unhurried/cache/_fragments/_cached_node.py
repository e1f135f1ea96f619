"""``{% cached 600 "name" arg … %}…{% endcached %}``: a part of a template, kept like a function."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from django.template import Context, Node, NodeList, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, Token
from django.utils.safestring import SafeString

from .._audience import is_preview, visitor_in
from .._engine._around import around, leading
from .._engine._look import look
from .._engine._policy import Policy, checked
from .._functions._keys import key_of
from ._instance import instance
from ._kept import kept

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
        request = getattr(context, "request", None) or context.get("request")
        if is_preview(request):
            return self.nodelist.render(context)
        name = str(self.name.resolve(context))
        policy = _policy(name, self.ttl.resolve(context))
        label = key_of(name, tuple(each.resolve(context) for each in self.arguments))
        escape = "" if context.autoescape else "|raw"
        place = f"{around()}{leading()}{instance(request)}"
        return kept(
            look(policy, f"{place}{escape}|part|{label}", (label,)),
            lambda: self._made(context, request),
            request,
            lazies={what: context.get(name) for name, what in _LAZY.items()},
        )

    def _made(self, context: Context, request: Any) -> str:
        with visitor_in(context, request):
            return self.nodelist.render(context)


@lru_cache(1024)
def _policy(name: str, ttl: Any) -> Policy:
    try:
        ttl = float(ttl) if isinstance(ttl, str) else ttl
    except ValueError:
        pass  # the error below says what it must be
    hard, soft = checked(f"cached {name}", ttl, None, "refresh", strict=False)
    return Policy(name, hard, soft, kind="fragment")
