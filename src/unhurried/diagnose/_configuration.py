"""Settings that make any site slow, as they stand: each right or wrong, why, and what to write.

Read from Django's own settings, which the process that asks shares with those that serve. Whether
it matters here, the numbers have to say: what is wrong and costs nothing is no finding.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from inspect import unwrap
from typing import Any, Final

from django.conf import settings
from django.contrib.staticfiles.views import serve as serve_collected
from django.urls import URLPattern, URLResolver, get_resolver
from django.views.static import serve

CACHED_LOADER: Final = "django.template.loaders.cached.Loader"
DJANGO_TEMPLATES: Final = "django.template.backends.django.DjangoTemplates"
SESSIONS: Final = "django.contrib.sessions.backends."
SESSION_MIDDLEWARE: Final = "django.contrib.sessions.middleware.SessionMiddleware"
LOCAL: Final = "django.core.cache.backends.locmem.LocMemCache"
NONE: Final = "django.core.cache.backends.dummy.DummyCache"
GZIP: Final = "django.middleware.gzip.GZipMiddleware"
SHARED: Final = (
    'CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", '
    '"LOCATION": "redis://127.0.0.1:6379"}}'
)
TOOLS: Final = {"debug_toolbar": "Django Debug Toolbar", "silk": "Silk"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One of Django's settings, ``value`` as people read it; ``why`` it is wrong where it is.

    ``remedy``: what to write into the settings, or a command; empty where nothing is wrong.
    """

    name: str
    value: str
    wrong: bool
    why: str = ""
    remedy: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


def configuration(workers: int = 2) -> list[Setting]:
    """All that is looked at, for so many processes that serve. Imports the project's URLs."""
    return [
        debug(),
        loaders(),
        *connections(),
        sessions(workers),
        cache(workers),
        compression(),
        static_files(),
        tools(),
        log_of_statements(),
    ]


def _judged(name: str, value: object, why: str, remedy: str, *, wrong: bool) -> Setting:
    return Setting(name, str(value), wrong, why if wrong else "", remedy if wrong else "")


def debug() -> Setting:
    why = "Django keeps each statement with its parameters, and static files go through finders."
    return _judged("DEBUG", settings.DEBUG, why, "DEBUG = False", wrong=bool(settings.DEBUG))


def loaders() -> Setting:
    """Without a list of loaders Django caches what it has compiled, and with this one in it."""
    engines: list[dict[str, Any]] = settings.TEMPLATES
    bare = [
        number
        for number, engine in enumerate(engines)
        if engine.get("BACKEND") == DJANGO_TEMPLATES
        and (named := engine.get("OPTIONS", {}).get("loaders"))
        and CACHED_LOADER not in map(_path, named)
    ]
    number = bare[0] if bare else 0
    options = f'TEMPLATES[{number}]["OPTIONS"]["loaders"]'
    why = "Each template is read and compiled anew each time it is used."
    remedy = f'{options} = [("{CACHED_LOADER}", {options})]'
    value = "not cached" if bare else "cached"
    return _judged("TEMPLATES", value, why, remedy, wrong=bool(bare))


def _path(loader: str | Sequence[Any]) -> Any:
    return loader if isinstance(loader, str) else loader[0]


def connections() -> Iterator[Setting]:
    """One of each database that is reached over a socket."""
    databases: dict[str, dict[str, Any]] = settings.DATABASES
    for alias, database in databases.items():
        engine = database.get("ENGINE", "")
        if not engine or "sqlite" in engine or "dummy" in engine:
            continue
        age, pool = database.get("CONN_MAX_AGE", 0), database.get("OPTIONS", {}).get("pool")
        name = f'DATABASES["{alias}"]'
        yield _judged(
            f'{name}["CONN_MAX_AGE"]',
            "a pool" if pool else age,
            "Each request that asks the database connects to it anew.",
            f'{name}["CONN_MAX_AGE"] = 60',
            wrong=age == 0 and not pool,
        )


def sessions(workers: int) -> Setting:
    engine = settings.SESSION_ENGINE.removeprefix(SESSIONS)
    if SESSION_MIDDLEWARE not in settings.MIDDLEWARE:
        return Setting("SESSION_ENGINE", "no session middleware", wrong=False)
    name, back_end = settings.SESSION_CACHE_ALIAS, _back_end(settings.SESSION_CACHE_ALIAS)
    shared = back_end not in (LOCAL, NONE)
    better = f'SESSION_ENGINE = "{SESSIONS}cached_db"'
    remedy = better if shared else f"{SHARED}; {better}"
    if engine == "db":
        why = "Each page that looks at its session asks the database for it."
        return _judged("SESSION_ENGINE", engine, why, remedy, wrong=True)
    wrong = engine in ("cache", "cached_db") and not shared and (workers > 1 or back_end == NONE)
    why = f'The cache "{name}" is each process\'s own: sessions are lost, or old, in the next one.'
    return _judged("SESSION_ENGINE", engine, why, remedy, wrong=wrong)


def _back_end(alias: str) -> str:
    return str(settings.CACHES.get(alias, {}).get("BACKEND", ""))


def cache(workers: int) -> Setting:
    found = _back_end("default")
    why = "Each process has a cache of its own: what one has computed, all the others compute."
    if found == NONE:
        why = "Nothing is kept: what is cached is computed each time."
    wrong = found == NONE or (found == LOCAL and workers > 1)
    return _judged('CACHES["default"]', found.rpartition(".")[2], why, SHARED, wrong=wrong)


def compression() -> Setting:
    """A proxy may compress; that can't be seen from here."""
    found = [path for path in settings.MIDDLEWARE if "gzip" in path.lower() or "compress" in path]
    value = found[0].rpartition(".")[2] if found else "no compression"
    why = "Pages are sent as they are, three to ten times as long, unless a proxy compresses them."
    return _judged("MIDDLEWARE", value, why, f'MIDDLEWARE.insert(0, "{GZIP}")', wrong=not found)


def static_files() -> Setting:
    routes = static_routes()
    return _judged(
        "urlpatterns",
        ", ".join(routes) or "no static files",
        "Django sends files that a web server sends without waking it, from STATIC_ROOT.",
        "python manage.py collectstatic",
        wrong=bool(routes),
    )


def static_routes() -> list[str]:
    """The routes that Django serves files at, as measuring names them."""
    return list(_served(get_resolver().url_patterns, ""))


def _served(patterns: Sequence[Any], before: str) -> Iterator[str]:
    for each in patterns:
        route = f"{before}{each.pattern}"
        if isinstance(each, URLResolver):
            yield from _served(each.url_patterns, route)
        elif isinstance(each, URLPattern) and unwrap(each.callback) in (serve, serve_collected):
            yield route


def tools() -> Setting:
    """Development's instruments: what they note down of each request costs more than most pages."""
    named = [path for path in settings.MIDDLEWARE if path.partition(".")[0] in TOOLS]
    found = dict.fromkeys(TOOLS[path.partition(".")[0]] for path in named)
    return _judged(
        "MIDDLEWARE",
        ", ".join(found) or "no debugging tools",
        "It notes down all that each request does.",
        "; ".join(f'MIDDLEWARE.remove("{path}")' for path in named),
        wrong=bool(named),
    )


def log_of_statements() -> Setting:
    """Only under DEBUG are statements logged at all, whatever the level."""
    logged = logging.getLogger("django.db.backends").isEnabledFor(logging.DEBUG)
    return _judged(
        "LOGGING",
        "django.db.backends at DEBUG" if logged else "django.db.backends not at DEBUG",
        "Each statement is written to the log, parameters and all.",
        'LOGGING["loggers"]["django.db.backends"] = {"level": "INFO"}',
        wrong=logged and bool(settings.DEBUG),
    )
