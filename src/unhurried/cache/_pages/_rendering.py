"""A response that is rendered after its view has returned: watched then, too."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from django.conf import settings as django_settings
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.utils.module_loading import import_string

from . import _fit
from ._decorated import Decorated
from ._making import Making

#: Attributes of a response that say nothing of how it is rendered: ours, those that Django or
#: ``Decorated`` sees to, and marks for middleware that sees each reader's.
_APART: Final = frozenset(
    {
        *("render", "headers", "cookies", "xframe_options_exempt"),
        *("_reason_phrase", "_post_render_callbacks", "_resource_closers"),
    }
)
_MARKS: Final = "_csp_"
Finish = Callable[[Any], Any]
State = dict[str, list[Any]]
Rescue = Callable[[Exception], HttpResponseBase]


def deferred(
    making: Making, response: SimpleTemplateResponse, finish: Finish, rescue: Rescue
) -> SimpleTemplateResponse:
    """Its ``render`` is watched; ``finish`` is called where a decorator's turn is, so that what
    decorators around this one do to it is done to each reader's response.
    """
    before, render, around = _state(response), response.render, Decorated(response)
    making.wait()

    def watched() -> Any:
        vars(response).pop("render", None)  # one within may have taken its own away
        making.go_on()
        changed = _changed(before, _state(response))
        if not changed and around.has_acted() and _may_be_middleware():
            changed = "headers"
        if changed:
            making.refuse(f"what is around its view has changed its {changed} before rendering")
        elif reason := _fit.of_others(making, response):
            making.refuse(reason)
        else:
            around.take_off()
        try:
            with making.watching():
                return render()
        except Exception as error:  # boundary: what was kept before stands in for it
            return around.put_back(rescue(error))

    def finished(rendered: Any) -> Any:
        return around.put_back(finish(rendered))

    response.add_post_render_callback(finished)
    response.render = watched  # type: ignore[method-assign]
    return response


def _state(response: SimpleTemplateResponse) -> State:
    """All that it may be rendered from: REST framework, for one, notes its renderer there."""
    found = {
        name: _parts(value)
        for name, value in vars(response).items()
        if name not in _APART and not name.startswith(_MARKS)
    }
    return {**found, "context_data": _parts(response.context_data or {})}


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [part for item in dict.items(value) for part in item]
    return list.copy(value) if isinstance(value, list) else [value]


def _changed(before: State, now: State) -> str:
    """The first attribute that is not what it was, or an empty str."""
    names = {**before, **now}
    return next((name for name in names if not _same(before.get(name), now.get(name))), "")


def _same(before: list[Any] | None, now: list[Any] | None) -> bool:
    """By identity: nobody may look into the site's objects."""
    if before is None or now is None or len(before) != len(now):
        return False
    pairs = zip(before, now, strict=True)
    return all(one is other or _equal(one, other) for one, other in pairs)


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and type(one) in (str, int) and bool(one == other)


def _may_be_middleware() -> bool:
    """Whether a middleware sees what is not rendered: it sees no kept page, a decorator does."""
    return _sees_unrendered(tuple(django_settings.MIDDLEWARE))


@lru_cache(8)
def _sees_unrendered(paths: tuple[str, ...]) -> bool:
    return any(hasattr(import_string(path), "process_template_response") for path in paths)
