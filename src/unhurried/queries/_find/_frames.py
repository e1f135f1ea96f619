"""Where a statement comes from: the frames of the project's own code and templates on the stack.

Raw frames only: ``traceback`` and ``inspect.stack`` cost 50 times as much.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any, Final

import django
from django.db.models import query
from django.db.models.manager import BaseManager

import unhurried

from . import _awaits
from ._roles import (
    ACCESSORS,
    GENERIC,
    HANDLER,
    JINJA,
    NODE,
    PREFETCH,
    PROJECT,
    PYTHON,
    QUERYSET,
    THREAD,
    WRITE,
    learn,
    role,
)
from ._roles import known as known_roles
from ._sites import Site, code_label, code_site, jinja_site, node_line, node_site

DATABASE: Final = os.path.join(os.path.dirname(django.__file__), "db", "")
DEPTH: Final = 4  # project frames that tell one way to a line from another
#: What lies between whoever asks and the database.
BENEATH: Final = (
    *("<", DATABASE),
    os.path.join(os.path.dirname(unhurried.__file__), "measure", ""),
    os.path.join(os.path.dirname(unhurried.__file__), "queries", ""),
)
_LOCALS: Final = {"locals", "vars", "eval", "exec"}
_PYTEST: Final = "@py_builtins"  # its rewritten asserts use locals(), and keep none


class Place:
    """A frame of the project's, kept for as long as the statement is looked at."""

    __slots__ = ("frame", "key", "line", "role")

    def __init__(self, frame: FrameType, role: int) -> None:
        self.frame = frame
        self.role = role
        at: Any = frame.f_locals.get("self") if role == NODE else frame.f_code
        self.key = (id(at), frame.f_lasti if role != NODE else 0)
        self.line = node_line(at) if role == NODE else None

    def site(self) -> Site:
        if self.role == NODE:
            return node_site(self.frame.f_locals.get("self"))
        if self.role == JINJA:
            return jinja_site(self.frame)
        return code_site(self.frame)

    def label(self) -> str:
        return code_label(self.frame) if self.role == PROJECT else self.site().label

    def anchor(self) -> object:
        """What must stay alive for ``key`` to mean this place and no other."""
        return self.frame.f_locals.get("self") if self.role == NODE else self.frame.f_code


class Walk:
    """What the stack says about one statement."""

    __slots__ = ("accessor", "inside", "lookup", "method", "places", "queryset", "verb")

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.accessor: tuple[int, Any, Any] | None = None  # role, descriptor, instance
        self.queryset: Any = None
        self.method: str | None = None  # of the queryset's, as the project called it: get, count…
        self.verb: str | None = None  # save, delete, create…
        self.lookup: tuple[Any, int, Any] | None = None  # of a prefetch: lookup, level, instances
        self.inside = 0  # the way from the innermost place to the statement, through library code

    @property
    def key(self) -> tuple[tuple[int, int], ...]:
        return tuple(place.key for place in self.places)


def walk(frame: FrameType | None, depth: int = DEPTH, stop: FrameType | None = None) -> Walk:
    """Up the stack from ``frame``: to ``depth`` project frames, to the handler, or to ``stop``."""
    found = Walk()
    for at in frames(frame):
        what = role(at)
        if what in (PROJECT, NODE, JINJA):
            _add(found.places, Place(at, what))
            if len(found.places) >= depth:
                break
        elif not found.places:
            found.inside = hash((found.inside, id(at.f_code), at.f_lasti))
            if what:
                _tell(found, what, at)
        if what == HANDLER or at is stop:
            break
    return found


def innermost(frame: FrameType | None) -> Place | None:
    """The first place of ``walk``, without a look at what library code holds, which is dear.

    Written out: each sampled unit looks for the line of each text, from twenty frames below it.
    """
    while frame is not None:
        known = known_roles.get(id(frame.f_code))
        what = known[1] if known is not None else learn(frame)
        if what in (PROJECT, NODE, JINJA):
            return Place(frame, what)
        if what == HANDLER:
            return None
        if what == THREAD:
            return _first(_awaits.waiting(frame))
        frame = frame.f_back
    return None


def _first(waiting: Iterator[FrameType]) -> Place | None:
    for at in waiting:
        what = role(at)
        if what in (PROJECT, NODE, JINJA):
            return Place(at, what)
        if what == HANDLER:
            break
    return None


def _add(places: list[Place], place: Place) -> None:
    """Recursion is one place, however deep; so are nodes of one line around each other."""
    if any(known.key == place.key for known in places):
        return
    if not (places and place.line is not None and places[-1].line == place.line):
        places.append(place)


def _tell(found: Walk, what: int, frame: FrameType) -> None:
    held = frame.f_locals
    if what == QUERYSET:
        found.method = frame.f_code.co_name
        _tell_queryset(found, held["self"])
    elif what == WRITE:
        found.verb = frame.f_code.co_name
        _tell_queryset(found, held["self"])
    elif what == PREFETCH:
        found.lookup = held["lookup"], held["level"], held["instances"]
    elif what in ACCESSORS and (found.accessor is None or what == GENERIC):
        found.accessor = what, held["self"], held["instance"]


def _tell_queryset(found: Walk, holder: Any) -> None:
    """An iterable class holds the queryset it iterates over; the innermost one counts."""
    if issubclass(type(holder), query.BaseIterable):
        holder = holder.queryset
    if found.queryset is None and issubclass(type(holder), query.QuerySet):
        found.queryset = holder


def of_a_library(frame: FrameType | None) -> str | None:
    """The innermost line that is neither Python's, the ORM's nor ours: of sessions, say.

    Nor is it one that the ORM has called: packages wrap what it calls, to watch it as we do.
    """
    for at in frames(frame):
        file = at.f_code.co_filename
        if not file.startswith(BENEATH) and (not file.startswith(PYTHON) or "-packages/" in file):
            caller = at.f_back
            if caller is None or not caller.f_code.co_filename.startswith(DATABASE):
                return code_label(at)
    return None


def variables(frame: FrameType) -> Mapping[str, Any]:
    """What a frame of the project's holds, unless looking would change it.

    Before Python 3.13 a function has one ``locals()``, which looking writes anew: what the project
    has put there since (``context = locals(); context["books"] = ...``) would be lost.
    """
    names = frame.f_code.co_names
    if sys.version_info < (3, 13) and not _LOCALS.isdisjoint(names) and _PYTEST not in names:
        return {}
    return frame.f_locals


def frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Callers, innermost first; from a thread of ``sync_to_async`` on to who awaits it."""
    while frame is not None:
        yield frame
        if role(frame) == THREAD:
            yield from _awaits.waiting(frame)
            return
        frame = frame.f_back


def makes_querysets(frame: FrameType) -> bool:
    """Whether a project frame is a method of a manager or queryset of its own."""
    code = frame.f_code
    if not code.co_argcount or code.co_varnames[0] != "self":
        return False  # a helper that is given a queryset makes its own where it says so
    first = variables(frame).get(code.co_varnames[0])
    return issubclass(type(first), BaseManager | query.QuerySet)  # a lazy object stays one
