"""Where a statement comes from: the frames of the project's own code and templates on the stack.

Raw frames only (``traceback`` and ``inspect.stack`` cost 50 times as much). What a code object is
(library, project, a descriptor of Django's…) is looked up by ``id(code)`` with the code kept alive:
hashing a code object costs more than everything else here.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from types import CodeType, FrameType
from typing import Any, Final

import django
from asgiref.sync import SyncToAsync
from django.core.handlers.base import BaseHandler
from django.db.models import query
from django.db.models.base import Model
from django.db.models.fields import related_descriptors as related
from django.db.models.manager import BaseManager
from django.db.models.query_utils import DeferredAttribute
from django.forms.forms import BaseForm
from django.template.base import Node

import unhurried

from . import _awaits
from ._sites import Site, code_label, code_site, jinja_site, node_line, node_site

LIBRARY, PROJECT, NODE, JINJA, QUERYSET, PREFETCH, WRITE, THREAD = range(8)
FORWARD, REVERSE_ONE, DEFERRED, GENERIC, HANDLER = range(8, 13)
ACCESSORS: Final = (FORWARD, REVERSE_ONE, DEFERRED, GENERIC)
DEPTH: Final = 4  # project frames that tell one way to a line from another

KNOWN: Final = 50_000  # code objects, of a site that compiles without end

_WRITES: Final = (
    *("create", "get_or_create", "update_or_create", "update", "delete"),
    *("bulk_create", "bulk_update"),
)
_MANAGERS: Final = ("add", "remove", "set", "clear")  # of a related manager, which is a closure
#: Several statements each, of one thing that is done; so they are told once.
_CHECKS: Final = (Model.full_clean, Model.validate_constraints, BaseForm.full_clean)
#: Whoever calls these asks for a page; none of its lines has to do with what the page asks.
_HANDLERS: Final = ("get_response", "get_response_async", "_get_response", "_get_response_async")
_LOCALS: Final = {"locals", "vars", "eval", "exec"}
_PYTEST: Final = "@py_builtins"  # its rewritten asserts use locals(), and keep none
_roles: dict[int, tuple[CodeType, int]] = {}


def _libraries() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    paths = {sysconfig.get_paths()[name] for name in names}
    packages = {os.path.dirname(django.__file__), os.path.dirname(unhurried.__file__)}
    return tuple(os.path.join(path, "") for path in paths | packages)


LIBRARIES: Final = _libraries()
#: Python's own modules, whose folder may hold site-packages.
PYTHON: Final = tuple(os.path.join(sysconfig.get_path(n), "") for n in ("stdlib", "platstdlib"))
#: What lies between whoever asks and the database.
BENEATH: Final = (
    *("<", os.path.join(os.path.dirname(django.__file__), "db", "")),
    os.path.join(os.path.dirname(unhurried.__file__), "measure", ""),
    os.path.join(os.path.dirname(unhurried.__file__), "queries", ""),
)


def role(frame: FrameType) -> int:
    """What a frame is, by its code."""
    code = frame.f_code
    found = _roles.get(id(code))
    return found[1] if found is not None else _learn(frame)


def _learn(frame: FrameType) -> int:
    code = frame.f_code
    if len(_roles) >= KNOWN:
        _roles.clear()
    if not _roles:
        _roles.update({id(code): (code, role) for code, role in _special()})
        return role(frame)
    found = _kind(frame)
    _roles[id(code)] = code, found
    return found


def _kind(frame: FrameType) -> int:
    code = frame.f_code
    if "__jinja_template__" in frame.f_globals:
        return JINJA
    if code.co_filename == query.__file__ and code.co_varnames[:1] == ("self",):
        return QUERYSET
    if code.co_filename == related.__file__ and code.co_name in _MANAGERS:
        return WRITE
    return LIBRARY if is_library(code.co_filename) else PROJECT


def is_library(file: str) -> bool:
    """Whether a file is none of the project's own."""
    if file.startswith(("<frozen", "<string>", "<__array", *LIBRARIES)):
        return True
    return "/site-packages/" in file or "/dist-packages/" in file


def _special() -> Iterator[tuple[CodeType, int]]:
    """The frames of Django's that say what the statement is for."""
    yield _code(related.ForwardManyToOneDescriptor.__get__), FORWARD
    yield _code(related.ReverseOneToOneDescriptor.__get__), REVERSE_ONE
    yield _code(DeferredAttribute.__get__), DEFERRED
    yield _code(Node.render_annotated), NODE
    yield _code(query.prefetch_one_level), PREFETCH
    yield _code(Model.save), WRITE
    yield _code(Model.delete), WRITE
    for check in _CHECKS:
        yield _code(check), WRITE
    for name in _WRITES:
        yield _code(getattr(query.QuerySet, name)), WRITE
    yield _code(SyncToAsync.thread_handler), THREAD
    for name in _HANDLERS:
        yield _code(getattr(BaseHandler, name)), HANDLER
    generic = _generic_descriptor()
    if generic is not None:
        yield _code(generic.__get__), GENERIC


def _generic_descriptor() -> Any:
    """``GenericForeignKey`` is its own descriptor in Django 5.2 and has one from 6.1 on."""
    try:
        from django.contrib.contenttypes import fields
    except (ImportError, RuntimeError):  # contenttypes is no app of this project
        return None
    return getattr(fields, "GenericForeignKeyDescriptor", fields.GenericForeignKey)


def _code(function: Any) -> CodeType:
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function.__code__  # type: ignore[no-any-return]


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
        known = _roles.get(id(frame.f_code))
        what = known[1] if known is not None else _learn(frame)
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
    """The innermost line that is neither Python's, the ORM's nor ours: of sessions, say."""
    for at in frames(frame):
        file = at.f_code.co_filename
        if not file.startswith(BENEATH) and (not file.startswith(PYTHON) or "-packages/" in file):
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
