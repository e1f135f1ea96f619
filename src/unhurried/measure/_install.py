"""What measuring hooks into, in a fixed and visible order."""

from __future__ import annotations

from . import _outside, _request, sinks
from ._probes import cache, http, sql, template

ORDER = (
    _request.install,  # got_request_exception
    sql.install,  # connection_created, execute_wrappers
    cache.install,
    template.install,
    http.install,
    _outside.install,  # management commands, Celery, threads of ASGI
    sinks.install,  # what is told of each finished unit
)


def install() -> None:
    for step in ORDER:
        step()
