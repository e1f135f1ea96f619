"""Where a unit of work was seen working: the line, the template, the package that has the time.

The watch of ``measure`` asks this of a thread's stack, from outside and twenty times a second. So
what a code object is, is looked up by its id, nothing is read but line numbers and a template's
node, and no frame is kept.
"""

from __future__ import annotations

import os
from pathlib import PurePath
from types import CodeType, FrameType
from typing import Final

import django

import unhurried
from unhurried.measure.reading import CACHE, DB, HTTP, Where, blamed, drawn, outward, placed

from .._find._roles import JINJA, LIBRARIES, NODE, PROJECT, PYTHON, role
from .._find._sites import jinja_site, node_site, short

#: What code that is nobody's of the project is. ``END``: what lies beyond it only led here.
OTHERS, STANDARD, WIRE, DATABASE, PACKAGE, END = range(6)
SITES: Final = (PROJECT, NODE, JINJA)
KNOWN: Final = 50_000  # code objects
DEEPEST: Final = 30  # frames of a stack

#: Packages that are part of how Django and Jinja work: their time is the caller's.
_TRANSPARENT: Final = {"django", "asgiref", "jinja2", "markupsafe", "unhurried"}
#: Packages that send and receive; whoever calls them waits for another server.
_WIRES: Final = {"urllib3", "httpcore", "h11", "h2", "pycurl"}
_DJANGO: Final = os.path.join(os.path.dirname(django.__file__), "")
_OURS: Final = os.path.join(os.path.dirname(unhurried.__file__), "")
_BACKENDS: Final = os.path.join(_DJANGO, "db", "backends", "")
#: Of the back ends, what only writes SQL: no statement is under way there.
_WRITERS: Final = ("operations.py", "features.py", "schema.py", "ddl_references.py")
_PROBES: Final = tuple(
    os.path.join(_OURS, *path.split("/"))
    for path in ("measure/_probes/sql.py", "measure/_probes/_fetching.py")
)
_ENDS: Final = (
    os.path.join(_DJANGO, "core", "handlers", ""),
    os.path.join(_OURS, "middleware.py"),
    os.path.join(_OURS, "measure", "_outside.py"),
)
_known: dict[int, tuple[CodeType, int, str]] = {}


def place(frame: FrameType, part: int) -> Where | None:
    """(part, line, package) of what is under way, see ``SampleRow``; None in a database or cache.

    ``package`` is what the line calls: of library frames between the line and what is under way the
    outermost. What stands beyond a handler of Django's has only asked for the page.
    """
    if part in (DB, CACHE):
        return None
    package, waits, inside = "", part == HTTP, True
    for at in outward(frame):
        if role(at) in SITES:
            return _at(at, package, waits=waits)
        _, kind, name = _what(at.f_code)
        if kind == DATABASE:
            return None
        if kind == END:
            break
        if kind == WIRE and inside:
            waits = True
        if kind in (PACKAGE, WIRE):
            package = name or package
        inside = inside and kind == STANDARD
    if waits:
        return "http", "", package
    return ("package", "", package) if package else ("django", "", "")


def _at(frame: FrameType, package: str, *, waits: bool) -> Where:
    line = _label(frame)
    if waits:
        return "http", line, package
    if package:
        return "package", line, package
    return ("view" if role(frame) == PROJECT else "template"), line, ""


def _label(frame: FrameType) -> str:
    what = role(frame)
    if what == NODE:
        return node_site(frame.f_locals.get("self")).label
    if what == JINJA:
        return jinja_site(frame).label
    return f"{_file(frame.f_code.co_filename)}:{frame.f_lineno or frame.f_code.co_firstlineno}"


def _file(file: str) -> str:
    """As people say it; of what lies nowhere known, no more than its name and its folder's."""
    if file.startswith("<"):
        return "<generated>" if not file.startswith("<frozen") else file
    found = short(file)
    return os.path.join(*PurePath(found).parts[-2:]) if os.path.isabs(found) else found


def _what(code: CodeType) -> tuple[CodeType, int, str]:
    found = _known.get(id(code))
    if found is None:
        if len(_known) >= KNOWN:
            _known.clear()
        found = _known[id(code)] = (code, *_learn(code.co_filename))
    return found


def _learn(file: str) -> tuple[int, str]:
    """What a library's file is, and the package's name where it has one."""
    if file.startswith(_ENDS):
        return END, ""
    if file.startswith(_PROBES):
        return DATABASE, ""
    if file.startswith(_BACKENDS):
        return (OTHERS if file.endswith(_WRITERS) else DATABASE), ""
    if file.startswith((_DJANGO, _OURS)):
        return OTHERS, ""
    name = _package(file)
    if name in _TRANSPARENT:
        return OTHERS, ""
    if name:
        return (WIRE if name in _WIRES else PACKAGE), name
    if file.startswith(PYTHON) and "/http/client." in file:
        return WIRE, ""
    return STANDARD, ""


def _package(file: str) -> str:
    """The top-level name below the folder that it was installed in; empty for Python's own."""
    _, installed, rest = file.rpartition("-packages/")
    if not installed:
        if file.startswith(("<", *PYTHON)):
            return ""
        rest = next((file.removeprefix(root) for root in LIBRARIES if file.startswith(root)), "")
    return rest.split("/")[0].removesuffix(".py")


def draw(frame: FrameType) -> tuple[str, ...]:
    """The stack as ``file:line name``, innermost first, to the handler; of a node its class."""
    lines: list[str] = []
    for at in outward(frame):
        if _what(at.f_code)[1] == END or len(lines) >= DEEPEST:
            break
        lines.append(f"{_label(at)} {_name(at)}")
    return tuple(lines)


def _name(frame: FrameType) -> str:
    if role(frame) == NODE:
        return type(frame.f_locals.get("self")).__name__
    return frame.f_code.co_name


def blame(error: BaseException) -> Where | None:
    """("error", line, "ValueError in slowpoke") of an exception: the project's innermost line.

    Of its text nothing is kept, which may hold anything; a package is that which raised it.
    """
    package, trace = "", error.__traceback__
    steps: list[tuple[FrameType, int]] = []
    while trace is not None:
        steps.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    for frame, number in reversed(steps):
        if role(frame) in SITES:
            return "error", _line_of(frame, number), _kind_of(error, package)
        _, kind, name = _what(frame.f_code)
        if kind == END:
            break
        package = package or (name if kind in (PACKAGE, WIRE) else "")
    return "error", "", _kind_of(error, package)


def _line_of(frame: FrameType, number: int) -> str:
    """By the traceback's number: a frame that has ended stands at its last line."""
    if role(frame) != PROJECT:
        return _label(frame)
    return f"{_file(frame.f_code.co_filename)}:{number}"


def _kind_of(error: BaseException, package: str) -> str:
    name = type(error).__name__
    return f"{name} in {package}" if package else name


def install() -> None:
    if place not in placed:
        blamed.append(blame)
        placed.append(place)
        drawn.append(draw)
