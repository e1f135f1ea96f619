"""What an input is called, and which are none: they are the same for all who ask this server."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http.request import HttpHeaders

#: Keys of META and what they are a part of; "" is nobody's in particular.
_META: Final = {
    "PATH_INFO": "path",
    "SCRIPT_NAME": "path",
    "REQUEST_METHOD": "method",
    "QUERY_STRING": "query",
    "HTTP_COOKIE": "cookies",
    "CSRF_COOKIE": "csrf",
    "CSRF_COOKIE_NEEDS_UPDATE": "csrf",
    "wsgi.input": "body",
    "wsgi.errors": "",
    "wsgi.file_wrapper": "",
    "wsgi.multiprocess": "",
    "wsgi.multithread": "",
    "wsgi.run_once": "",
    "wsgi.version": "",
    "GATEWAY_INTERFACE": "",
    "SERVER_SOFTWARE": "",
}


def of_meta(key: object) -> str:
    """The input that a key of META is; an empty string for what tells nothing."""
    found = _META.get(str(key))
    if found is not None:
        return found
    if key == "HTTP_HOST" and not settings.USE_X_FORWARDED_HOST:
        return "host"
    if key == "wsgi.url_scheme" and not settings.SECURE_PROXY_SSL_HEADER:
        return "scheme"
    header = HttpHeaders.parse_header_name(str(key))
    return f"header:{header}" if header else f"meta:{key}"


def of_cookie(key: object) -> str:
    return f"cookie:{key}"


def of_header(name: object) -> str:
    """As ``of_meta`` of the key that the header has there."""
    return of_meta(HttpHeaders.to_wsgi_name(str(name).replace("_", "-")))
