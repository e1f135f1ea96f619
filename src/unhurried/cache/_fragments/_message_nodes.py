"""Which nodes of a template show messages, and nothing besides: told by reading what is compiled.

Such a node can be rendered for one reader from his messages alone, wherever its template is. Only
nodes and names that are known here count; whatever is not makes it a part of the page around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final
from weakref import WeakKeyDictionary

from django.template import Engine, Node, Template, TemplateDoesNotExist, TemplateSyntaxError
from django.template.base import FilterExpression, TextNode, Variable, VariableNode
from django.template.defaultfilters import length
from django.template.defaulttags import (
    AutoEscapeControlNode,
    CommentNode,
    ForNode,
    IfNode,
    LoadNode,
    SpacelessNode,
    TemplateTagNode,
    VerbatimNode,
    WithNode,
)
from django.template.loader_tags import BlockNode, ExtendsNode, IncludeNode
from django.templatetags.i18n import TranslateNode
from django.templatetags.static import StaticNode

MESSAGES: Final = "messages"
LEVELS: Final = "DEFAULT_MESSAGE_LEVELS"
#: What each context has, or what the context processor of messages gives.
_KNOWN: Final = frozenset({MESSAGES, LEVELS, "True", "False", "None"})
#: What a name in a scope stands for: the messages themselves, or some value made of them.
_STORE, _VALUE = "store", "value"
Scope = Mapping[str, str]
_OUTSIDE: Final[Scope] = {MESSAGES: _STORE}
#: Includes in each other, read ahead.
_DEPTH: Final = 5
#: Nodes around a region that show what is in them as it is.
AROUND: Final = frozenset({BlockNode, ExtendsNode, IfNode, WithNode, AutoEscapeControlNode})
_SHOWS: Final = frozenset(
    {IfNode, ForNode, WithNode, AutoEscapeControlNode, SpacelessNode, VariableNode}
)
_PLAIN: Final = frozenset({TextNode, CommentNode, LoadNode, TemplateTagNode, VerbatimNode})


@dataclass(frozen=True, slots=True)
class Spoken:
    """A node that shows messages. ``print`` tells it from one that came in its place."""

    node: Node
    print: str
    names: frozenset[str]


@dataclass(slots=True)
class Found:
    """Of one template: its regions in their order, its parents, and why others are no regions."""

    regions: list[Spoken] = field(default_factory=list)
    parents: list[ExtendsNode] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


class Mixed(Exception):  # noqa: N818 - what the node is
    """The node shows something that nobody here can vouch for."""


_found: WeakKeyDictionary[Template, Found] = WeakKeyDictionary()


def found_in(template: Template) -> Found:
    """Read once for each template."""
    found = _found.get(template)
    if found is None:
        found = Found()
        _walk(template.nodelist, template.engine, found)
        _found[template] = found
    return found


def _walk(nodes: Any, engine: Engine, found: Found) -> None:
    for node in nodes:
        kind = type(node)
        if kind is ExtendsNode:
            found.parents.append(node)
        if kind in _SHOWS and _settled(node, engine, found):
            continue
        if kind in AROUND:
            for inner in _inside(node):
                _walk(inner, engine, found)


def _settled(node: Any, engine: Engine, found: Found) -> bool:
    """Whether it is a region, or has nothing to do with messages."""
    reading = _Reading(engine)
    try:
        reading.node(node, _OUTSIDE)
    except Mixed as mixed:
        if MESSAGES in _own_names(node, engine):
            found.reasons.append(f"{line_of(node)} shows messages, and {mixed}")
        return False
    if MESSAGES not in reading.names:
        return True
    if strange := sorted(reading.names - _KNOWN):
        if MESSAGES in _own_names(node, engine):
            found.reasons.append(f"{line_of(node)} shows messages, and reads {', '.join(strange)}")
        return False
    found.regions.append(Spoken(node, reading.print(), frozenset(reading.names)))
    return True


def _own_names(node: Any, engine: Engine) -> set[str]:
    """What the node itself looks at, whatever is in it."""
    reading = _Reading(engine)
    for expression, bare in _expressions(node):
        try:
            reading.expression(expression, _OUTSIDE, bare=bare)
        except Mixed:
            continue
    return reading.names


def line_of(node: Any) -> str:
    origin = getattr(node.origin, "template_name", None) or "a template"
    return f"{origin}:{node.token.lineno if node.token else 0}"


class _Reading:
    """What of the context a node depends on."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.names: set[str] = set()
        self._said: list[str] = []
        self._depth = 0

    def print(self) -> str:
        return blake2b("\0".join(self._said).encode(), digest_size=8).hexdigest()

    def node(self, node: Any, scope: Scope) -> None:
        kind = type(node)
        token = getattr(node, "token", None)
        text = node.s if kind is TextNode else token.contents if token else ""
        self._said += (kind.__name__, getattr(node, "content", text))
        if kind in _PLAIN:
            return
        if kind is IncludeNode:
            self._include(node, scope)
        elif kind in _SHOWS or kind in (TranslateNode, StaticNode):
            self._shown(node, scope)
        else:
            raise Mixed(f"holds {{% {text.partition(' ')[0]} %}}")

    def _shown(self, node: Any, scope: Scope) -> None:
        if getattr(node, "asvar", None) or getattr(node, "varname", None):
            raise Mixed("sets a variable")  # which is there after it, too
        for expression, bare in _expressions(node):
            self.expression(expression, scope, bare=bare)
        inner = self._scope(node, scope)
        for nodes in _inside(node):
            for each in nodes:
                self.node(each, inner)

    def _scope(self, node: Any, scope: Scope) -> Scope:
        if type(node) is ForNode:
            return {**scope, **dict.fromkeys((*node.loopvars, "forloop"), _VALUE)}
        if type(node) is WithNode:
            return {**scope, **self._given(node.extra_context, scope)}
        return scope

    def _given(self, given: Mapping[str, FilterExpression], scope: Scope) -> Scope:
        return {name: _stands_for(value, scope) for name, value in given.items()}

    def _include(self, node: Any, scope: Scope) -> None:
        for expression in node.extra_context.values():
            self.expression(expression, scope, bare=True)
        name = _literal(node.template)
        if not name or name.startswith(".") or self._depth >= _DEPTH:
            raise Mixed("includes what is known only then")
        try:
            template = self.engine.get_template(name)
        except (TemplateDoesNotExist, TemplateSyntaxError):
            raise Mixed(f"includes {name}, which can't be read") from None
        given = self._given(node.extra_context, scope)
        self._depth += 1
        for each in template.nodelist:
            self.node(each, given if node.isolated_context else {**scope, **given})
        self._depth -= 1

    def expression(self, expression: FilterExpression, scope: Scope, *, bare: bool) -> None:
        """``bare``: where messages may stand as they are: to be counted, or gone through."""
        filters = expression.filters
        counted = bool(filters) and filters[0][0] is length
        self._variable(expression.var, scope, bare=counted or (bare and not filters))
        for _, arguments in filters:
            for is_variable, argument in arguments:
                if is_variable:
                    self._variable(argument, scope, bare=False)

    def _variable(self, variable: Any, scope: Scope, *, bare: bool) -> None:
        lookups = variable.lookups if isinstance(variable, Variable) else None
        if lookups is None:
            return
        stands_for = scope.get(lookups[0])
        if stands_for == _VALUE:
            return
        self.names.add(MESSAGES if stands_for == _STORE else lookups[0])
        if stands_for == _STORE and not (bare and len(lookups) == 1):
            raise Mixed(f"shows {'.'.join(lookups)} as such")


def _stands_for(value: FilterExpression, scope: Scope) -> str:
    lookups = value.var.lookups if isinstance(value.var, Variable) else None
    plain = not value.filters and lookups is not None and len(lookups) == 1
    return _STORE if plain and scope.get(lookups[0]) == _STORE else _VALUE  # type: ignore[index]


def _literal(expression: FilterExpression) -> str:
    name = expression.var
    return name if isinstance(name, str) and not expression.filters else ""


def _inside(node: Any) -> Iterator[Any]:
    if type(node) is IfNode:
        yield from (nodes for _, nodes in node.conditions_nodelists)
        return
    for name in node.child_nodelists:
        yield getattr(node, name, ())


def _expressions(node: Any) -> Iterator[tuple[Any, bool]]:
    """Each that the node itself resolves, and whether messages may stand in it as they are."""
    if type(node) is IfNode:
        for condition, _ in node.conditions_nodelists:
            yield from ((each, True) for each in _of_condition(condition))
    elif type(node) is ForNode:
        yield node.sequence, True
    elif type(node) is WithNode:
        yield from ((each, True) for each in node.extra_context.values())
    for name in ("filter_expression", "message_context", "path"):
        expression: Any = getattr(node, name, None)
        if isinstance(expression, FilterExpression):
            yield expression, False


def _of_condition(condition: Any) -> Iterator[FilterExpression]:
    if condition is None:  # else
        return
    if isinstance(value := condition.value, FilterExpression):
        yield value
    for part in (condition.first, condition.second):
        yield from _of_condition(part)
