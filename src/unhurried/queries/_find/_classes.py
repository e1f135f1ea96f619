"""The project's class whose inherited methods are running, where no line of the project's is.

A generic view and its serializers may be nothing but declarations: rows are read in library code,
on behalf of a class. The line where it is declared is the nearest one that belongs to the project.
"""

from __future__ import annotations

import inspect
import sys
from types import FrameType
from typing import Any, Final

from django.db.models import Manager, Model, QuerySet

from ._frames import frames
from ._roles import HANDLER, LIBRARY, is_library, role
from ._sites import Site

_NONE_OF_THEM: Final = Model, Manager, QuerySet
_sites: dict[int, tuple[type[Any], Site | None]] = {}  # by id, as in _roles


def declared(frame: FrameType | None, stop: FrameType | None) -> Site | None:
    """Where the class of the innermost ``self`` that is the project's own begins."""
    for at in frames(frame):
        what = role(at)
        if what == HANDLER or at is stop:
            return None
        code = at.f_code
        if what == LIBRARY and code.co_argcount and code.co_varnames[0] == "self":
            site = _site(type(at.f_locals.get("self")))
            if site is not None:
                return site
    return None


def _site(kind: type[Any]) -> Site | None:
    found = _sites.get(id(kind))
    if found is None:
        found = _sites[id(kind)] = kind, _look_up(kind)
    return found[1]


def _look_up(kind: type[Any]) -> Site | None:
    meta = type(kind)
    own = {"__getattr__", "__getattribute__"}
    if any(not own.isdisjoint(vars(each)) for each in meta.__mro__ if each not in (type, object)):
        return None  # looking would run its code
    module = None if issubclass(kind, _NONE_OF_THEM) else sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None)
    if file is None or is_library(file):
        return None
    try:
        return Site(file, inspect.getsourcelines(kind)[1])
    except (OSError, TypeError):  # made by type(), or its source is not there
        return None
