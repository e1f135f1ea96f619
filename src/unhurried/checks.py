"""System checks: wrong settings, a store that can't be used, a middleware that is missing.

Ids by rule: E/W0xx settings, 1xx measure, 2xx cache, 3xx later, 4xx queries. Each has a hint; see
docs/reference/checks.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.utils.module_loading import import_string

from unhurried import conf
from unhurried.cache import _problems as cache
from unhurried.later import reading as later
from unhurried.measure import _compiled, _folder, _own, sinks
from unhurried.measure._clients import MODES as CLIENTS
from unhurried.measure._errors import StoreError
from unhurried.queries._budget import _budget_settings as budgets

MIDDLEWARE = "unhurried.middleware.UnhurriedMiddleware"


@register("unhurried")
def check_settings(**kwargs: Any) -> Iterable[CheckMessage]:
    """unhurried.E001 unknown key, E002 wrong type."""
    ids = {"unknown": "unhurried.E001", "type": "unhurried.E002"}
    for kind, message, hint in conf.problems():
        yield Error(message, hint=hint, id=ids[kind])


@register("unhurried")
def check_sinks(**kwargs: Any) -> Iterable[CheckMessage]:
    """unhurried.E103 a sink that is unknown or has wrong options."""
    for message, hint in sinks.problems():
        yield Error(message, hint=hint, id="unhurried.E103")


@register("unhurried")
def check_store(**kwargs: Any) -> Iterable[CheckMessage]:
    """unhurried.E101 not ours alone, E102 can't be written, damaged or full."""
    if not conf.settings.MEASURE:
        return
    try:
        _folder.examine()
    except _folder.ForeignFolderError as error:
        yield Error(str(error), hint=error.hint, id="unhurried.E101")
    except StoreError as error:
        yield Error(str(error), hint=error.hint, id="unhurried.E102")


@register("unhurried")
def check_permission(**kwargs: Any) -> Iterable[CheckMessage]:
    """unhurried.E104 PERMISSION names nothing that can be called, or what has to be awaited."""
    path = conf.settings.PERMISSION
    try:
        found = import_string(path) if path else callable
    except ImportError as error:
        found = error
    wrong = None if callable(found) else "no function that can be imported"
    if iscoroutinefunction(found):
        wrong = "an async def, which lets nobody in"
    if wrong is not None:
        yield Error(
            f"UNHURRIED['PERMISSION'] is {path!r}, which is {wrong}.",
            hint="Name one that takes the user and returns a bool: 'site.staff.may_measure'.",
            id="unhurried.E104",
        )


@register("unhurried")
def check_clients(**kwargs: Any) -> Iterable[CheckMessage]:
    """unhurried.E105 CLIENTS says what nobody does."""
    mode = conf.settings.CLIENTS
    if mode not in CLIENTS:
        yield Error(
            f"UNHURRIED['CLIENTS'] is {mode!r}, which is none of {', '.join(CLIENTS)}."
            f"{conf.nearest(mode, CLIENTS)}",
            hint='Leave it out to keep no address: "hashed".',
            id="unhurried.E105",
        )


@register("unhurried")
def check_urls(**kwargs: Any) -> Iterable[CheckMessage]:
    """unhurried.E106 unhurried.urls are where none of their pages can be linked to."""
    if getattr(django_settings, "ROOT_URLCONF", None) and _own.is_misplaced():
        yield Error(
            "unhurried.urls are included in a namespace or below a parameter, so that no page of "
            "the dashboard can be linked to.",
            hint=_own.PLACE,
            id="unhurried.E106",
        )


@register("unhurried")
def check_middleware(**kwargs: Any) -> Iterable[CheckMessage]:
    """unhurried.W101 no middleware, so requests are not measured."""
    if conf.settings.MEASURE and MIDDLEWARE not in django_settings.MIDDLEWARE:
        yield Warning(
            "Requests are not measured: the middleware is missing.",
            hint=f'MIDDLEWARE = ["{MIDDLEWARE}", …]',
            id="unhurried.W101",
        )


@register("unhurried")
def check_compiled(**kwargs: Any) -> Iterable[CheckMessage]:
    """unhurried.W102 the compiled half is installed and of no use."""
    found = _compiled.problem()
    if found is not None:
        yield Warning(found[0], hint=found[1], id="unhurried.W102")


@register("unhurried")
def check_budgets(**kwargs: Any) -> Iterable[CheckMessage]:
    """unhurried.E401 BUDGETS has a wrong entry, E402 OVER_BUDGET says what nobody does."""
    for message, hint in budgets.wrong_entries():
        yield Error(message, hint=hint, id="unhurried.E401")
    for message, hint in budgets.wrong_actions():
        yield Error(message, hint=hint, id="unhurried.E402")


@register("unhurried")
def check_routes_of_budgets(**kwargs: Any) -> Iterable[CheckMessage]:
    """unhurried.W401 BUDGETS names a route that no URL pattern has."""
    for message, hint in budgets.unknown_routes():
        yield Warning(message, hint=hint, id="unhurried.W401")


#: What the cache's room says, by kind.
CACHE = {
    "unknown": (Error, "unhurried.E201"),
    "unfit": (Error, "unhurried.E201"),
    "not_shared": (Error, "unhurried.E202"),
    "local_memory": (Error, "unhurried.E202"),
    "file": (Error, "unhurried.E203"),
    "deadline": (Error, "unhurried.E204"),
    "wait": (Error, "unhurried.E204"),
    "twice": (Error, "unhurried.E205"),
    "surrogate": (Error, "unhurried.E207"),
    "edge": (Error, "unhurried.E207"),
    "max_entries": (Warning, "unhurried.W201"),
    "unreachable": (Warning, "unhurried.W202"),
    "persistent": (Warning, "unhurried.W202"),
    "django": (Warning, "unhurried.W203"),
    "site": (Warning, "unhurried.W204"),
    "skipped": (Warning, "unhurried.W205"),
    "everybody": (Warning, "unhurried.W206"),
    "nobody": (Warning, "unhurried.W206"),
    "beside": (Warning, "unhurried.W207"),
    "trigger": (Warning, "unhurried.W208"),
}
LATER = {
    "unserved": (Error, "unhurried.E301"),
    "unfit": (Error, "unhurried.E302"),
    "app": (Error, "unhurried.E303"),
    "tables": (Error, "unhurried.E304"),
    "threads": (Error, "unhurried.E305"),
}


@register("unhurried")
def check_cache(**kwargs: Any) -> Iterable[CheckMessage]:
    """unhurried.E201 to E205, W201, W203 to W205, W207: tokens, settings, views, other apps."""
    for kind, message, hint in cache.problems():
        level, number = CACHE[kind]
        yield level(message, hint=hint, id=number)


@register("unhurried")
def check_edges(**kwargs: Any) -> Iterable[CheckMessage]:
    """unhurried.E207 SURROGATES or EDGES has a wrong entry, W206 believes everybody, or nobody."""
    for kind, message, hint in cache.problems_of_edges():
        level, number = CACHE[kind]
        yield level(message, hint=hint, id=number)


@register("unhurried", deploy=True)
def check_token_servers(**kwargs: Any) -> Iterable[CheckMessage]:
    """unhurried.W202 a server of tokens that is not there, or may come back with old ones."""
    for kind, message, hint in cache.problems_of_servers():
        level, number = CACHE[kind]
        yield level(message, hint=hint, id=number)


@register(Tags.database)
def check_triggers(databases: Any = None, **kwargs: Any) -> Iterable[CheckMessage]:
    """unhurried.W208 triggers nobody understands (``check --database default``)."""
    for kind, message, hint in cache.problems_of_databases(databases or ()):
        level, number = CACHE[kind]
        yield level(message, hint=hint, id=number)


@register("unhurried")
def check_later(**kwargs: Any) -> Iterable[CheckMessage]:
    """unhurried.E301 to E305: who works in the background, and the tables of what waits."""
    for kind, message, hint in later.problems():
        level, number = LATER[kind]
        yield level(message, hint=hint, id=number)
