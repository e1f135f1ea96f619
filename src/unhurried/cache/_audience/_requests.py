"""The mixin of a request: which attribute is which input."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property as functools_cached_property
from typing import Any, Final

from django.template.base import Variable
from django.utils.functional import SimpleLazyObject, cached_property

from ._inputs import Headers, Lazy
from ._mappings import ObservedDict
from ._names import of_cookie, of_meta
from ._swap import Watched, base, is_watched, plain, swap, watch_of
from ._watch import Watch, silence

_Get = Callable[[str], Any]
_SAFE: Final = ("GET", "HEAD", "OPTIONS", "TRACE")
#: These ask an object for its ``__dict__`` to keep in it what they have worked out, or whether it
#: has an attribute at all, of which they have asked it before.
_KEEPERS: Final = {
    cached_property.__get__.__code__,
    functools_cached_property.__get__.__code__,
    vars(Variable)["_resolve_lookup"].__code__,
}
#: Attributes that Django's own code asks for where they may be missing.
_OPTIONAL: Final = frozenset(
    "LANGUAGE_CODE auser current_app exception_reporter_class exception_reporter_filter "
    "session site urlconf user csrf_processing_done csrf_cookie_needs_reset csp_nonce "
    "sensitive_post_parameters".split()
)
#: Set by Django, and either in the key or the same for all.
_HARMLESS: Final = frozenset(
    "LANGUAGE_CODE _dont_enforce_csrf_checks _encoding _post_parse_error _read_started "
    "_upload_handlers csrf_processing_done encoding upload_handlers".split()
)


class Observed(Watched):
    """Before the request's class. ``_LOOKS`` says what a look at an attribute is a look at."""

    def __getattribute__(self, name: str) -> Any:
        if name in _HARMLESS:
            return base(self).__getattribute__(name)
        look = _LOOKS.get(name)
        if look is not None:
            return look(watch_of(self), base(self).__getattribute__, name)
        try:
            value = base(self).__getattribute__(name)
        except AttributeError:
            _absent(self, name)
            raise
        if name in object.__getattribute__(self, "__dict__"):
            _see_attribute(watch_of(self), name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if type(value) is ObservedDict:  # request.META |= …
            value = value.source
        else:
            watch_of(self).set(name)
        base(self).__setattr__(name, value)

    def __iter__(self) -> Any:
        watch_of(self).see("body")
        return base(self).__iter__()

    def __copy__(self) -> Any:
        """A copy is watched as well: what is looked at there came with this request."""
        kind: Any = type(self)
        twin = kind.__new__(kind)
        object.__getattribute__(twin, "__dict__").update(object.__getattribute__(self, "__dict__"))
        return twin

    def __reduce_ex__(self, protocol: Any) -> Any:
        watch_of(self).see("request")
        return plain(self).__reduce_ex__(protocol)


class Outer(Watched):
    """Of a request around the request (Django REST framework's), which has a user of its own."""

    def __getattribute__(self, name: str) -> Any:
        value = base(self).__getattribute__(name)
        if name in _OUTER:
            watch_of(self).see("user")
        return value


_OUTER: Final = frozenset("user _user auth _auth successful_authenticator _authenticator".split())


def _absent(request: Any, name: str) -> None:
    """What is missing tells something where a middleware sets it for some and not for others."""
    watch = watch_of(request)
    if watch.wary and not name.startswith("_") and name not in _OPTIONAL:
        watch.see(f"attr:{name}")


def _see_attribute(watch: Watch, name: str, value: Any) -> None:
    if name.startswith("_unhurried") or is_watched(value, watch):
        return  # a lazy value is watched itself, and holding it tells nothing
    if name == "site" and type(value).__module__.startswith("django.contrib.sites."):
        watch.see("host")
    else:
        watch.see(f"attr:{name}", name)


def _as(seen: str) -> Callable[[Watch, _Get, str], Any]:
    """A look at a value that lies there, or at a method, which is noted even if not called."""

    def look(watch: Watch, get: _Get, name: str) -> Any:
        watch.see(seen, name if name in _REPLACED else "")
        return get(name)

    return look


def _made(seen: str) -> Callable[[Watch, _Get, str], Any]:
    """A look at a value that Django makes of other inputs."""

    def look(watch: Watch, get: _Get, name: str) -> Any:
        watch.see(seen, name if name in _REPLACED else "")
        with silence():
            return get(name)

    return look


def _proxied(of_key: Callable[[object], str], whole: str) -> Callable[[Watch, _Get, str], Any]:
    def look(watch: Watch, get: _Get, name: str) -> Any:
        with silence():
            value = get(name)
        if type(value) is not dict or not watch.foreign(name):
            return value
        held, proxy = watch.proxies.get(whole, (None, None))
        if held is not value:
            proxy = ObservedDict(value, watch, of_key, whole)
            watch.proxies[whole] = value, proxy
        return proxy

    return look


def _headers(watch: Watch, get: _Get, name: str) -> Any:
    with silence():
        value = get(name)
    if not swap(value, Headers, watch, "headers"):
        watch.see("headers")
    return value


def _user(watch: Watch, get: _Get, name: str) -> Any:
    value = get(name)
    if is_watched(value, watch) or not watch.foreign(name):
        return value
    return standing_in(watch, name, value)


def standing_in(watch: Watch, name: str, user: Any) -> Any:
    """A lazy user, for one that is an object like any other: its class can't be changed."""
    held, proxy = watch.proxies.get(name, (None, None))
    if held is not user:
        proxy = SimpleLazyObject(lambda: user)
        vars(proxy)["_wrapped"] = user  # nothing of it comes to light only now
        swap(proxy, Lazy, watch, "user")
        watch.proxies[name] = user, proxy
    return proxy


def _auser(watch: Watch, get: _Get, name: str) -> Any:
    function = get(name)

    async def auser(*args: Any, **kwargs: Any) -> Any:
        watch.see("user")
        with silence():
            return await function(*args, **kwargs)

    return auser


def _form(watch: Watch, get: _Get, name: str) -> Any:
    """Of a safe request these are empty, whatever it has sent."""
    if get("method") not in _SAFE:
        watch.see("body")
    with silence():
        return get(name)


def _nonce(watch: Watch, get: _Get, name: str) -> Any:
    value = get(name)
    if not is_watched(value, watch):
        watch.see("nonce", name)
    return value


def _holder(watch: Watch, get: _Get, name: str) -> Any:
    """Sessions and messages are watched themselves, if they can be."""
    value = get(name)
    if not is_watched(value, watch):
        watch.see("session" if name == "session" else "messages", name)
    return value


def _origin(watch: Watch, get: _Get, name: str) -> Any:
    watch.see("scheme")
    return _made("host")(watch, get, name)


def _dict(watch: Watch, get: _Get, name: str) -> Any:
    frame = sys._getframe(2)
    if frame.f_code not in _KEEPERS:
        watch.see("request")
    return get(name)


def _by(look: Callable[[Watch, _Get, str], Any], names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), look)


_LOOKS: Final[dict[str, Callable[[Watch, _Get, str], Any]]] = {
    **_by(_as("path"), "path path_info script_name resolver_match"),
    **_by(_as("host"), "get_host"),
    **_by(_as("method"), "method"),
    **_by(_made("scheme"), "scheme"),
    **_by(_origin, "_current_scheme_host"),
    **_by(_proxied(of_meta, "headers"), "META environ"),
    **_by(_proxied(of_cookie, "cookies"), "COOKIES"),
    **_by(_headers, "headers"),
    **_by(_made("query"), "GET"),
    **_by(_user, "user"),
    **_by(_auser, "auser"),
    **_by(_as("user"), "_cached_user _acached_user"),
    **_by(_holder, "session _messages"),
    **_by(_form, "POST FILES _post _files"),
    **_by(_as("body"), "body _body _stream read readline readlines"),
    **_by(_as("header:Content-Type"), "content_type content_params"),
    **_by(_made("header:Accept"), "accepted_types accepted_types_by_precedence"),
    **_by(_nonce, "_csp_nonce csp_nonce"),
    **_by(_dict, "__dict__"),
}
#: Of these a view may set its own, which tells nothing of the request.
_REPLACED: Final = frozenset({"GET", "path", "path_info", "method", "content_type"})
