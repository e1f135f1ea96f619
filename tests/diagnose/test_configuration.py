"""Settings that make any site slow: each as it is right, and as it is wrong."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles.views import serve as serve_collected
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path, re_path
from django.views.decorators.cache import never_cache
from django.views.static import serve

from unhurried.diagnose import _configuration as c

LOCMEM = {"default": {"BACKEND": c.LOCAL}}
DUMMY = {"default": {"BACKEND": c.NONE}}
REDIS = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "redis://127.0.0.1:6379",
    }
}
APP = "django.template.loaders.app_directories.Loader"


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class Urls:
    urlpatterns = [
        path("page/", page),
        re_path(r"^media/(?P<path>.*)$", serve),
        path("more/", include([path("<path:path>", never_cache(serve_collected))])),
    ]


class Plain:
    urlpatterns = [path("page/", page)]


def engine(**options: Any) -> list[dict[str, Any]]:
    return [{"BACKEND": c.DJANGO_TEMPLATES, "OPTIONS": options}]


SESSIONS = "django.contrib.sessions.backends."
CASES = [
    ("debug on", c.debug, {"DEBUG": True}, True, "True", "DEBUG = False"),
    ("debug off", c.debug, {"DEBUG": False}, False, "False", ""),
    ("no loaders", c.loaders, {"TEMPLATES": engine()}, False, "cached", ""),
    ("the cached loader", c.loaders, {"TEMPLATES": engine(loaders=[(c.CACHED_LOADER, [APP])])},
     False, "cached", ""),
    ("a bare loader", c.loaders, {"TEMPLATES": engine(loaders=[APP])}, True, "not cached",
     f'TEMPLATES[0]["OPTIONS"]["loaders"] = [("{c.CACHED_LOADER}", '
     'TEMPLATES[0]["OPTIONS"]["loaders"])]'),
    ("another engine's", c.loaders,
     {"TEMPLATES": [{"BACKEND": "x.Jinja2", "OPTIONS": {"loaders": [APP]}}]}, False, "cached", ""),
    ("sessions in the database", lambda: c.sessions(1),
     {"SESSION_ENGINE": f"{SESSIONS}db", "CACHES": REDIS}, True, "db",
     f'SESSION_ENGINE = "{SESSIONS}cached_db"'),
    ("there, without a shared cache", lambda: c.sessions(1),
     {"SESSION_ENGINE": f"{SESSIONS}db", "CACHES": LOCMEM}, True, "db",
     f'{c.SHARED}; SESSION_ENGINE = "{SESSIONS}cached_db"'),
    ("sessions in Redis", lambda: c.sessions(4),
     {"SESSION_ENGINE": f"{SESSIONS}cached_db", "CACHES": REDIS}, False, "cached_db", ""),
    ("sessions in local memory", lambda: c.sessions(4),
     {"SESSION_ENGINE": f"{SESSIONS}cache", "CACHES": LOCMEM}, True, "cache",
     f'{c.SHARED}; SESSION_ENGINE = "{SESSIONS}cached_db"'),
    ("there, of one process", lambda: c.sessions(1),
     {"SESSION_ENGINE": f"{SESSIONS}cache", "CACHES": LOCMEM}, False, "cache", ""),
    ("sessions in cookies", lambda: c.sessions(4),
     {"SESSION_ENGINE": f"{SESSIONS}signed_cookies", "CACHES": LOCMEM}, False,
     "signed_cookies", ""),
    ("no sessions", lambda: c.sessions(4),
     {"SESSION_ENGINE": f"{SESSIONS}db", "MIDDLEWARE": []}, False, "no session middleware", ""),
    ("a local cache of several", lambda: c.cache(2), {"CACHES": LOCMEM}, True, "LocMemCache",
     c.SHARED),
    ("a local cache of one", lambda: c.cache(1), {"CACHES": LOCMEM}, False, "LocMemCache", ""),
    ("no cache", lambda: c.cache(1), {"CACHES": DUMMY}, True, "DummyCache", c.SHARED),
    ("a shared cache", lambda: c.cache(9), {"CACHES": REDIS}, False, "RedisCache", ""),
    ("no gzip", c.compression, {"MIDDLEWARE": []}, True, "no compression",
     f'MIDDLEWARE.insert(0, "{c.GZIP}")'),
    ("gzip", c.compression, {"MIDDLEWARE": [c.GZIP]}, False, "GZipMiddleware", ""),
    ("another's compression", c.compression,
     {"MIDDLEWARE": ["compression_middleware.middleware.CompressionMiddleware"]}, False,
     "CompressionMiddleware", ""),
    ("files", c.static_files,
     {"ROOT_URLCONF": Urls}, True, "^media/(?P<path>.*)$, more/<path:path>",
     "python manage.py collectstatic"),
    ("no files", c.static_files, {"ROOT_URLCONF": Plain}, False, "no static files", ""),
    ("tools", c.tools,
     {"MIDDLEWARE": ["silk.middleware.SilkyMiddleware", c.GZIP,
                     "debug_toolbar.middleware.DebugToolbarMiddleware"]}, True,
     "Silk, Django Debug Toolbar",
     'MIDDLEWARE.remove("silk.middleware.SilkyMiddleware"); '
     'MIDDLEWARE.remove("debug_toolbar.middleware.DebugToolbarMiddleware")'),
    ("no tools", c.tools, {"MIDDLEWARE": [c.GZIP]}, False, "no debugging tools", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("look", "given", "wrong", "value", "remedy"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_a_setting(look: Any, given: Any, wrong: bool, value: str, remedy: str) -> None:
    with override_settings(**given):
        found = look()
    assert (found.wrong, found.value, found.remedy) == (wrong, value, remedy)
    assert bool(found.why) == wrong


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ({"ENGINE": "django.db.backends.postgresql"}, (True, "0")),
        ({"ENGINE": "django.db.backends.mysql", "CONN_MAX_AGE": 0}, (True, "0")),
        ({"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": 60}, (False, "60")),
        ({"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": None}, (False, "None")),
        ({"ENGINE": "x", "OPTIONS": {"pool": True}}, (False, "a pool")),
        ({"ENGINE": "django.db.backends.sqlite3"}, None),
        ({}, None),
    ],
    ids=["not said", "0", "a minute", "for ever", "a pool", "a file", "no database"],
)
def test_connections(monkeypatch: pytest.MonkeyPatch, database: Any, expected: Any) -> None:
    monkeypatch.setattr(settings, "DATABASES", {"default": database})
    found = list(c.connections())
    assert [(each.wrong, each.value) for each in found] == ([expected] if expected else [])
    if expected and expected[0]:
        assert found[0].remedy == 'DATABASES["default"]["CONN_MAX_AGE"] = 60'


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO])
def test_statements_are_logged_under_debug_alone(debug: bool, level: int) -> None:
    logger = logging.getLogger("django.db.backends")
    before = logger.level
    logger.setLevel(level)
    try:
        with override_settings(DEBUG=debug):
            found = c.log_of_statements()
    finally:
        logger.setLevel(before)
    assert found.wrong == (debug and level == logging.DEBUG)


def test_all_of_it_is_json() -> None:
    found = c.configuration(workers=3)
    assert {each.name for each in found} == {
        *("DEBUG", "TEMPLATES", "SESSION_ENGINE", 'CACHES["default"]', "MIDDLEWARE"),
        *("urlpatterns", "LOGGING"),
    }
    assert found[0].as_dict() == {
        "name": "DEBUG", "value": "False", "wrong": False, "why": "", "remedy": ""
    }  # fmt: skip


def test_a_remedy_is_a_line_that_does_what_it_says() -> None:
    with override_settings(TEMPLATES=engine(loaders=[APP])):
        scope = {"TEMPLATES": settings.TEMPLATES}
        exec(c.loaders().remedy, scope)
        assert not c.loaders().wrong
    with override_settings(MIDDLEWARE=["silk.middleware.SilkyMiddleware"]):
        exec(c.tools().remedy, {"MIDDLEWARE": settings.MIDDLEWARE})
        assert not c.tools().wrong
