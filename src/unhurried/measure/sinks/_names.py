"""Names as other systems can take them: readable, and no two of ours ever become the same.

Route patterns keep their shape: ``user/<int:pk>/`` is ``user._int_pk_`` as a path. Whatever could
not be told from the outcome, because it had to be replaced or cut or another name looks the same,
is made up for by the name's CRC-32 in hexadecimal.
"""

from __future__ import annotations

import re
import socket
from functools import lru_cache
from typing import Final
from zlib import crc32

LONGEST: Final = 200  # characters, as in the store
#: Names of ours that are no routes, and the route of the start page.
SPECIAL: Final = {"": "_root", "(none)": "_none", "(other)": "_other"}

_SLOT: Final = re.compile(r"<(?:(\w+):)?(\w+)>", re.ASCII)  # <int:pk> or <pk>
#: What it has become, where that can be told: converters of Django's own alone have one word.
_WAS_SLOT: Final = re.compile(r"_(?:(int|path|slug|str|uuid)_)?([A-Za-z0-9]\w*?)_(?!\w)", re.ASCII)
_WAS_TAGGED: Final = re.compile(r"_((?:\w+:)?[A-Za-z0-9]\w*?)_(?!\w)", re.ASCII)
_NOT_A_NODE: Final = re.compile(r"[^A-Za-z0-9_\-]")
_NOT_DOTTED: Final = re.compile(r"[^A-Za-z0-9_\-.]")
_NOT_A_TAG: Final = re.compile(r"[^\w\-./:<>]", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def shown(kind: str, name: str) -> str:
    """A route as people know it, with a leading slash; the name of another unit as it is."""
    if kind != "request" or name in ("(none)", "(other)"):
        return name
    return f"/{name}"


def typed(label: str) -> str:
    """As it stands in a command: what has parameters is no address yet, and < is the shell's."""
    return label.replace("<", "{").replace(">", "}")


def printable(text: str) -> str:
    """On one line, whatever it was."""
    return _CONTROL.sub("\ufffd", text)


def node(host: str) -> str:
    """A host's name as one node of a path: its dots would be read as folders."""
    return _NOT_A_NODE.sub("_", host) or "_"


def prefix(text: str) -> str:
    """A prefix with a dot behind it, or nothing; ``{host}`` is this host's name."""
    cleaned = text.replace("{host}", node(socket.gethostname())).strip(".")
    return f"{cleaned}." if cleaned else ""


@lru_cache(maxsize=4096)
def route_path(name: str, kind: str = "request") -> str:
    """A route or unit as a dotted path: ``user/<int:pk>/`` is ``user._int_pk_``.

    Most routes end with a slash, which is left out; units do not, and keep it.
    """
    if name in SPECIAL:
        return SPECIAL[name]
    end = "/" if kind == "request" else ""
    plain = _SLOT.sub(_slot, name).removesuffix(end)
    parts = [_NOT_A_NODE.sub("_", part) for part in plain.split("/")]
    cleaned = ".".join(filter(None, parts))
    same = _WAS_SLOT.sub(_as_slot, cleaned.replace(".", "/")) + end == name
    return _unmistakable(same and cleaned not in SPECIAL.values(), cleaned, name)


@lru_cache(maxsize=4096)
def path(name: str) -> str:
    """The name of an instrument as a dotted path; dots are the site's own and stay."""
    parts = list(filter(None, _NOT_DOTTED.sub("_", name).split(".")))
    cleaned = ".".join(parts)
    return _unmistakable(cleaned == name, cleaned, name)


@lru_cache(maxsize=4096)
def tag(value: str) -> str:
    """The value of a DogStatsD tag: letters, digits, ``_ - . / :``, the rest is ``_``."""
    cleaned = _NOT_A_TAG.sub("_", value).translate({60: "_", 62: "_"})
    return _unmistakable(_WAS_TAGGED.sub(r"<\1>", cleaned) == value, cleaned, value)


def _slot(found: re.Match[str]) -> str:
    return "_" + "_".join(filter(None, found.groups())) + "_"


def _as_slot(found: re.Match[str]) -> str:
    return f"<{':'.join(filter(None, found.groups()))}>"


def _unmistakable(same: bool, cleaned: str, name: str) -> str:  # noqa: FBT001 - private
    """The cleaned name if nothing was lost in cleaning, else with the CRC of the whole."""
    if same and cleaned and len(cleaned) <= LONGEST:
        return cleaned
    return f"{cleaned[: LONGEST - 9] or '_'}-{checksum(name)}"


def checksum(name: str) -> str:
    """Eight hexadecimal digits that tell names apart."""
    return f"{crc32(name.encode('utf-8', 'surrogatepass')):08x}"
