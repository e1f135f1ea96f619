"""What a frame is, by its code: a library's, the project's, a template's, a descriptor of Django's…

Looked up by ``id(code)`` with the code kept alive: hashing a code object costs more than everything
else here.
"""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any, Final

import django
from asgiref.sync import SyncToAsync
from django.core.handlers.base import BaseHandler
from django.db.models import query
from django.db.models.base import Model
from django.db.models.fields import related_descriptors as related
from django.db.models.query_utils import DeferredAttribute
from django.forms.forms import BaseForm
from django.template.base import Node

import unhurried

LIBRARY, PROJECT, NODE, JINJA, QUERYSET, PREFETCH, WRITE, THREAD = range(8)
FORWARD, REVERSE_ONE, DEFERRED, GENERIC, HANDLER = range(8, 13)
ACCESSORS: Final = (FORWARD, REVERSE_ONE, DEFERRED, GENERIC)

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
known: dict[int, tuple[CodeType, int]] = {}


def _libraries() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib", "scripts")
    paths = {sysconfig.get_paths()[name] for name in names}
    packages = {os.path.dirname(django.__file__), os.path.dirname(unhurried.__file__)}
    return tuple(os.path.join(path, "") for path in paths | packages)


LIBRARIES: Final = _libraries()
#: Python's own modules, whose folder may hold site-packages.
PYTHON: Final = tuple(os.path.join(sysconfig.get_path(n), "") for n in ("stdlib", "platstdlib"))


def role(frame: FrameType) -> int:
    """What a frame is, by its code."""
    code = frame.f_code
    found = known.get(id(code))
    return found[1] if found is not None else learn(frame)


def learn(frame: FrameType) -> int:
    code = frame.f_code
    if len(known) >= KNOWN:
        known.clear()
    if not known:
        known.update({id(code): (code, role) for code, role in _special()})
        return role(frame)
    found = _kind(frame)
    known[id(code)] = code, found
    return found


def _kind(frame: FrameType) -> int:
    code = frame.f_code
    if "__jinja_template__" in frame.f_globals:
        return JINJA
    if code.co_filename == query.__file__ and code.co_varnames[:1] == ("self",):
        return QUERYSET
    if code.co_filename == related.__file__ and code.co_name in _MANAGERS:
        return WRITE
    return LIBRARY if is_library(code.co_filename) or _is_started_by(frame) else PROJECT


def _is_started_by(frame: FrameType) -> bool:
    """Whether it is a console script (``bin/celery``), which an installer has written."""
    code = frame.f_code
    if code.co_name != "<module>" or frame.f_globals.get("__name__") != "__main__":
        return False
    return os.path.basename(os.path.dirname(code.co_filename)) in ("bin", "Scripts")


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
