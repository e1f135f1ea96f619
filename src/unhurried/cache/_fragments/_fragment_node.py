"""``{% fragment "name" size=32 by="auto" %}``: a registered piece, in this place."""

from __future__ import annotations

from typing import Any

from django.template import Context, Node, TemplateSyntaxError
from django.template.base import FilterExpression, Parser, Token, token_kwargs
from django.utils.safestring import SafeString

from ._compose import composed
from ._pieces import AUTO
from ._registry import named
from ._render import Call


def do_fragment(parser: Parser, token: Token) -> FragmentNode:
    """``{% fragment "name" argument=value … by="auto" %}``.

    ``by``: "inline" (now), "phased" (in a page that is kept, for each reader), "esi" or "ssi" (by
    the cache in front), "client" (by the browser), or "auto".
    """
    tag, *bits = token.split_contents()
    name = parser.compile_filter(bits.pop(0)) if bits and "=" not in bits[0] else None
    arguments = token_kwargs(bits, parser)
    if name is None or bits:
        raise TemplateSyntaxError(f'{{% {tag} "hello" size=32 %}}: a name, then its arguments.')
    return FragmentNode(name, arguments)


class FragmentNode(Node):
    def __init__(self, name: FilterExpression, arguments: dict[str, FilterExpression]) -> None:
        self.name, self.arguments = name, arguments

    def render(self, context: Context) -> SafeString:
        request = getattr(context, "request", None) or context.get("request")
        values = {name: value.resolve(context) for name, value in self.arguments.items()}
        return put(request, self.name.resolve(context), values)


def put(request: Any, name: Any, values: dict[str, Any]) -> SafeString:
    """For all template languages: a fragment by its name; ``by`` is among the values."""
    by = values.pop("by", AUTO)
    fragment = named(str(name))
    return composed(Call(fragment, fragment.arguments.checked(values)), str(by), request)
