"""Ten tables alike, so that one page can depend on ten of them."""

from __future__ import annotations

from django.db import models


class Part(models.Model):
    name = models.CharField(max_length=100)

    class Meta:
        abstract = True


def _table(number: int) -> type[Part]:
    meta = type("Meta", (), {"app_label": "cache_site", "db_table": f"part_{number}"})
    return type(f"Part{number}", (Part,), {"__module__": __name__, "Meta": meta})


PARTS: tuple[type[Part], ...] = tuple(_table(number) for number in range(10))
