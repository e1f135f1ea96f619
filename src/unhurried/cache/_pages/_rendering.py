"""A response that is rendered after its view has returned: watched then, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse

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
    render, said = response.render, _said(response)
    making.wait()

    def watched() -> Any:
        vars(response).pop("render", None)  # one within may have taken its own away
        making.go_on()
        now = [*(response.context_data or {}).items()]
        same = response.template_name == template and _said(response) == said
        if not same or not _are_same(now, before):
            making.refuse("what is around its view has changed it before it was rendered")
        try:
            with making.watching():
                return render()
        except Exception as error:  # boundary: what was kept before stands in for it
            return rescue(error)

    response.add_post_render_callback(finish)
    response.render = watched  # type: ignore[method-assign]
    return response


def _said(response: SimpleTemplateResponse) -> Any:
    """What would be kept of it besides its text."""
    return response.status_code, [*response.items()], response.cookies.output()


def _are_same(items: list[tuple[str, Any]], others: list[tuple[str, Any]]) -> bool:
    """By identity: nobody may look into the site's objects."""
    return len(items) == len(others) and all(
        key == name and value is other
        for (key, value), (name, other) in zip(items, others, strict=True)
    )
