"""What every page shares: the gate, our own template engine, the error page, no copies kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import Context, Engine
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST, require_safe

from unhurried.measure import StoreError
from unhurried.measure.reading import PLACE, can_link

from . import _access, _badge_switch

View = Callable[..., HttpResponse]
#: What writes text from right to left that is not: code to be typed would read otherwise.
_TURNING: Final = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd")
MISPLACED: Final = f"No page here can be linked to, as unhurried.urls are included. {PLACE}\n"
TEMPLATES: Final = Path(__file__).resolve().parent.parent / "templates"


@cache
def _engine() -> Engine:
    """Ours alone, so that pages look the same whatever engines and processors a site has."""
    return Engine(dirs=[str(TEMPLATES)], builtins=["unhurried.dashboard._filters"])


def render(request: HttpRequest, template: str, *, status: int = 200, **data: Any) -> HttpResponse:
    """No context processor, no cookie and no parameter of the site gets onto a page."""
    shared = {"badge_off": _badge_switch.is_off(request), "page": template}
    context = Context({**shared, **data}, use_l10n=False)
    html = _engine().get_template(f"unhurried/{template}.html").render(context)
    # A file's name or a route may hold half a character; a page of it is still a page.
    content = html.translate(_TURNING).encode("utf-8", "replace")
    return HttpResponse(content, status=status, content_type="text/html; charset=utf-8")


def page(view: View) -> View:
    """A page for who may look; a store that can't be used is said, with the way out."""
    return _gate(view, _access.refuse, _trouble)


def act(view: View) -> View:
    """What changes something: POST alone, by who may look, from a page of our own."""

    @require_POST
    @csrf_protect
    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs) if _access.may(request) else denied()
        response["Cache-Control"] = "no-store"
        return response

    def denied() -> HttpResponse:
        return HttpResponse(_access.DENIED, status=403, content_type="text/plain")

    return inner


def data(view: View) -> View:
    """The same for JSON."""
    return _gate(view, _no_data, _no_numbers)


def _gate(view: View, refuse: View, trouble: View) -> View:
    @require_safe
    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            may = _access.may(request)
            shown = view if can_link() else _misplaced
            response = shown(request, *args, **kwargs) if may else refuse(request)
        except StoreError as error:
            response = trouble(request, error)
        response["Cache-Control"] = "no-store"
        return response

    return inner


def _misplaced(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse(MISPLACED, status=500, content_type="text/plain")


def _trouble(request: HttpRequest, error: StoreError) -> HttpResponse:
    return render(request, "error", status=503, reason=str(error), hint=error.hint)


def _no_data(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"error": _access.DENIED}, status=403)


def _no_numbers(request: HttpRequest, error: StoreError) -> HttpResponse:
    return JsonResponse({"error": str(error), "hint": error.hint}, status=503)
