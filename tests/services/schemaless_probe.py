"""Run in a process of its own: how PostgreSQL finds pins, with indexes and without; prints JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import django
from django.core.management import call_command

django.setup()

from django.db import connection  # noqa: E402

from pins.fast import having  # noqa: E402
from pins.models import Pin  # noqa: E402

pins = Pin.objects.order_by()
QUESTIONS = {
    "place": having("place", "Oslo").order_by(),
    "camera": having("camera", "Sextant Pro").order_by(),
    "both": pins.filter(place="Oslo", attributes__contains={"camera": "Quill 8"}),
    "nested": pins.filter(attributes__contains={"colours": ["red"], "lens": {"mm": 24}}),
    "key": pins.filter(attributes__camera="Sextant Pro"),
}


def answers() -> dict[str, Any]:
    """Of each question: the plan, and what is found."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE pins_pin")  # new rows wait outside of a GIN index
    return {
        name: {"plan": asked.explain(costs=False), "found": sorted(pin.pk for pin in asked)}
        for name, asked in QUESTIONS.items()
    }


def main(scale: float) -> None:
    call_command("migrate", verbosity=0)
    call_command("seed", scale=scale, verbosity=0)
    after = answers()
    call_command("migrate", "pins", "0003", verbosity=0)
    before = answers()
    call_command("migrate", verbosity=0)
    sys.stdout.write(json.dumps({"before": before, "after": after, "again": answers()}))


if __name__ == "__main__":
    main(float(sys.argv[1]))
