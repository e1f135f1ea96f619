"""Querysets made here and used elsewhere."""

from __future__ import annotations

from tests.queries.corpus.club.models import Album

ALBUMS = Album.objects.order_by("pk")
JOINED = Album.objects.select_related("band").order_by("pk")


def recent_albums():
    return Album.objects.order_by("-pk")  # origin: selectors
