"""What to change: the call that makes one query of many, or an honest "no mechanical fix"."""

from __future__ import annotations

from typing import Any, Final

from django.db.models.fields import related_descriptors as related

from ._finding import N_PLUS_ONE, UNUSED, Finding
from ._groups import Group
from ._origin import Origin
from ._relations import FIELD, MANY, ONE, Relation
from ._saving import has_own_save, is_listened_to
from ._trials import Injection

NO_FIX: Final = "no mechanical fix"
#: Asked of a queryset in a loop, there is no instance to read them from.
AGGREGATES: Final = ("count", "exists", "aggregate", "contains")
_BY_VERB: Final = {
    "save": "change the rows in the loop, then bulk_update(rows, [...]) once",
    "create": "collect the rows in the loop, then bulk_create(rows) once",
    "get_or_create": "read those there are with in_bulk(), then bulk_create() the others",
    "update_or_create": "bulk_create(rows, update_conflicts=True, ...) once",
    "update": "one update() of all, or bulk_update(rows, [...])",
    "add": "collect the pairs in the loop, then through.objects.bulk_create(pairs) once",
    "delete": "one filter(pk__in=[...]).delete()",
    "full_clean": "check them together: read what there is with __in before the loop",
    "validate_constraints": "check them together: read what there is with __in before the loop",
}
_SAVES: Final = frozenset({"save", "create", "get_or_create", "update_or_create"})
_BY_METHOD: Final = {
    "get": "read them all before the loop: in_bulk([...])",
    "count": "annotate(Count(...)) where the rows come from",
    "exists": "annotate(Exists(...)) where the rows come from",
    "contains": "annotate(Exists(...)) where the rows come from",
    "aggregate": "annotate(...) where the rows come from",
}
_ONCE: Final = "read it once and keep it: a local, {% with %}, cached_property"


def describe(kind: str, group: Group, count: int | None = None) -> Finding:
    """The finding for a group, its remedy included."""
    read = group.read
    named = read.relation
    origin, path = _resolved(read.origin) if kind == N_PLUS_ONE else (None, ())
    attribute = named.attribute if named else read.keyed
    if group.recursive:
        path = tuple(step for step in path if step != attribute)
    steps = (*path, attribute) if attribute else ()
    aggregates = group.method in AGGREGATES
    finding = Finding(
        kind=kind,
        relation=named.label if named and not aggregates else None,
        path="__".join(steps) or None,
        loop=group.loop.label if group.loop else "",
        through=tuple(site.label for site in group.through),
        origin=origin.site.label if origin and origin.site else None,
        count=group.count if count is None else count,
        instances=len(group.instances),
        remedy=NO_FIX,
        fixable=False,
        alias=group.alias,
        fingerprint=group.fingerprint,
        seconds=group.ns / 1e9,
        source=origin,
        group=group,
    )
    if kind != N_PLUS_ONE:
        finding.remedy = _ONCE
    elif named is None or aggregates:
        _without_relation(finding, group)
    else:
        _with_relation(finding, named, origin, steps)
    return finding


def _resolved(origin: Origin | None) -> tuple[Origin | None, tuple[str, ...]]:
    return (None, ()) if origin is None else origin.resolved()


def _with_relation(
    finding: Finding, named: Relation, origin: Origin | None, steps: tuple[str, ...]
) -> None:
    path = "__".join(steps)
    group = finding.group
    known = origin is not None and origin.site is not None
    if named.shape == MANY and not named.whole:
        finding.remedy = f'.prefetch_related(Prefetch("{path}", queryset=..., to_attr="..."))'
        finding.fixable = known
        return
    how = _how(named, group, origin, steps)
    finding.remedy = f'.{how}("{path}")'
    if how == "undefer":
        finding.remedy = f'load "{path}" with the row: not in defer(), in only()'
    if origin is None or origin.site is None or group is None:
        return
    if origin.in_template:
        finding.remedy += ", in the view: a template has no place for it"
        return
    if group.recursive:
        finding.remedy += ", a step of a tree: its depth is not in the code"
        return
    if _also_defers(group):
        finding.remedy += f', with "{path}" in only()'
        return
    finding.fixable = True
    if how == "prefetch_related" and origin.streamed:
        finding.remedy += " and .iterator(chunk_size=2000)"
        how = "prefetch_in_chunks"
    finding.injection = Injection(origin.site, origin.model, how, path)


def _how(
    named: Relation, group: Group | None, origin: Origin | None, steps: tuple[str, ...]
) -> str:
    if named.shape == FIELD:
        return "undefer"
    if named.shape != ONE or cannot_join(origin, group):
        return "prefetch_related"
    if origin is not None and (origin.combined or _crosses_many(origin.model, steps)):
        return "prefetch_related"
    return "select_related"


def cannot_join(origin: Origin | None, group: Group | None) -> bool:
    """Whether a join would lock the other row, too, or would go to another database."""
    if origin is not None and origin.locked:
        return True
    return group is not None and group.read.alias not in (None, group.alias)


def _also_defers(group: Group) -> bool:
    """Whether the foreign key itself was left out, too."""
    shapes = {part.read.relation.shape for part in group.parts if part.read.relation}
    return len(shapes) > 1


def _crosses_many(model: Any, steps: tuple[str, ...]) -> bool:
    """Whether a path goes through a relation to many, or a generic one: no join can follow it."""
    for name in steps:
        descriptor = getattr(model, name, None)
        if isinstance(descriptor, related.ForwardManyToOneDescriptor):
            model = descriptor.field.related_model
        elif isinstance(descriptor, related.ReverseOneToOneDescriptor):
            model = descriptor.related.related_model
        else:
            return True
    return False


def _without_relation(finding: Finding, group: Group) -> None:
    keyed, origin = group.read.keyed, finding.source
    known = origin is not None and origin.site is not None
    if group.method == "get" and keyed:
        how = "prefetch_related" if cannot_join(origin, group) else "select_related"
        finding.remedy = f'.{how}("{finding.path}"), and .{keyed} in the loop'
        finding.fixable = known
    elif keyed and group.method not in _BY_METHOD:
        finding.remedy = f'.prefetch_related("{finding.path}"), and .{keyed}.all() in the loop'
        finding.fixable = known
    elif group.verb in _BY_VERB:
        finding.remedy = _BY_VERB[group.verb] + _left_out(group)
        finding.fixable = group.verb in ("save", "create")
    elif group.method in _BY_METHOD:
        finding.remedy = _BY_METHOD[group.method]
        finding.fixable = known
    elif group.model is not None:
        finding.remedy = "one query before the loop, with __in, and a dict"
    else:
        finding.remedy = f"{NO_FIX}: one statement with IN or a join instead"


def _left_out(group: Group) -> str:
    """What a history, a tree or an index would miss that lives by the saving of each row."""
    saved = group.model if group.verb in _SAVES else None
    if saved is None or not (has_own_save(saved) or is_listened_to(saved)):
        return ""
    return " (no save(), no signals)"


def unused(origin: Origin, name: str, how: str, loaded: int) -> Finding:
    """A relation that was loaded ahead and not read."""
    assert origin.site is not None
    path = "__".join((*origin.path, name))
    model: Any = origin.model
    for step in origin.path:
        model = _target(model, step)
    injection = Injection(origin.site, origin.model, f"drop_{how}", path)
    return Finding(
        kind=UNUSED,
        relation=f"{model._meta.concrete_model._meta.label}.{name}",
        path=path,
        loop=origin.site.label,
        through=(),
        origin=origin.site.label,
        count=1 if how == "prefetch_related" else 0,
        instances=loaded,
        remedy=f'without .{how}("{path}")',
        fixable=True,
        alias="",
        fingerprint="",
        seconds=0.0,
        injection=injection,
        source=origin,
    )


def _target(model: Any, name: str) -> Any:
    descriptor = getattr(model, name, None)
    field = getattr(descriptor, "field", None)
    if isinstance(descriptor, related.ReverseOneToOneDescriptor):
        return descriptor.related.related_model
    if isinstance(descriptor, related.ManyToManyDescriptor):
        return descriptor.rel.model if not descriptor.reverse else descriptor.rel.related_model
    if isinstance(descriptor, related.ReverseManyToOneDescriptor):
        return descriptor.rel.related_model
    return getattr(field, "related_model", model) or model
