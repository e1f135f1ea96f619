"""Where a queryset was made, carried by every instance it yields. Only while tracking is on.

``QuerySet.__init__`` is wrapped: a fresh queryset's query gets the line that made it, which its
clones copy, and an iterable class of ours puts an ``Origin`` into each instance's ``_state``. An
instance read through a relation carries on the origin of the one it was read from, one step
further: so the line in the loop leads to the line to change, and to the path to write there.
"""

from __future__ import annotations

import copyreg
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from types import FrameType
from typing import Any, Final

from django.db.models import Model
from django.db.models.query import ModelIterable
from django.utils.module_loading import import_string

from unhurried.measure.reading import swallow

from . import _eager, _trials, _wraps
from ._frames import Place, Walk, frames, makes_querysets, walk
from ._relations import Relation, relation
from ._roles import HANDLER, JINJA, NODE, PREFETCH, PROJECT, role
from ._sites import Site
from ._trials import Injection

MARK: Final = "_unhurried_origin"
MOST: Final = 1_000  # origins told apart in one tracked block


class Origin:
    """A queryset's line and model, and the path that leads from its instances to these ones.

    ``outer`` is set where the queryset is a related manager's: the same instances, seen from the
    queryset that yielded the one they belong to. ``runs`` counts its executions.
    """

    __slots__ = (
        *("combined", "eager", "kids", "locked", "model", "outer", "path", "prefetched", "root"),
        *("runs", "site", "streamed"),
    )

    def __init__(
        self, site: Site | None, model: type[Model], path: tuple[str, ...] = (), root: Any = None
    ) -> None:
        self.site = site
        self.model = model
        self.path = path
        self.root: Origin = root or self
        self.outer: Origin | None = None
        self.runs = 0
        self.prefetched = False
        self.streamed = False  # by iterator(), which prefetches only with a chunk_size
        self.locked = False  # by select_for_update() without ``of``: it locks what is joined, too
        self.combined = False  # union() and the like, whose parts must have the same columns
        self.eager: dict[str, _eager.Load] = {}
        self.kids: dict[str, Origin] = {}

    def step(self, name: str) -> Origin:
        """The same, one relation further."""
        kid = self.kids.get(name)
        if kid is None:
            kid = self.kids[name] = Origin(self.site, self.model, (*self.path, name), self.root)
        return kid

    def resolved(self) -> tuple[Origin, tuple[str, ...]]:
        """(the queryset to change, the path from there).

        A related manager that ran once is the place to change, but for one in a template, where
        nothing can be written; one that ran for each of many is to be prefetched itself. Both
        lead further out.
        """
        origin, path = self.root, self.path
        while origin.outer is not None and (origin.runs > 1 or origin.in_template):
            path = (*origin.outer.path, *path)
            origin = origin.outer.root
        return origin, path

    @property
    def in_template(self) -> bool:
        return self.site is not None and self.site.is_template

    def __deepcopy__(self, memo: object) -> Origin:
        return self  # a copied instance was made where the first one was

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()  # a pickled instance has no origin


class Roots(dict[tuple[object, ...], Origin]):
    """The origins of one tracked block: a line that is run again keeps its origin.

    ``unit`` is the request in it: what two requests do at one line is no repetition.
    """

    unit = 0

    def at(self, site: Site | None, model: type[Model]) -> Origin:
        key = (site, model, self.unit)
        origin = self.get(key)
        if origin is None:
            origin = Origin(site, model)
            if len(self) < MOST:
                self[key] = origin
        return origin


_tracking: ContextVar[Roots | None] = ContextVar("unhurried_tracking", default=None)
_everywhere = False
_users = 0
_lock = Lock()


@contextmanager
def tracking(*injections: Injection) -> Iterator[Roots]:
    """Track origins in this context, and those that inherit it; with remedies to be tried out.

    Inside a tracked block the origins are those of that one.
    """
    _hold(+1)
    roots = _tracking.get()
    if roots is None:
        roots = Roots()
    token = _tracking.set(roots)
    try:
        with _trials.trying(*injections):
            yield roots
    finally:
        _tracking.reset(token)
        _hold(-1)


def track_everywhere() -> None:
    """From now on in the whole process, querysets made at import included."""
    global _everywhere
    if not _everywhere:
        _everywhere = True
        _hold(+1)


def _hold(more: int) -> None:
    """The wrap is there as long as somebody needs it."""
    global _users
    with _lock:
        _users += more
        if _users and not _wraps.installed:
            _wraps.install(_made)
        elif not _users:
            _wraps.remove()


def _made(queryset: Any, query: Any) -> None:
    """A queryset was made: called by the wrap after ``__init__``."""
    if not _everywhere and _tracking.get() is None:
        return
    try:
        _mark(queryset, query)
    except Exception as error:  # boundary: frames hold whatever the project put there
        swallow("following origins", error)


def _mark(queryset: Any, query: Any) -> None:
    if query is None and queryset.model is not None:
        site = _making(sys._getframe(2))
        setattr(queryset._query, MARK, site)
        _trials.begin(queryset, site)
    if queryset._iterable_class is ModelIterable:
        queryset._iterable_class = Tracked


def _making(frame: FrameType | None) -> Site | None:
    """The project's line that makes a queryset; a manager's own methods are not it."""
    first = None
    for at in frames(frame):
        what = role(at)
        if what in (NODE, JINJA):
            return Place(at, what).site()
        if what == PREFETCH:
            return None  # its line is the one that evaluates; it may lead back to its own model
        if what == HANDLER:
            break
        if what == PROJECT:
            if not makes_querysets(at):
                return Place(at, what).site()
            first = first or at
    return Place(first, PROJECT).site() if first is not None else None


class _Followed(type):
    """The class of ``Tracked``, by which a pickled queryset names Django's own class instead."""


copyreg.pickle(_Followed, lambda _: (import_string, ("django.db.models.query.ModelIterable",)))


class Tracked(ModelIterable, metaclass=_Followed):  # type: ignore[type-arg]
    """Yields what ``ModelIterable`` does, each instance with its origin."""

    def __iter__(self) -> Iterator[Any]:
        queryset: Any = self.queryset
        roots = _tracking.get()
        if roots is None:  # made while tracking was on, iterated later
            yield from super().__iter__()
            return
        try:
            origin = _origin_of(queryset, roots)
        except Exception as error:  # boundary: the same
            swallow("following origins", error)
            origin = roots.at(None, queryset.model)
        origin.streamed |= self.chunked_fetch
        query = queryset._query
        origin.combined |= bool(query.combinator)
        origin.locked |= query.select_for_update and not query.select_for_update_of
        chunks = [] if origin.path else _trials.finish(queryset, origin.site, origin.model)
        selected = queryset._query.select_related
        lookups = queryset._prefetch_related_lookups
        watched = bool(lookups) or origin.prefetched  # of which a longer path may go on
        for instance in _trials.in_chunks(super().__iter__(), chunks):
            if issubclass(type(instance), Model):  # from_db may return what it likes
                _spread(instance, origin, selected)
                if watched:
                    _eager.watch_prefetched(instance, origin)
            yield instance


def _origin_of(queryset: Any, roots: Roots) -> Origin:
    site = getattr(queryset._query, MARK, None)
    through = None
    if queryset._hints or queryset._query.where.children:
        found = walk(sys._getframe(2), 1)
        if found.lookup:
            through = _prefetched(*found.lookup, marked=site is not None)
        else:
            through = _read(queryset, found)
    return through or roots.at(site, queryset.model)


def _own_querysets(lookup: Any) -> bool:
    """A generic prefetch may be given querysets; for models it was given none, it makes its own."""
    return bool(getattr(lookup, "querysets", None))


def _prefetched(lookup: Any, level: int, instances: list[Any], *, marked: bool) -> Origin | None:
    """A prefetch with a queryset of its own is changed there; any other, where it was asked for."""
    if not instances or lookup.queryset is not None or (marked and _own_querysets(lookup)):
        return None
    of = origin_of(instances[0])
    if of is None:
        return None
    step = of.step(lookup.prefetch_through.split("__")[level])
    step.prefetched = True
    return step


def _read(queryset: Any, found: Walk) -> Origin | None:
    """The origin of what a relation of a tracked instance yields."""
    found.queryset = queryset
    named = relation(found)
    of = origin_of(named.instance) if named is not None else None
    return _read_through(named, of, queryset) if named is not None and of is not None else None


def _read_through(named: Relation, of: Origin, queryset: Any) -> Origin:
    """A relation's instances: a single one goes on, a related manager is a queryset of its own."""
    outer = of.step(named.attribute)
    if named.shape != "many":
        return outer
    site = getattr(queryset._query, MARK, None)
    if site is None:
        return outer
    near = outer.kids.get(f"@{site.label}")
    if near is None:
        near = outer.kids[f"@{site.label}"] = Origin(site, queryset.model)
        near.outer = outer if named.whole else None
    near.runs += 1
    return near


def _spread(instance: Any, origin: Origin, selected: Any) -> None:
    """``selected`` is what ``select_related`` has joined: False, True (all) or a tree of names."""
    state = instance._state.__dict__
    state[MARK] = origin
    if not selected:
        return
    for name, value in instance._state.fields_cache.items():
        if issubclass(type(value), Model) and MARK not in value._state.__dict__:
            inner = selected.get(name) if isinstance(selected, dict) else selected
            _spread(value, origin.step(name), inner)
    if isinstance(selected, dict):
        _eager.watch_joined(instance, origin, selected)


def origin_of(instance: Model | None) -> Origin | None:
    """The origin an instance carries, if it was tracked."""
    return None if instance is None else instance._state.__dict__.get(MARK)
