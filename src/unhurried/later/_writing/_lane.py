"""Which writes are kept in their order: those to rows that may be one and the same."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.apps import apps


def lane_of(model: Any) -> str:
    """One lane for a model, its parents, its children, and whatever these have of either."""
    lane: str = _lanes(len(apps.get_models())).get(model._meta.concrete_model, model._meta.label)
    return lane


@lru_cache(maxsize=4)
def _lanes(models: int) -> dict[Any, str]:
    """Of all the models there are; models of tests and migrations come later than others."""
    families: dict[Any, set[Any]] = {}
    for model in apps.get_models():
        related = [model._meta.concrete_model, *model._meta.get_parent_list()]
        family = set().union(related, *(families.get(each, ()) for each in related))
        families.update(dict.fromkeys(family, family))
    return {model: _name(family) for model, family in families.items()}


def _name(family: set[Any]) -> str:
    """That of a model which has no parents."""
    first = [each for each in family if not each._meta.parents] or family
    return str(min(each._meta.label for each in first))
