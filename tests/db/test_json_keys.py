"""Keys of JSON documents: as columns of a type, as values of rows, and from outside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import DataError, connection, transaction
from django.db.models.fields.json import KT, KeyTransform

from tests.pages.models import Pin
from unhurried.db import bulk_copy, json_bytes, rows

pytestmark = pytest.mark.django_db
ON_POSTGRES = connection.vendor == "postgresql"
DOCUMENTS: list[Any] = [
    {"camera": "Quill 8", "place": "Oslo", "lens": {"mm": 35}},
    {"camera": "Sextant", "colours": ["red", "blue"]},
    {"place": 'O\'slo "%s" \\ - 🏔', "lens": {"mm": "24"}},
    {"place": None, "lens": None},
    {},
    ["no", "keys"],
    "text",
]


@dataclass
class Taken:
    title: str
    place: str | None
    camera: str | None
    mm: int | None


@pytest.fixture
def pins() -> list[str]:
    """Their titles, numbers in the order of the documents."""
    titles = [str(n) for n in range(len(DOCUMENTS))]
    bulk_copy(Pin, zip(titles, DOCUMENTS, strict=True), fields=["title", "attributes"])
    return titles


def test_keys_that_are_columns_have_their_types(pins: list[str]) -> None:
    found = Pin.objects.order_by("title").values_list("place", "mm")
    assert list(found) == [
        ("Oslo", 35),
        (None, None),
        ('O\'slo "%s" \\ - 🏔', 24),
        (None if ON_POSTGRES else "null", None),  # as Django has it
        *[(None, None)] * 3,
    ]


def test_rows_read_keys_as_they_read_columns(pins: list[str]) -> None:
    asked = Pin.objects.annotate(camera=KT("attributes__camera")).filter(camera__isnull=False)
    assert list(rows(asked.order_by("title"), Taken)) == [
        Taken("0", "Oslo", "Quill 8", 35),
        Taken("1", None, "Sextant", None),
    ]


def test_documents_and_keys_are_handed_out_as_they_are(pins: list[str]) -> None:
    asked = Pin.objects.order_by("title").annotate(camera=KT("attributes__camera"))
    names = ["title", "attributes", "place", "mm", "camera"]
    assert json.loads(json_bytes(asked, names)) == list(asked.values(*names))
    found = json.loads(json_bytes(asked, {"said": "attributes"}))
    assert found == [{"said": document} for document in DOCUMENTS]


@pytest.mark.parametrize(
    ("key", "value", "titles"),
    [
        ("camera", "Quill 8", ["0"]),
        ("camera__contains", "Quill", []),
        ("place", 'O\'slo "%s" \\ - 🏔', ["2"]),
        ("x' OR 1=1 --", "y", []),
        ('x"."y', "%s", []),
        ("%s", "%(x)s", []),
        ("lens", "35", []),
    ],
)
def test_a_key_from_outside_is_a_parameter(
    pins: list[str], key: str, value: str, titles: list[str]
) -> None:
    asked = Pin.objects.alias(found=KeyTransform(key, "attributes")).filter(found=value)
    assert [pin.title for pin in asked] == titles
    if ON_POSTGRES:
        contained = Pin.objects.filter(attributes__contains={key: value})
        assert [pin.title for pin in contained] == titles


def test_a_key_that_is_not_of_its_type() -> None:
    if not ON_POSTGRES:
        assert Pin.objects.create(attributes={"lens": {"mm": "wide"}}).pk
        assert Pin.objects.get().mm == 0  # as SQLite has it
        return
    with pytest.raises(DataError, match="integer"), transaction.atomic():
        Pin.objects.create(attributes={"lens": {"mm": "wide"}})
    assert Pin.objects.count() == 0
