"""Every setting: its name, its type, its default and one sentence, read live from ``UNHURRIED``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from django.conf import settings as django_settings


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the optional dict ``UNHURRIED``."""

    name: str
    types: tuple[type, ...]
    help: str
    default: Any = None


SETTINGS: dict[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting(
            "MEASURE",
            (bool,),
            "False measures nothing and installs no probe; kept pages are served as before.",
            default=True,
        ),
        Setting(
            "WATCH",
            (bool,),
            "False has no thread look at this process twenty times a second: no lines, no stacks, "
            "no heartbeat.",
            default=True,
        ),
        Setting(
            "STORE",
            (str, Path, type(None)),
            "Folder of the measurements; default: one per project and user below the system's "
            "run or temporary directory.",
        ),
        Setting(
            "SINKS",
            (dict,),
            'Where numbers go besides the store: {"log": {…}, "statsd": {…}, "graphite": {…}, '
            '"prometheus": {…}}, each with its own options.',
            default={},
        ),
        Setting(
            "PERMISSION",
            (str, type(None)),
            "Dotted path of function(user) -> bool that opens the dashboard; "
            "default: active staff.",
        ),
        Setting(
            "CLIENTS",
            (str,),
            'What is kept of those that cost most: "hashed" (no address), "shown" (theirs), "off".',
            default="hashed",
        ),
        Setting("BADGE", (bool,), "Shows the badge on the pages that staff look at.", default=True),
        Setting(
            "VITALS",
            (bool,),
            "False renders nothing for {% vitals %}, and takes nothing of what browsers tell.",
            default=True,
        ),
        Setting(
            "BUDGETS",
            (dict,),
            'Queries a route may ask for: {"feed/": 12, "*": 50}, "*" for all others.',
            default={},
        ),
        Setting(
            "OVER_BUDGET",
            (str, tuple, list),
            'What becomes of a route over its budget: "log", "header", "raise" (under STRICT), '
            "or several of them.",
            default="log",
        ),
        Setting(
            "TOKENS",
            (str,),
            'Where tokens live: "auto" (embedded for SQLite, else the default cache if it is Redis '
            'or memcached, else embedded), "embedded" (all writers run on this host), or the alias '
            "of a cache.",
            default="auto",
        ),
        Setting(
            "EPOCH",
            (bool,),
            "Renews one token per database with every write, so that pages read in one snapshot "
            "(REPEATABLE READ, SERIALIZABLE) can be kept; SQLite and embedded tokens always do.",
            default=False,
        ),
        Setting(
            "DEADLINE",
            (int, float),
            "Seconds after which what a killed writer changed is seen by all, at least 2.",
            default=10,
        ),
        Setting(
            "WAIT",
            (int, float),
            "Seconds that readers wait for the one who computes, before they compute themselves.",
            default=10,
        ),
        Setting(
            "EVENTUAL",
            (tuple, list),
            "Aliases of databases behind a replica; nothing read from them is kept as fresh.",
            default=(),
        ),
        Setting(
            "TENANT",
            (str, type(None)),
            "Dotted path of function() -> str that names the tenant whose data is being read, for "
            "sites that SET search_path or ROLE.",
        ),
        Setting(
            "TRIGGERS",
            (dict,),
            "Tables that triggers write, where their bodies can't be read: "
            '{"books_book": ["books_audit"]}.',
            default={},
        ),
        Setting(
            "NEUTRAL_MIDDLEWARE",
            (tuple, list),
            "Dotted paths of middleware that a page served from cache may skip.",
            default=(),
        ),
        Setting(
            "TRUSTED_KEYS",
            (tuple, list),
            "Beginnings of keys in Django's own caches that what we keep may be made of; it is as "
            "old as they are, until its ttl.",
            default=(),
        ),
        Setting(
            "VERSION",
            (str, type(None)),
            "Name of the deploy, part of each key; default: made from the project's files.",
        ),
        Setting(
            "LATER",
            (str,),
            'Who works in the background: "thread" (one in each process), "tasks:<alias>" of '
            'Django\'s TASKS, or "celery".',
            default="thread",
        ),
        Setting(
            "SWEEP",
            (int, float, type(None)),
            "Seconds between two looks of a process for what waits and nobody works on; None: it "
            "does not look.",
            default=2,
        ),
        Setting(
            "SURROGATES",
            (tuple, list),
            "Addresses and networks of the proxies whose Surrogate-Capability is believed: "
            '("127.0.0.1", "10.0.0.0/8"); "unix:" for one behind a Unix socket.',
            default=(),
        ),
        Setting(
            "EDGES",
            (tuple, list),
            'Varnish servers to purge after each change: ("http://127.0.0.1:6081",).',
            default=(),
        ),
        Setting(
            "STRICT",
            (bool,),
            "Raises what production only counts; set by our pytest plugin and "
            "unhurried.testing.override().",
            default=False,
        ),
    )
}


_NONE: Final[Mapping[str, Any]] = MappingProxyType({})
#: Where Django's settings keep what they were asked for, and under ``_wrapped`` who has the rest.
_kept: Final = vars(django_settings)
#: One of the latter that is known to have none: asking it takes four microseconds.
_without: object = None


def given() -> Mapping[str, Any]:
    """The project's own dict, or an empty one where it is missing or no dict (a check says so)."""
    value = _kept.get("UNHURRIED", _NONE)
    if value is _NONE:
        value = _asked()
    return value if isinstance(value, dict) else _NONE


def _asked() -> Any:
    global _without
    inner = _kept["_wrapped"]
    if inner is _without and "UNHURRIED" not in vars(inner):
        return _NONE
    try:
        return django_settings.UNHURRIED
    except AttributeError:
        _without = inner
        return _NONE


class Settings:
    """``settings.STORE`` is the project's value, or the default; read at each use, never copied."""

    MEASURE: bool
    WATCH: bool
    STORE: str | Path | None
    SINKS: dict[str, dict[str, Any]]
    PERMISSION: str | None
    CLIENTS: str
    BADGE: bool
    VITALS: bool
    BUDGETS: dict[str, int]
    OVER_BUDGET: str | tuple[str, ...] | list[str]
    TOKENS: str
    EPOCH: bool
    DEADLINE: float
    WAIT: float
    EVENTUAL: tuple[str, ...] | list[str]
    TENANT: str | None
    TRIGGERS: dict[str, list[str]]
    NEUTRAL_MIDDLEWARE: tuple[str, ...] | list[str]
    VERSION: str | None
    LATER: str
    SWEEP: float | None
    SURROGATES: tuple[str, ...] | list[str]
    EDGES: tuple[str, ...] | list[str]
    STRICT: bool

    def __getattr__(self, name: str) -> Any:
        try:
            setting = SETTINGS[name]
        except KeyError:
            raise AttributeError(f"UNHURRIED has no setting {name!r}.{nearest(name)}") from None
        value = given().get(name, setting.default)
        return value if isinstance(value, setting.types) else setting.default


settings = Settings()


def nearest(name: object, known: Iterable[str] = SETTINGS) -> str:
    """`` Did you mean 'STORE'?`` for a name that is nearly right, else an empty string."""
    names = {each.lower(): each for each in known}
    close = difflib.get_close_matches(str(name).lower(), names, n=1)
    return f" Did you mean {names[close[0]]!r}?" if close else ""


def problems() -> Iterator[tuple[str, str, str]]:
    """Yield (kind, message, hint) for everything wrong with the dict: "unknown" or "type"."""
    value = getattr(django_settings, "UNHURRIED", {})
    if not isinstance(value, dict):
        yield "type", f"UNHURRIED is {type(value).__name__}, not a dict.", "UNHURRIED = {}"
        return
    for name, entry in value.items():
        setting = SETTINGS.get(name)
        if setting is None:
            known = ", ".join(sorted(SETTINGS))
            yield "unknown", f"UNHURRIED[{name!r}] is no setting.{nearest(name)}", f"Known: {known}"
        elif not isinstance(entry, setting.types):
            wanted = " or ".join(t.__name__ for t in setting.types if t is not type(None))
            yield (
                "type",
                f"UNHURRIED[{name!r}] is {type(entry).__name__}; it must be {wanted}.",
                setting.help,
            )
