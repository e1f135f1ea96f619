"""Tags of the club's templates."""

from __future__ import annotations

from typing import Any

from django import template

register = template.Library()


@register.inclusion_tag("club/_band.html", takes_context=True)
def band_of(context: dict[str, Any]) -> dict[str, Any]:
    return {"album": context["album"]}


@register.simple_block_tag
def boxed(content: str) -> str:
    return f"[{content}]"
