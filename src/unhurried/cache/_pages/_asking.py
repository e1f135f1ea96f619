"""From a URL to a request of nobody's: for what people ask about a page, and to make it again."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings as django_settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.urls import Resolver404, ResolverMatch, get_script_prefix, resolve
from django.utils import translation

from .._engine._around import surroundings
from .._errors import CacheError
from . import _language
from ._key import key_for, label_of
from ._options import Options

PORTS = {"http": "80", "https": "443"}


def key(name: str, options: Options, target: str | HttpRequest) -> str:
    """The key of a URL for a visitor nobody knows, or of a request; "" where it has none."""
    path = target.path_info if isinstance(target, HttpRequest) else meta_of(target)["path"]
    with translation.override(_language.of_path(path) or translation.get_language()):
        return key_for(name, options, request_for(target), None).key


def label(name: str, target: str | HttpRequest) -> str:
    meta = meta_of(target)
    return label_of(name, meta["script"] + meta["path"], meta["query"])


def request_for(target: str | HttpRequest) -> HttpRequest:
    if isinstance(target, HttpRequest):
        return target
    request = WSGIRequest(environ_of(meta_of(target)))
    try:
        request.resolver_match = resolve(request.path_info)
    except Resolver404:
        pass
    return request


def match_of(meta: dict[str, Any]) -> ResolverMatch:
    """Where its path leads, in the language that it says; raises Resolver404."""
    with translation.override(meta["language"] or None):
        return resolve(meta["path"])


def meta_of(target: str | HttpRequest) -> dict[str, Any]:
    """What an entry's ``meta`` says of its request; a URL may be a path alone."""
    meta = asked(target) if isinstance(target, HttpRequest) else _asked_by(target)
    meta = {**surroundings(), **meta}
    meta["language"] = _language.of_path(meta["path"]) or meta["language"]
    return meta


def _asked_by(target: object) -> dict[str, Any]:
    try:
        found = urlsplit(target) if isinstance(target, str) else None
    except ValueError:  # [ and ] in the host are of IPv6
        found = None
    if found is None or not found.path.startswith("/"):
        raise CacheError(f"{target!r} is no URL of a page.", 'Pass "/books/?page=2" or a request.')
    return {
        "scheme": found.scheme or ("https" if django_settings.SECURE_SSL_REDIRECT else "http"),
        "host": found.netloc or _usual_host(),
        **_parted(unquote(found.path)),
        "query": found.query,
    }


def _parted(path: str) -> dict[str, str]:
    """A site's own prefix (FORCE_SCRIPT_NAME), whether or not it was written, and the rest."""
    script = get_script_prefix().rstrip("/")
    if script and f"{path}/".startswith(f"{script}/"):
        path = path.removeprefix(script) or "/"
    return {"script": script, "path": path}


def asked(request: HttpRequest) -> dict[str, Any]:
    """The request, as far as it is in the key: nothing of whoever happened to come first."""
    return {
        "scheme": request.scheme,
        "host": request.get_host(),
        "script": str(request.META.get("SCRIPT_NAME", "")),
        "path": request.path_info,
        "query": str(request.META.get("QUERY_STRING", "")),
    }


def _usual_host() -> str:
    plain = [host for host in django_settings.ALLOWED_HOSTS if host != "*"]
    return plain[0].removeprefix(".") if plain else "localhost"


def environ_of(meta: dict[str, Any]) -> dict[str, Any]:
    """A WSGI environ that leads to the same key. No cookie but the language's."""
    scheme, host = meta["scheme"], meta["host"]
    name, _, port = host.partition(":") if not host.startswith("[") else (host, "", "")
    language = meta.get("language") or django_settings.LANGUAGE_CODE
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": meta["script"],
        "PATH_INFO": meta["path"].encode().decode("latin-1"),
        "QUERY_STRING": meta["query"],
        "SERVER_NAME": name,
        "SERVER_PORT": port or PORTS.get(scheme, "80"),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": host,
        "HTTP_ACCEPT_LANGUAGE": language,
        "HTTP_COOKIE": f"{django_settings.LANGUAGE_COOKIE_NAME}={language}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.input": BytesIO(),
        "wsgi.errors": BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
