"""Which deploy this is: the next one's code and templates may be faster, and say something else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, Final

from django.apps import apps
from django.conf import settings as django_settings

from unhurried.conf import given

from . import _folder

CODE: Final = ".py"
#: Of an app's folder, and below folders of templates and translations; elsewhere they are data.
TEXTS: Final = (".html", ".txt", ".xml", ".jinja", ".jinja2", ".sql", ".mo")
HOLD_TEXTS: Final = frozenset({"templates", "jinja2", "locale"})
MOST_FILES: Final = 50_000
PASSED_OVER: Final = ("node_modules", "__pycache__", "site-packages", ".git")


def version() -> str:
    """``VERSION``, or what the project's own files look like: names, sizes, times of change."""
    return given().get("VERSION") or _from_files(getattr(django_settings, "BASE_DIR", ""))


@lru_cache(8)
def _from_files(base: str | Path) -> str:
    digest = blake2b(digest_size=8)
    for path in sorted(set(islice(_files(str(base)), MOST_FILES))):
        try:
            found = os.stat(path)
        except OSError:
            continue
        digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _files(base: str) -> Iterator[str]:
    """Of the project and of its apps that are not installed packages."""
    base = os.path.abspath(base) if base else ""
    # Not by ``get_app_configs()``: this may be asked while apps are being set anew, by a test.
    own = {os.path.abspath(config.path) for config in tuple(apps.app_configs.values())}
    written, places = _written(), _places(own - {base})
    for folder in sorted(own | {base} if base else own):  # in one order, should there be too many
        if "site-packages" in Path(folder).parts:
            continue
        for path, inner, names in os.walk(folder):
            inner[:] = [name for name in inner if name not in PASSED_OVER and name[0] != "."]
            inner[:] = [name for name in inner if os.path.join(path, name) not in written]
            below = os.path.relpath(path, folder).split(os.sep)
            texts = f"{path}{os.sep}".startswith(places) or not HOLD_TEXTS.isdisjoint(below)
            ends = (CODE, *TEXTS) if texts else CODE
            yield from (os.path.join(path, name) for name in names if name.endswith(ends))


def _written() -> set[str]:
    """What the running site writes to: an upload is no release."""
    roots = (django_settings.MEDIA_ROOT, django_settings.STATIC_ROOT, _folder.folder())
    return {os.path.abspath(root) for root in roots if root}


def _places(own: set[str]) -> tuple[str, ...]:
    """The folders that hold texts, whatever they are called."""
    engines: list[dict[str, Any]] = django_settings.TEMPLATES
    named = [folder for engine in engines for folder in engine.get("DIRS", ())]
    folders = {*own, *map(os.path.abspath, (*named, *django_settings.LOCALE_PATHS))}
    return tuple(os.path.join(folder, "") for folder in folders)
