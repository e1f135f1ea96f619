"""Each page at its name, by way of the seam, of ``cached_page`` (``real/``), or as it is."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import path
from django.utils.text import slugify
from django.views import View

from unhurried.cache import cached_page

from .leaks import LEAKS
from .public import PAGES
from .seam import kept


def callback(view: Any) -> Any:
    if isinstance(view, type) and issubclass(view, View):
        return view.as_view()
    return view() if isinstance(view, type) else view


def address(folder: str, name: str) -> str:
    return f"{folder}/{slugify(name) or 'x'}-{sum(map(ord, name))}/"


def _real(view: Any, **options: Any) -> Any:
    return cached_page(600, **options)(callback(view))


urlpatterns = [
    path("admin/", admin.site.urls),
    *(path(address("leaks", name), kept(callback(view))) for name, (view, _) in LEAKS.items()),
    *(path(address("real/leaks", name), _real(view)) for name, (view, _) in LEAKS.items()),
    *(
        path(address("real/public", name), _real(view, **options))
        for name, (view, options, _) in PAGES.items()
    ),
    *(path(address("bare/leaks", name), callback(view)) for name, (view, _) in LEAKS.items()),
    *(
        path(address("public", name), kept(callback(view), **options), name=slugify(name))
        for name, (view, options, _) in PAGES.items()
    ),
    *(path(address("bare/public", name), callback(view)) for name, (view, _, _) in PAGES.items()),
]
