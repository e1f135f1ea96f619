"""``{% phased with user %}…{% endphased %}``: a part of a template that is rendered per request.

Nothing of it is kept but where it stands: the body is compiled with its template, and found again
by the template's name and its place there. Of the context it has the named variables only: those
that context processors give are asked of them for each request, others are kept as plain values.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, Final

from django.http import HttpRequest
from django.template import Context, Engine, Node, NodeList, Template, TemplateSyntaxError, engines
from django.template.base import FilterExpression, Parser, Token, token_kwargs
from django.template.loader_tags import BlockNode
from django.utils.safestring import SafeString, mark_safe

from .._audience import apart
from .._audience._swap import held_by
from .._errors import CacheError
from ._holes import collecting, collector
from ._place import personal

#: What JSON keeps as it is.
_PLAIN: Final = (str, int, float, bool, type(None))
#: Where a parser carries how many there were in its template.
_NUMBER: Final = "unhurried_phased"
#: Where a request carries what context processors have given it.
_GIVEN: Final = "_unhurried_given"


def do_phased(parser: Parser, token: Token) -> PhasedNode:
    """Render what stands between the tags for each reader of a page that is kept.

    ``{% phased with user size=32 pk=book.pk %}``: the variables it has, and no others.
    """
    tag, *bits = token.split_contents()
    if bits and (bits[0] != "with" or len(bits) == 1):
        raise TemplateSyntaxError(f"{{% {tag} with user %}} names the variables that it has.")
    names, carried = _named(tag, bits[1:], parser)
    number = getattr(parser, _NUMBER, 0) + 1
    setattr(parser, _NUMBER, number)
    nodelist = parser.parse((f"end{tag}",))
    parser.delete_first_token()
    _without_blocks(tag, nodelist)
    return PhasedNode(nodelist, names, carried, number)


def _without_blocks(tag: str, nodelist: NodeList) -> None:
    """It is rendered by itself, where nobody knows which template extends which."""
    for block in nodelist.get_nodes_by_type(BlockNode):
        name = block.name  # type: ignore[attr-defined]
        raise TemplateSyntaxError(
            f"{{% block {name} %}} stands in {{% {tag} %}}, where no template can override it: put "
            f"the {tag} block inside the block."
        )


def _named(
    tag: str, bits: list[str], parser: Parser
) -> tuple[list[str], dict[str, FilterExpression]]:
    names: list[str] = []
    carried = token_kwargs(bits, parser)
    while bits:
        name = bits.pop(0)
        if not name.isidentifier():
            raise TemplateSyntaxError(f"{tag}: {name} has no name. Write {tag} with it={name}.")
        names.append(name)
        carried |= token_kwargs(bits, parser)
    return names, carried


class PhasedNode(Node):
    def __init__(
        self,
        nodelist: NodeList,
        names: list[str],
        carried: dict[str, FilterExpression],
        number: int,
    ) -> None:
        self.nodelist, self.names, self.carried = nodelist, names, carried
        self.number = number  #: In its template, from 1.
        self._reached: tuple[Engine, list[Any]] | None = None

    def render(self, context: Context) -> SafeString:
        request: Any = getattr(context, "request", None) or context.get("request")
        engine = context.template.engine  # type: ignore[union-attr]
        given, kept = self._variables(context, request)
        into = collector()
        if into is not None and request is not None:
            if place := self._place(engine):
                return into.mark(["phased", *place, given, kept, context.autoescape])
            into.refusals.append("a phased block stands where its template's name does not lead")
        personal("a phased block")
        template: Any = context.template
        with apart(request) if collecting.get() is None else nullcontext():
            return self.rendered(request, template, given, kept, autoescape=context.autoescape)

    def rendered(
        self,
        request: Any,
        template: Template,
        given: list[str],
        kept: dict[str, Any],
        *,
        autoescape: bool,
    ) -> SafeString:
        """For one reader, with these variables alone, and the CSRF token, which a form needs."""
        found = _given(request, template.engine)
        values = {name: found[name] for name in (*given, "csrf_token") if name in found}
        context = Context({**values, **_loaded(kept)}, autoescape=autoescape)
        context.request = request  # type: ignore[attr-defined]
        with context.bind_template(template), context.render_context.push_state(template):
            return self.nodelist.render(context)

    def _variables(self, context: Context, request: Any) -> tuple[list[str], dict[str, Any]]:
        kept = {name: _plain(name, value.resolve(context)) for name, value in self.carried.items()}
        given = []
        for name in self.names:
            if _is_given(context, request, name):
                given.append(name)
            else:
                kept[name] = _plain(name, context[name])
        return given, kept

    def _place(self, engine: Engine) -> list[Any]:
        """[backend, template, number] that lead here again; empty where they lead elsewhere."""
        if self._reached is None or self._reached[0] is not engine:
            self._reached = engine, _found(self, engine)
        return self._reached[1]


def second(
    request: HttpRequest,
    backend: str,
    template: str,
    number: int,
    given: list[str],
    kept: dict[str, Any],
    autoescape: bool,  # noqa: FBT001 - as it lies in the entry
) -> str:
    """What stands there for this reader."""
    engine: Engine = engines[backend].engine  # type: ignore[attr-defined]
    found = engine.get_template(template)
    node = _numbered(found, number)
    if node is None:
        raise CacheError(
            f"{template} has no phased block {number} any more.",
            "It was changed under pages that are kept: each deploy needs a VERSION of its own.",
        )
    return node.rendered(request, found, given, kept, autoescape=autoescape)


def _numbered(template: Template, number: int) -> PhasedNode | None:
    nodes: Any = template.nodelist.get_nodes_by_type(PhasedNode)
    return next((node for node in nodes if node.number == number), None)


def _found(node: PhasedNode, engine: Engine) -> list[Any]:
    name = node.origin.template_name
    if not name or node.origin.loader is None:
        return []
    template = engine.get_template(str(name))
    backends = [alias for alias in engines if getattr(engines[alias], "engine", None) is engine]
    if not backends or template.origin != node.origin or _numbered(template, node.number) is None:
        return []
    return [backends[0], str(name), node.number]


def _is_given(context: Context, request: Any, name: str) -> bool:
    """Whether what the variable is here is what context processors, or the request, say it is."""
    if name not in context:
        return True
    value = context[name]
    index = getattr(context, "_processors_index", None)
    layer = {} if index is None else context.dicts[index]
    held = {} if request is None else held_by(request)
    return any(name in each and each[name] is value for each in (layer, held))


def _plain(name: str, value: Any) -> Any:
    """As JSON keeps it; a text that is safe stays so."""
    if isinstance(value, SafeString):
        return {"safe": str(value)}
    if type(value) in _PLAIN:
        return value
    raise CacheError(
        f"phased with {name}: that is a {type(value).__name__} of the view's, which can't be kept "
        "for later readers.",
        f"Pass what can be written down, and load it inside: phased with pk={name}.pk.",
    )


def _loaded(kept: dict[str, Any]) -> dict[str, Any]:
    return {
        name: mark_safe(value["safe"]) if isinstance(value, dict) else value
        for name, value in kept.items()
    }


def _given(request: Any, engine: Engine) -> dict[str, Any]:
    """What the context processors say, asked once per request."""
    if request is None:
        return {}
    held = held_by(request).setdefault(_GIVEN, {})
    found: dict[str, Any] = held.get(id(engine), {})
    if id(engine) not in held:
        held[id(engine)] = found
        for processor in engine.template_context_processors:
            found.update(processor(request))
    return found
