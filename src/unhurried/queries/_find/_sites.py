"""A line of the project, as people are told of it: of a source file, or of a template."""

from __future__ import annotations

import os
import sys
from functools import cache
from types import FrameType
from typing import Any

from django.conf import settings


class Site:
    """A line of the project: of a source file, or of a template.

    ``span`` is the part of the source that was being evaluated, as (line, column, end line, end
    column) with columns in bytes of UTF-8 (PEP 657), or None.
    """

    __slots__ = ("file", "is_template", "line", "span")

    def __init__(
        self,
        file: str,
        line: int,
        *,
        is_template: bool = False,
        span: tuple[int, int, int, int] | None = None,
    ) -> None:
        self.file = file
        self.line = line
        self.is_template = is_template
        self.span = span

    @property
    def label(self) -> str:
        """``pins/views.py:31``, or ``pins/feed.html:12``."""
        name = self.file if self.is_template else short(self.file)
        return f"{name}:{self.line}"

    def __repr__(self) -> str:
        return f"<Site {self.label}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Site) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def key(self) -> tuple[object, ...]:
        return self.file, self.line, self.span

    def __deepcopy__(self, memo: object) -> Site:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()  # a query that is pickled may be read where we are not installed


@cache
def short(file: str) -> str:
    """A path as people say it: from the project's root, or from where it was imported."""
    base = getattr(settings, "BASE_DIR", None) if settings.configured else None
    for root in (str(base) if base else "", *sorted(sys.path, key=len, reverse=True)):
        if root and file.startswith(os.path.join(root, "")):
            return os.path.relpath(file, root)
    return file


def code_site(frame: FrameType) -> Site:
    """The line a frame is at, with its columns."""
    code, last = frame.f_code, frame.f_lasti
    span = None
    for number, positions in enumerate(code.co_positions()):
        if number * 2 == last:
            line, end_line, column, end_column = positions
            if None not in positions:
                span = line, column, end_line, end_column
            break
    return Site(code.co_filename, frame.f_lineno or code.co_firstlineno, span=span)  # type: ignore[arg-type]


def code_label(frame: FrameType) -> str:
    """The line alone, as ``Site.label``: its columns are found by going through all of the code."""
    code = frame.f_code
    return f"{short(code.co_filename)}:{frame.f_lineno or code.co_firstlineno}"


def node_line(node: Any) -> tuple[Any, int]:
    """The origin and the line of a template's node; one made by hand may have neither."""
    token = getattr(node, "token", None)
    return getattr(node, "origin", None), token.lineno if token else 0


def node_site(node: Any) -> Site:
    origin, line = node_line(node)
    name = getattr(origin, "template_name", None) or getattr(origin, "name", None)
    return Site(str(name or "<template>"), line, is_template=True)


def jinja_site(frame: FrameType) -> Site:
    template = frame.f_globals["__jinja_template__"]
    line = template.get_corresponding_lineno(frame.f_lineno)
    return Site(str(template.name or "<template>"), line, is_template=True)
