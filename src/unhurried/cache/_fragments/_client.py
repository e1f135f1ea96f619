"""A fragment that the browser fetches: an element of our own, and the script that knows it."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from ._registry import Fragment

SCRIPT: Final = "fragment.js"
_FOLDER: Final = Path(__file__).resolve().parents[2] / "static" / "unhurried"


def element(fragment: Fragment, address: str) -> SafeString:
    """``<unhurried-fragment>``: until it is filled, the fallback; without JavaScript, a link.

    The script comes with each, and a browser runs a module once.
    """
    return format_html(
        '<unhurried-fragment src="{}"{} aria-busy="true">{}<noscript><a href="{}">{}</a></noscript>'
        '</unhurried-fragment><script type="module" src="{}"></script>',
        *(address, mark_safe(' loading="lazy"' if fragment.lazy else "")),
        *(mark_safe(fragment.fallback or ""), address, fragment.label, script()),
    )


def script() -> str:
    """The address of the script, which changes with its content."""
    return f"{reverse('unhurried:asset', args=[SCRIPT])}?v={_version()}"


@cache
def _version() -> str:
    return hashlib.sha256((_FOLDER / SCRIPT).read_bytes()).hexdigest()[:12]
