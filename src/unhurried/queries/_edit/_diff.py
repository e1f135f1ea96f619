"""From a finding to the edit of the source that makes it go away, as a unified diff.

A remedy of one place is written into the expression that makes the queryset; one of two places
also changes the line in the loop, see ``_twice``. Where the edit cannot be sure there is none, and
the reason is told instead: a wrong line is worse than no line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .._find._finding import N_PLUS_ONE, UNUSED, Finding
from .._find._origin import Origin
from .._find._relations import MANY
from .._find._remedies import NO_FIX, cannot_join
from .._find._sites import Site
from .._find._trials import Injection
from . import _bulk, _eager_calls, _keyed, _twice
from ._chains import chain
from ._edits import Edit, NoEditError, applied, unified


@dataclass(slots=True)
class Plan:
    """What one finding wants changed: calls at one queryset's line, words elsewhere."""

    site: Site | None = None
    model: Any = None
    changes: list[_eager_calls.Change] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    injections: tuple[Injection, ...] = ()  # what tries out the same without an edit


def plan(finding: Finding) -> Plan:
    """Raises ``NoEditError``, with the reason, where there is no mechanical edit."""
    if finding.kind not in (N_PLUS_ONE, UNUSED):
        raise NoEditError("there is no mechanical edit for what is asked twice")
    if finding.injection is not None:
        return _outer(finding) if finding.injection.site.is_template else _one_place(finding)
    if finding.remedy.startswith(NO_FIX):
        raise NoEditError(finding.remedy)
    return _two_places(finding)


def _one_place(finding: Finding) -> Plan:
    injection = finding.injection
    assert injection is not None
    chunked = injection.how == "prefetch_in_chunks"
    how = "prefetch_related" if chunked else injection.how
    changes = [_eager_calls.Change(how, injection.path, chunked=chunked)]
    return Plan(injection.site, injection.model, changes, [], (injection,))


def _outer(finding: Finding) -> Plan:
    """The rows are those of a relation that a template asks one instance for: prefetch it."""
    source, injection = finding.source, finding.injection
    assert injection is not None
    outer: Origin | None = source.outer if source is not None else None
    site = outer.root.site if outer is not None else None
    if outer is None or site is None or site.is_template or injection.how == "undefer":
        raise NoEditError(f"the rows are asked for in a template, {injection.site.label}")
    path = "__".join((*outer.path, injection.path))
    moved = Injection(site, outer.root.model, "prefetch_related", path)
    changes = [_eager_calls.Change("prefetch_related", path)]
    return Plan(site, moved.model, changes, [], (moved,))


def _two_places(finding: Finding) -> Plan:
    group = finding.group
    if group is None or group.loop is None:
        raise NoEditError(finding.remedy)
    if group.verb is not None:
        return Plan(edits=_bulk.writes(group))
    origin, path = group.read.origin.resolved() if group.read.origin is not None else (None, ())
    if origin is None or origin.site is None:
        raise NoEditError("the line that makes the queryset is not known")
    if group.read.keyed is not None and group.method == "get":
        return _by_key(finding, origin, (*path, group.read.keyed))
    if group.read.keyed is not None and group.method is None:
        return _by_key(finding, origin, (*path, group.read.keyed), "prefetch_related")
    named = group.read.relation
    if named is None or named.shape != MANY:
        raise NoEditError(f"{NO_FIX}: {finding.remedy}")
    if path:
        raise NoEditError(f"the rows come through {'__'.join(path)}: {finding.remedy}, by hand")
    change, edits = _twice.related(group, origin, named)
    return Plan(origin.site, origin.model, [change], edits)


def _by_key(
    finding: Finding, origin: Origin, steps: tuple[str, ...], how: str = "select_related"
) -> Plan:
    assert finding.group is not None
    written = _keyed.keyed if how == "select_related" else _keyed.reversed_key
    edits = written(finding.group, steps[-1])
    if how == "select_related" and cannot_join(origin, finding.group):
        how = "prefetch_related"
    changes = [_eager_calls.Change(how, "__".join(steps))]
    return Plan(origin.site, origin.model, changes, edits)


def edits_of(plans: Iterable[Plan]) -> list[Edit]:
    """The edits of several plans: what is wanted at one line is written there together."""
    plans = list(plans)
    by_line: dict[tuple[Any, ...], list[Plan]] = {}
    for each in plans:
        if each.site is not None and each.changes:
            by_line.setdefault((each.site.file, *(each.site.span or ())[2:]), []).append(each)
    edits = [edit for each in plans for edit in each.edits]
    for together in by_line.values():
        site, model = together[0].site, together[0].model
        assert site is not None
        changes = [change for each in together for change in each.changes]
        edits += _eager_calls.edits(chain(site, model), changes)
    return edits


def files(plans: Iterable[Plan]) -> dict[str, str]:
    """file -> its text with these plans carried out."""
    return {file: after for file, (_, after) in applied(edits_of(plans)).items()}


def diff(finding: Finding) -> tuple[str, str]:
    """(the unified diff, "") or ("", why there is none)."""
    try:
        return unified(edits_of([plan(finding)])), ""
    except NoEditError as error:
        return "", str(error)


def combined(findings: Iterable[Finding]) -> str:
    """One diff of all that can be edited; empty where nothing can."""
    plans: list[Plan] = []
    for finding in findings:
        try:
            one = plan(finding)
            unified(edits_of([*plans, one]))
        except NoEditError:
            continue
        plans.append(one)
    return unified(edits_of(plans)) if plans else ""
