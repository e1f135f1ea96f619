"""What must be there before the site can be shown: wishes, packages, the data folder, Django."""

import fcntl
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from backstage.errors import DemoError

EXAMPLE = Path(__file__).resolve().parent.parent
PACKAGES = ("django", "gunicorn", "unhurried")


@dataclass(frozen=True)
class Wishes:
    """What the environment asks for."""

    seconds: float
    port: int
    once: bool

    @classmethod
    def from_environment(cls) -> Self:
        return cls(
            seconds=_number("SECONDS_OF_TRAFFIC", 15, 3600),
            port=int(_number("PORT", 0, 65535)),
            once=os.environ.get("ONCE", "0") not in ("", "0") or not sys.stdout.isatty(),
        )


def _number(name: str, default: float, most: float) -> float:
    text = os.environ.get(name) or str(default)
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        raise DemoError(f"{name} is a number from 0 to {most:g}; got {text!r}.")
    return number


def require_packages() -> None:
    """Raise DemoError naming the packages that are not installed."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise DemoError(
            f"Not installed here: {', '.join(missing)}. `make demo` installs what it needs; "
            f"by hand: {sys.executable} -m pip install gunicorn {EXAMPLE.parent}"
        )


@contextmanager
def claim() -> Iterator[Path]:
    """The data folder, held for this demo alone; what an earlier one measured and kept is gone."""
    folder = Path(os.environ.get("PINSTA_DATA") or EXAMPLE / "var").resolve()
    with _lock(folder):
        for name in ("unhurried", "kept"):
            shutil.rmtree(folder / name, ignore_errors=True)
        yield folder


def _lock(folder: Path) -> IO[str]:
    """The folder's lock file, held until it is closed or the process ends."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "demo.lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise DemoError(
            f"Another demo is using {folder}. Stop it, or set PINSTA_DATA to another folder."
        ) from None
    except OSError as error:
        raise DemoError(
            f"The data folder {folder} cannot be used ({error.strerror}). "
            "Set PINSTA_DATA to a folder you may write to."
        ) from error
    return lock


def start_django() -> None:
    """Set Django up in this process, as ``manage.py`` does."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pinstafacegramiqus.settings")
    import django  # only now is it known to be installed

    django.setup()
