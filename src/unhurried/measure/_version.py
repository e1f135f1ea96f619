"""Which deploy this is: the next one's code and templates may be faster, and say something else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

from django.apps import apps
from django.conf import settings as django_settings

from unhurried.conf import given

SUFFIXES: Final = (".py", ".html", ".txt", ".xml", ".jinja", ".jinja2", ".sql", ".mo")
MOST_FILES: Final = 50_000
PASSED_OVER: Final = ("node_modules", "__pycache__", "site-packages", ".git")


def version() -> str:
    """``VERSION``, or what the project's own files look like: names, sizes, times of change."""
    return given().get("VERSION") or _from_files(getattr(django_settings, "BASE_DIR", ""))


@lru_cache(8)
def _from_files(base: str | Path) -> str:
    digest = blake2b(digest_size=8)
    for path in sorted(_files(str(base))):
        try:
            found = os.stat(path)
        except OSError:
            continue
        digest.update(f"{path}\0{found.st_size}\0{found.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _files(base: str) -> Iterator[str]:
    """Of the project and of its apps that are not installed packages."""
    folders = {base} if base else set()
    # Not by ``get_app_configs()``: this may be asked while apps are being set anew, by a test.
    folders |= {config.path for config in tuple(apps.app_configs.values())}
    left = MOST_FILES
    for folder in folders:
        if "site-packages" in Path(folder).parts:
            continue
        for path, inner, names in os.walk(folder):
            inner[:] = [name for name in inner if name not in PASSED_OVER and name[0] != "."]
            for name in names:
                if name.endswith(SUFFIXES):
                    left -= 1
                    if left < 0:
                        return
                    yield os.path.join(path, name)
