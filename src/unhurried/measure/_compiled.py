"""The compiled half of this room, where it is installed: ``pip install "unhurried[c]"``.

``unhurried_c`` does in C what every request and statement does here, on the roads that nearly all
of them take, and hands the others to the functions it stands for. Without it, with another version
of it, or in an interpreter that is not its process's first, all is Python. ``UNHURRIED_PURE=1`` in
the environment leaves it out.
"""

from __future__ import annotations

import os
from typing import Any

from unhurried import __version__


def find() -> Any:
    """The extension module, or None where there is none for us."""
    if os.environ.get("UNHURRIED_PURE"):
        return None
    try:
        import unhurried_c
    except ImportError:
        return None
    return unhurried_c if unhurried_c.__version__ == __version__ else None


def problem() -> tuple[str, str] | None:
    """(what, the way out), where it is installed and of no use."""
    if compiled is not None or os.environ.get("UNHURRIED_PURE"):
        return None
    try:
        import unhurried_c
    except ModuleNotFoundError:
        return None
    except ImportError as error:
        return (
            f"unhurried_c can't be used, so measuring is done in Python: {error}.",
            'Nothing breaks. Install it anew: pip install --force-reinstall "unhurried[c]"; under '
            "mod_wsgi, WSGIApplicationGroup %{GLOBAL} gives the application the first interpreter.",
        )
    return (
        f"unhurried_c is {unhurried_c.__version__}, unhurried {__version__}: it is left alone, "
        "and measuring is done in Python.",
        'pip install --upgrade "unhurried[c]"',
    )


#: The extension module; None where all is Python.
compiled: Any = find()
