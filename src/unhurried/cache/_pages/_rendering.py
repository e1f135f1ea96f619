"""A response that is rendered after its view has returned: watched then, too."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.conf import settings as django_settings
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.utils.module_loading import import_string

from ._decorated import Decorated
from ._making import Making

Finish = Callable[[Any], Any]
Rescue = Callable[[Exception], HttpResponseBase]


def deferred(
    making: Making, response: SimpleTemplateResponse, finish: Finish, rescue: Rescue
) -> SimpleTemplateResponse:
    """Its ``render`` is watched; ``finish`` is called where a decorator's turn is, so that what
    decorators around this one do to it is done to each reader's response.
    """
    template, before = response.template_name, [*(response.context_data or {}).items()]
    status, render, around = response.status_code, response.render, Decorated(response)
    making.wait()

    def watched() -> Any:
        vars(response).pop("render", None)  # one within may have taken its own away
        making.go_on()
        now = [*(response.context_data or {}).items()]
        same = response.template_name == template and response.status_code == status
        if not same or not _are_same(now, before) or (around.has_acted() and _may_be_middleware()):
            making.refuse("what is around its view has changed it before it was rendered")
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


def _are_same(items: list[tuple[str, Any]], others: list[tuple[str, Any]]) -> bool:
    """By identity: nobody may look into the site's objects."""
    return len(items) == len(others) and all(
        key == name and value is other
        for (key, value), (name, other) in zip(items, others, strict=True)
    )


def _may_be_middleware() -> bool:
    """Whether a middleware sees what is not rendered: it sees no kept page, a decorator does."""
    return _sees_unrendered(tuple(django_settings.MIDDLEWARE))


@lru_cache(8)
def _sees_unrendered(paths: tuple[str, ...]) -> bool:
    return any(hasattr(import_string(path), "process_template_response") for path in paths)
