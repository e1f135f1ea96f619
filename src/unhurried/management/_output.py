"""What goes to stdout: of a document or a diff nothing else, and never a letter too many."""

from __future__ import annotations

import json
import math
import sys
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from typing import Any


def apart(*, json: bool = False, diff: bool = False, **options: Any) -> AbstractContextManager[Any]:
    """What the site prints while a document or a diff is made goes to stderr.

    The command's own stream is held by the command, and stays what it is.
    """
    return redirect_stdout(sys.stderr) if json or diff else nullcontext()


def document(found: dict[str, Any]) -> str:
    """As JSON, which knows neither infinity nor NaN: they are null, as on the dashboard."""
    try:
        return json.dumps(found, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(found), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def spell(out: Any, **options: Any) -> None:
    """How letters are written, where ``out`` is a stream that can be told."""
    reconfigure = getattr(out, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(**options)
