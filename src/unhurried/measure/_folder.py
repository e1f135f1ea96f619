"""The folder of the store: where it is, whether it is ours alone, whether there is room in it."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from django.conf import settings as django_settings

from unhurried.conf import settings

from . import _layout as L
from ._errors import StoreError
from ._locks import SUPPORTED
from ._names import Names
from ._slot import paths as slots
from ._slot import readable, reserve

SQLITE = b"SQLite format 3\0"  # how such a file begins


class ForeignFolderError(StoreError):
    """The folder belongs to another user or is open to others."""


def folder() -> Path:
    """The folder by setting, or the default: one per project and user."""
    if settings.STORE:
        return Path(settings.STORE).absolute()
    base = Path("/run") if os.access("/run", os.W_OK) else Path(tempfile.gettempdir())
    return base / f"unhurried-{os.geteuid()}-{_project()}"


def _project() -> str:
    """The same for every process of a project, from whatever folder it is started."""
    root = getattr(django_settings, "BASE_DIR", "")
    name = getattr(django_settings, "ROOT_URLCONF", "")
    module = sys.modules.get(os.environ.get("DJANGO_SETTINGS_MODULE", ""))
    where = f"{root}|{name}|{getattr(module, '__file__', '')}"
    return hashlib.sha256(where.encode()).hexdigest()[:12]


def prepare(path: Path) -> Path:
    """Make the folder, 0700, and refuse one that others own or may open."""
    if not SUPPORTED:
        raise StoreError(
            "The store needs POSIX file locks.", 'Set UNHURRIED = {"MEASURE": False} here.'
        )
    inner = versioned(path)
    for each in (path, inner):
        with suppress(FileExistsError):  # what is there may be no folder
            each.mkdir(mode=0o700, parents=True)
        refuse_foreign(each)
    return inner


def versioned(path: Path) -> Path:
    """Where in the folder this version's files are."""
    return path / f"v{L.VERSION}"


def refuse_foreign(path: Path) -> None:
    """Raise StoreError unless the folder is ours alone."""
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise ForeignFolderError(
            f"{path} is not a folder.", "Remove it, or name another one in STORE."
        )
    if found.st_uid != os.geteuid():
        raise ForeignFolderError(
            f"{path} belongs to user {found.st_uid}, not to us ({os.geteuid()}).",
            "Name a folder of your own in UNHURRIED['STORE'].",
        )
    if found.st_mode & 0o077:
        raise ForeignFolderError(
            f"{path} is open to others ({stat.S_IMODE(found.st_mode):04o}).", f"chmod 700 {path}"
        )


def examine() -> None:
    """Look whether the store could be used, for the checks; raises StoreError with the way out."""
    try:
        inner = prepare(folder())
        names = Names(inner)
        for path in slots(inner):
            if not readable(path, names.id):
                raise StoreError(f"{path} is no slot of this store.", f"Remove {path}.")
        _examine_history(inner / "history.sqlite")
        _reserve_room(inner)
    except (OSError, ValueError) as error:  # of the latter, a null in the name
        raise as_store_error(error) from error


def _examine_history(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb") as file:
        start = file.read(len(SQLITE))
    if start not in (b"", SQLITE):
        raise StoreError(f"{path} is no history of ours.", f"Remove {path}.")


def _reserve_room(folder: Path) -> None:
    """Whether one more worker would find room for its numbers."""
    with tempfile.TemporaryFile(dir=folder) as file:
        reserve(file.fileno(), 0, L.BASE_BYTES + L.GROUPS["route"].chunk_bytes)


def as_store_error(error: Exception) -> StoreError:
    return StoreError(
        f"The store can't be written: {error}.",
        "Make room there or name another folder in UNHURRIED['STORE'].",
    )
