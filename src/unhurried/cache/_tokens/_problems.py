"""What is wrong with where tokens lie, for the checks."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings as django_settings
from django.core.cache import InvalidCacheBackendError

from unhurried.conf import given, nearest, settings

from .._errors import CacheError, Unavailable
from .._servers._kinds import kind_of, options_of
from .._servers._redis import redis_server
from ._home import EMBEDDED, SUFFIX, chosen, file_of, home_of, is_sqlite

Problem = tuple[str, str, str]
ENOUGH: Final = 10_000  # entries


def problems() -> Iterator[Problem]:
    """Yield (kind, message, hint); nothing is connected to.

    Kinds: "unknown", "unfit", "not_shared", "file", "local_memory" (errors), "max_entries".
    """
    wanted = given().get("TOKENS", "auto")
    if wanted not in ("auto", EMBEDDED) and wanted not in django_settings.CACHES:
        known = ["auto", EMBEDDED, *django_settings.CACHES]
        message = f"UNHURRIED['TOKENS'] is {wanted!r}, which is no cache.{nearest(wanted, known)}"
        yield "unknown", message, f"One of: {', '.join(known)}."
        return
    try:
        homes = {alias: chosen(alias) for alias in django_settings.DATABASES}
    except InvalidCacheBackendError:
        return  # Django says so itself
    for cache in sorted({home for home in homes.values() if home != EMBEDDED}):
        yield from _of_cache(cache)
    for alias, home in homes.items():
        if home == EMBEDDED:
            yield from _of_embedded(alias)


def _of_cache(cache: str) -> Iterator[Problem]:
    kind = kind_of(cache)
    try:
        home_of("default")
    except CacheError as error:
        yield "unfit", str(error), error.hint
        return
    except Unavailable:
        return
    if kind == "memory" and not settings.STRICT:
        message = (
            f"UNHURRIED['TOKENS'] is {cache!r}, in the memory of one process: writes of others"
        )
        yield "local_memory", f"{message} are not noticed.", _NOT_SHARED
    given_here = options_of(cache)
    entries = given_here.get("OPTIONS", {}).get("MAX_ENTRIES", given_here.get("MAX_ENTRIES"))
    if entries is not None and int(entries) < ENOUGH:
        message = f"CACHES[{cache!r}] holds tokens and has MAX_ENTRIES {entries}."
        yield "max_entries", message, f"Say {ENOUGH} or more: what is lost is computed again."


def _of_embedded(alias: str) -> Iterator[Problem]:
    database = django_settings.DATABASES[alias]
    if not is_local(database) and given().get("TOKENS", "auto") != EMBEDDED:
        message = f"Database {alias!r} is on {database.get('HOST')}, and tokens are on this host"
        yield "not_shared", f"{message} alone: what others write is not noticed.", _NOT_SHARED
    path = file_of(database) if is_sqlite(database) else None
    if path is None:
        return
    table = path.with_name(path.name + SUFFIX)
    usable = (
        os.access(table, os.R_OK | os.W_OK) if table.exists() else os.access(path.parent, os.W_OK)
    )
    if path.parent.exists() and not usable:
        yield (
            "file",
            f"{table}, the table of tokens of database {alias!r}, can't be written.",
            "Let whoever runs the site write there, as SQLite itself needs it for its journal.",
        )


_NOT_SHARED: Final = (
    'Name a cache in Redis or memcached in UNHURRIED["TOKENS"]; or "embedded", if all who write '
    "run on this host and as the same user."
)


def is_local(database: dict[str, Any]) -> bool:
    """SQLite, no HOST, a path of a socket, or the loopback."""
    host = str(database.get("HOST") or "")
    if is_sqlite(database) or not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def server_problems() -> Iterator[Problem]:
    """The same of the servers, which are asked: "unreachable", "persistent" (warnings).

    A Redis that does not tell its run_id may have been restored from disk, old tokens and all.
    """
    for alias in django_settings.DATABASES:
        try:
            home = chosen(alias)
            if home == EMBEDDED or kind_of(home) != "redis":
                continue
            yield from _of_redis(home)
        except (CacheError, InvalidCacheBackendError):
            continue  # said by problems()
        return


def _of_redis(cache: str) -> Iterator[Problem]:
    server = redis_server(cache)
    try:
        world = server.talk(lambda link: link.world)
        keeps = _keeps(cache)
    except Unavailable as error:
        yield "unreachable", f"The cache {cache!r} holds tokens: {error}", "Is the server running?"
        return
    if not world and keeps:
        yield (
            "persistent",
            f"The Redis of {cache!r} does not tell its run_id, and {keeps}: restored from disk it "
            "would bring old tokens back.",
            "Allow INFO to its user, or turn persistence off (save '' and appendonly no).",
        )


def _keeps(cache: str) -> str:
    """What is known of its persistence; "" if there is none."""
    try:
        found = redis_server(cache).ask(("CONFIG", "GET", "save"), ("CONFIG", "GET", "appendonly"))
    except Unavailable as error:
        if "refuses" not in str(error):
            raise
        return "may write to disk"
    (_, save), (_, append) = found
    return "writes to disk" if save or append != b"no" else ""
