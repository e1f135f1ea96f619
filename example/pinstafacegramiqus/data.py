"""What lives outside the checkout: the data folder, its secret key, the database."""

import os
import secrets
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

ENGINES = {
    "sqlite": "django.db.backends.sqlite3",
    "postgres": "django.db.backends.postgresql",
    "postgresql": "django.db.backends.postgresql",
}
# Readers do not wait for the writer, and a writer waits for its turn instead of failing.
SQLITE_OPTIONS = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


def data_folder(default: Path) -> Path:
    """The folder named by PINSTA_DATA, or ``default``; made if it is missing."""
    folder = Path(os.environ.get("PINSTA_DATA") or default).resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder {folder} cannot be made ({error.strerror}). "
            "Set PINSTA_DATA to a folder you may write to."
        ) from error
    return folder


def secret_key(folder: Path) -> str:
    """This data folder's own key: never committed, the same for all its processes."""
    file = folder / "secret_key"
    if not file.exists():
        _write_once(file, secrets.token_urlsafe(50))
    return file.read_text()


def _write_once(file: Path, text: str) -> None:
    # Linked into place whole, so that two first starts agree and none reads half a key.
    with tempfile.NamedTemporaryFile("w", dir=file.parent) as draft:
        draft.write(text)
        draft.flush()
        try:
            os.link(draft.name, file)
        except FileExistsError:
            pass


def database(url: str, folder: Path) -> dict[str, Any]:
    """One entry of DATABASES from ``postgres://user:password@host:port/name`` or ``sqlite:///file``.

    An empty ``url`` is SQLite in ``folder``. Hosts that are folders (sockets) are percent-encoded.
    """
    parts = urlsplit(url or f"sqlite:///{folder / 'db.sqlite3'}")
    if parts.scheme not in ENGINES:
        known = ", ".join(sorted(ENGINES))
        raise ImproperlyConfigured(f"DATABASE_URL begins with one of: {known}; got {url!r}.")
    found = {"ENGINE": ENGINES[parts.scheme], "NAME": unquote(parts.path[1:])}
    if parts.scheme == "sqlite":
        return found | {"OPTIONS": SQLITE_OPTIONS}
    return found | {
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
    }
