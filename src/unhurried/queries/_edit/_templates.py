"""Edits of templates: a count in a loop becomes an attribute, where one page alone shows it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.template import TemplateDoesNotExist, engines

from .._find._roles import LIBRARIES, is_library
from .._find._sites import Site
from ._chains import module_of
from ._edits import Edit, NoEditError, Text

MOST: Final = 2_000  # files looked through for others that use a template


def renamed(site: Site, through: tuple[Site, ...], asks: str, name: str) -> list[Edit]:
    """``pin.likes.count`` becomes ``pin.likes_count`` on that line of the template."""
    text = Text(file_of(site.file))
    _alone(site.file)
    start, end = text.starts[site.line - 1], text.starts[min(site.line, len(text.starts) - 1)]
    found = list(re.finditer(rf"(?<=\.){re.escape(asks)}\b", text.text[start:end]))
    if len(found) != 1:
        raise NoEditError(f"{site.label} does not say {asks} once")
    return [Edit(text.file, start + found[0].start(), start + found[0].end(), name)]


def file_of(name: str) -> str:
    """The file of a template of the project's."""
    for engine in engines.all():
        template: Any = _found(engine, name)
        file = getattr(getattr(template, "origin", None), "name", None)
        if file is not None and Path(file).is_file() and not is_library(file):
            return str(file)
    raise NoEditError(f"{name} is not a template of the project")


def _found(engine: Any, name: str) -> Any:
    try:
        return engine.get_template(name)
    except TemplateDoesNotExist:
        return None


def _alone(name: str) -> None:
    """One page shows it: one line of one file names it, and so on up to the view."""
    seen: set[str] = set()
    while name not in seen:
        seen.add(name)
        users = list(_users(name))
        if len(users) != 1:
            raise NoEditError(
                f"{name} is named at {len(users)} places, so other pages may show it too"
                if users
                else f"nothing names {name}: who shows it is not known"
            )
        user = users[0]
        if user.suffix == ".py":
            return
        name = name_of(user)


def _users(name: str) -> Iterator[Path]:
    """Files of the project that name a template, one for each time."""
    said = re.compile(rf"""["']{re.escape(name)}["']""")
    for path in _files():
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        yield from [path] * len(said.findall(text))


def _files() -> Iterator[Path]:
    for number, path in enumerate(_all_files()):
        if number >= MOST:
            raise NoEditError("there are too many files to see what shows a template")
        yield path


def _all_files() -> Iterator[Path]:
    for folder in _folders():
        for path in sorted(folder.rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if path.suffix in (".py", ".html", ".txt", ".xml", ".jinja", ".j2") and not hidden:
                yield path


def _folders() -> list[Path]:
    """Where templates and the modules of apps lie, none inside another."""
    found = {Path(d) for engine in engines.all() for d in engine.template_dirs}
    found |= {Path(app.path) for app in apps.get_app_configs()}
    found |= {Path(file).parent for file in _urlconf()}
    own = [path for path in found if not f"{path}/".startswith(LIBRARIES)]
    own = [path for path in own if "site-packages" not in path.parts]
    return [p for p in sorted(own) if not any(p != q and p.is_relative_to(q) for q in own)]


def _urlconf() -> Iterator[str]:

    module = sys.modules.get(str(settings.ROOT_URLCONF))
    if module is not None and module.__file__ and module_of(module.__file__):
        yield module.__file__


def name_of(path: Path) -> str:
    """The name a template file goes by."""
    for engine in engines.all():
        for folder in engine.template_dirs:
            if path.is_relative_to(folder):
                return path.relative_to(folder).as_posix()
    raise NoEditError(f"{path.name} is in no folder of templates")
