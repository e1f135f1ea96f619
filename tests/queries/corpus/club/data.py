"""The club's rows: eight of each, one band per label, one album per band, two tracks per album."""

from __future__ import annotations

from datetime import date

from django.contrib.auth.models import Group, User

from tests.queries.corpus.club import models as club

ROWS = 8


def fill() -> None:
    User.objects.create_superuser("boss", password="pass", pk=2)
    for i in range(1, ROWS + 1):
        fan = User.objects.create(pk=10 + i, username=f"fan {i}")
        fan.groups.add(Group.objects.create(pk=i, name=f"group {i}"))
        club.Label.objects.create(pk=i, name=f"label {i}")
        club.Member.objects.create(pk=i, name=f"member {i}")
        band = club.Band.objects.create(pk=i, name=f"band {i}", label_id=i, owner=fan)
        _music(i, band)
        _concert(i, band, fan)
    for i in range(1, ROWS):
        club.Member.objects.get(pk=i).friends.add(i + 1)


def _music(i: int, band: club.Band) -> None:
    club.Membership.objects.create(pk=i, band=band, member_id=i, role="vd"[i % 2], since=2000 + i)
    album = club.Album.objects.create(
        pk=i, band=band, title=f"album {i}", owner_id=10 + i, cover=f"covers/{i}.png"
    )
    for at in (1, 2):
        title = f"track {i}.{at}"
        club.Track.objects.create(pk=2 * i + at - 2, album=album, title=title, position=at)


def _concert(i: int, band: club.Band, fan: User) -> None:
    hall = club.Theatre.objects.create(pk=i, name=f"theatre {i}", seats=100 * i, boxes=i)
    concert = club.Concert.objects.create(pk=i, band=band, hall=hall, held=date(2020, i, 1))
    club.Ticket.objects.create(pk=i, concert=concert, holder=fan)
