"""``instances``, ``rows`` and ``compiled`` give what the ORM gives, over many querysets."""

from __future__ import annotations

from dataclasses import make_dataclass
from typing import Any

import pytest
from django.db.models import Model

from tests.db.querysets import CASES
from unhurried.db import compiled, instances, rows

pytestmark = [pytest.mark.django_db, pytest.mark.long]
NAMES = [case.name for case in CASES]


def image(value: Any, seen: frozenset[int] = frozenset()) -> Any:
    """All that there is of an instance: attributes in order, state, what is loaded beside it."""
    if isinstance(value, list):
        return [image(each, seen) for each in value]
    if not isinstance(value, Model):
        return (type(value), value if value == value else "nan")
    if id(value) in seen:
        return "seen"
    seen |= {id(value)}
    state = value._state
    beside = {name: image(each, seen) for name, each in state.fields_cache.items()}
    own = {
        name: image(each, seen)
        for name, each in value.__dict__.items()
        if name not in ("_state", "_prefetched_objects_cache")
    }
    fetched = {
        name: image(list(each), seen)
        for name, each in getattr(value, "_prefetched_objects_cache", {}).items()
    }
    mode = getattr(state, "fetch_mode", None)
    return (type(value), list(own.items()), state.db, state.adding, mode, beside, fetched)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_instances_are_the_querysets(case: Any, filled: Any) -> None:
    for args in case.calls:
        wanted = [image(each) for each in case.build(*args)]
        assert [image(each) for each in instances(case.build(*args))] == wanted
        if "prefetch" not in case.name and not case.build(*args).query.combinator:
            assert [image(each) for each in instances(case.build(*args)).iterator(2)] == wanted


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_compiled_gives_what_the_queryset_gives(case: Any, filled: Any) -> None:
    handle = compiled(case.build)
    for _ in range(2):
        for args in case.calls:
            wanted = [image(each) for each in case.build(*args)]
            assert [image(each) for each in handle(*args)] == wanted


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_rows_are_the_values(case: Any, filled: Any) -> None:
    for args in case.calls:
        queryset = case.build(*args)
        names = [field.attname for field in queryset.model._meta.concrete_fields]
        names += list(queryset.query.annotations)
        kind = make_dataclass("Row", names)
        wanted = [image(list(each)) for each in case.build(*args).values_list(*names)]
        found = rows(queryset, kind)
        assert [image([getattr(each, name) for name in names]) for each in found] == wanted


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 200
    assert len(set(NAMES)) == len(CASES)
