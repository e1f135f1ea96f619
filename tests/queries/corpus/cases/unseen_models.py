"""Models of real code bases: abstract and concrete parents, proxies, signals, rows in an order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Count, F, Min, Model
from django.db.models.signals import ModelSignal, m2m_changed, post_save

from tests.queries.corpus.case import case, reads, repeats
from tests.queries.corpus.club.models import (
    Album,
    Band,
    Concert,
    Label,
    Member,
    Membership,
    Place,
    Remaster,
    Theatre,
    Ticket,
    Track,
)

BAND = reads("club.Album.band", "band", "select_related")


@contextmanager
def receiving(signal: ModelSignal, receiver: Any, sender: type[Model]) -> Iterator[None]:
    signal.connect(receiver, sender=sender)
    try:
        yield
    finally:
        signal.disconnect(receiver, sender=sender)


def note_album(instance: Track, **kwargs: object) -> None:
    instance.album.title.upper()  # loop: post_save


@case(
    repeats("bulk_update"),
    reads("club.Track.album", "album", "select_related", loop="post_save"),
    queries=33,
)
def receiver_of_post_save() -> str:
    with receiving(post_save, note_album, Track):
        for track in Track.objects.order_by("pk"):  # origin: b
            track.seconds += 1
            track.save(update_fields=["seconds"])  # loop: a
    return "saved"


def count_friends(instance: Member, action: str, **kwargs: object) -> None:
    if action == "post_add":
        instance.friends.count()  # loop: m2m_changed


# Adding writes per row (the through model's bulk_create is the answer), and the receiver counts.
@case(
    reads(("club.Member.friends", None), None, "bulk_create"),
    reads(("club.Member.friends", None), None, None, loop="m2m_changed"),
    queries=18,
)
def receiver_of_m2m_changed() -> str:
    last = Member.objects.get(pk=8)
    with receiving(m2m_changed, count_friends, Member.friends.through):
        for member in Member.objects.order_by("pk")[:4]:  # origin: b
            member.friends.add(last)  # loop: a
    return "added"


@case(reads("club.Album.track_set", "track_set", "Prefetch", fixable=False), queries=9)
def method_of_a_related_manager() -> str:
    out = []
    for album in Album.objects.order_by("pk"):  # origin: b
        out.extend(track.title for track in album.track_set.long())  # loop: a
    return ",".join(out)


@case(reads("club.Ticket.concert", "concert", "select_related"), queries=9)
def base_manager_by_name() -> str:
    tickets = Ticket.objects.order_by("pk")  # origin: b
    return ",".join(str(ticket.concert) for ticket in tickets)  # loop: a


@case(reads("club.Band.concerts", "concerts", "prefetch_related"), queries=9)
def default_related_name() -> str:
    out = []
    for band in Band.objects.order_by("pk"):  # origin: b
        out.extend(str(concert.held) for concert in band.concerts.all())  # loop: a
    return ",".join(out)


@case(reads("club.Band.owner", "owner", "select_related", loop="owner name"), queries=9)
def method_of_an_abstract_parent() -> str:
    return ",".join(band.owner_name() for band in Band.objects.order_by("pk"))  # origin: b


# One method, two models: two relations, each with its own origin.
@case(
    reads("club.Band.owner", "owner", "select_related", loop="owner name"),
    reads("club.Album.owner", "owner", "select_related", loop="owner name", origin="c"),
    queries=18,
)
def abstract_method_of_two_models() -> str:
    rows = [*Band.objects.order_by("pk")]  # origin: b
    rows += [*Album.objects.order_by("pk")]  # origin: c
    return ",".join(row.owner_name() for row in rows)


@case(reads("auth.User.albums_owned", "albums_owned", "prefetch_related"), queries=9)
def set_of_the_user_model() -> str:
    out = []
    for user in get_user_model().objects.filter(pk__gt=10):  # origin: b
        out.extend(album.title for album in user.albums_owned.all())  # loop: a
    return ",".join(out)


@case(reads("auth.User.groups", "groups", "prefetch_related"), queries=9)
def groups_of_users() -> str:
    out = []
    for user in User.objects.filter(pk__gt=10).order_by("pk"):  # origin: b
        out.extend(group.name for group in user.groups.all())  # loop: a
    return ",".join(out)


@case(BAND, queries=9)
def key_of_a_proxy() -> str:
    albums = Remaster.objects.order_by("pk")  # origin: b
    return ",".join(f"{album} by {album.band}" for album in albums)  # loop: a


@case(reads("club.Album.track_set", "track_set", "prefetch_related"), queries=9)
def set_of_a_proxy() -> str:
    albums = Remaster.objects.order_by("pk")  # origin: b
    return ",".join(str(len(album.track_set.all())) for album in albums)  # loop: a


@case(
    reads("club.Place.hall", "hall", "select_related"),
    reads("club.Hall.theatre", "hall__theatre", "select_related"),
    queries=17,
)
def two_children_down() -> str:
    places = Place.objects.order_by("pk")  # origin: b
    return ",".join(str(place.hall.theatre.boxes) for place in places)  # loop: a


@case(reads("club.Hall.theatre", "hall__theatre", "select_related"), queries=9)
def child_of_a_related_parent() -> str:
    concerts = Concert.objects.select_related("hall").order_by("pk")  # origin: b
    return ",".join(str(concert.hall.theatre.boxes) for concert in concerts)  # loop: a


# The set is a parent's, two tables up: the name is that of the model that has the field.
@case(reads("club.Hall.concerts", "concerts", "prefetch_related"), queries=9)
def set_of_a_parent() -> str:
    out = []
    for theatre in Theatre.objects.order_by("pk"):  # origin: b
        out.extend(str(concert) for concert in theatre.concerts.all())  # loop: a
    return ",".join(out)


@case(
    reads("club.Band.memberships", "memberships", "prefetch_related"),
    reads("club.Membership.member", "memberships__member", "prefetch_related", loop="c"),
    queries=17,
)
def columns_of_a_through_model() -> str:
    out = []
    for band in Band.objects.order_by("pk"):  # origin: b
        for membership in band.memberships.all():  # loop: a
            out.append(f"{membership.member} {membership.since}")  # loop: c
    return ",".join(out)


# Whose row is asked for is known: the band's memberships, or the member's.
@case(
    reads(
        ("club.Band.memberships", "club.Member.memberships", "club.Band.members", None), None, None
    ),
    queries=10,
)
def through_row_of_each_pair() -> str:
    out = []
    for band in Band.objects.prefetch_related("members").order_by("pk"):  # origin: b
        for member in band.members.all():
            found = Membership.objects.get(band=band, member=member)  # loop: a
            out.append(str(found.since))
    return ",".join(out)


@case(reads("club.Band.members", "members", "prefetch_related"), queries=9)
def members_over_a_through_model() -> str:
    out = []
    for band in Band.objects.order_by("pk"):  # origin: b
        out.extend(member.name for member in band.members.all())  # loop: a
    return ",".join(out)


@case(reads("club.Member.friends", "friends", "prefetch_related"), queries=9)
def friends() -> str:
    out = []
    for member in Member.objects.order_by("pk"):  # origin: b
        out.append("/".join(friend.name for friend in member.friends.all()))  # loop: a
    return ",".join(out)


@case(
    reads("club.Member.friends", "friends", "prefetch_related"),
    reads("club.Member.friends", "friends__friends", "prefetch_related", loop="c"),
    queries=23,
)
def friends_of_friends() -> str:
    out = []
    for member in Member.objects.order_by("pk"):  # origin: b
        for friend in member.friends.all():  # loop: a
            out.append(str(len(friend.friends.all())))  # loop: c
    return ",".join(out)


@case(reads(("club.Band.album_set", None), "album_set", None), queries=9)
def order_of_a_set() -> str:
    bands = Band.objects.order_by("pk")  # origin: b
    return ",".join(str(list(band.get_album_order())) for band in bands)  # loop: a


@case(repeats(), queries=10)
def next_in_order() -> str:
    Album.objects.update(band_id=1)
    Band.objects.get(pk=1).set_album_order([1, 2, 3, 4, 5, 6, 7, 8])
    out = []
    for album in Album.objects.order_by("pk")[:6]:
        out.append(album.get_next_in_order().title)  # loop: a
    return ",".join(out)


@case(repeats(), queries=7)
def next_by_date() -> str:
    out = []
    for concert in Concert.objects.order_by("held")[:6]:
        out.append(str(concert.get_next_by_held()))  # loop: a
    return ",".join(out)


@case(reads("club.Membership.band", "band", "select_related"), queries=9)
def display_of_a_choice_beside_a_relation() -> str:
    rows = Membership.objects.order_by("pk")  # origin: b
    return ",".join(f"{row.get_role_display()} in {row.band}" for row in rows)  # loop: a


@case(reads("club.Album.cover", "cover", "undefer"), queries=9)
def file_left_out() -> str:
    albums = Album.objects.defer("cover").order_by("pk")  # origin: b
    return ",".join(album.cover.name for album in albums)  # loop: a


# Every check asks (the album, the number, the constraint): told once, of the line that checks.
@case(repeats(), queries=9)
def full_clean_per_row() -> str:
    wrong = 0
    for track in Track.objects.order_by("pk")[:4]:
        try:
            track.full_clean()  # loop: a
        except ValidationError:
            wrong += 1
    return f"{wrong} wrong"


@case(repeats(), queries=3)
def validate_constraints_of_new_rows() -> str:
    new = [Track(album_id=1, title="new", position=place) for place in (3, 4, 5)]
    for track in new:
        track.validate_constraints()  # loop: a
    return str(len(new))


@case(reads("club.Album.band", "band", "select_related", loop="album clean"), queries=9)
def clean_that_reads_a_relation() -> str:
    for album in Album.objects.order_by("pk"):  # origin: b
        album.clean()
    return "clean"


@case(reads("club.Band.label", "label", "select_related", loop="cached property"), queries=9)
def cached_property_of_each_row() -> str:
    bands = Band.objects.order_by("pk")  # origin: b
    return ",".join(f"{band.label_name} {band.label_name}" for band in bands)


@case(reads(("club.Band.memberships", None), "memberships", "annotate", fixable=False), queries=9)
def aggregate_over_a_through_model() -> str:
    out = []
    for band in Band.objects.order_by("pk"):  # origin: b
        out.append(str(band.memberships.aggregate(first=Min("since"))["first"]))  # loop: a
    return ",".join(out)


# What was annotated is not used: the count is asked for again, of every row.
@case(reads(("club.Album.track_set", None), "track_set", "annotate", fixable=False), queries=9)
def annotated_and_counted_all_the_same() -> str:
    out = []
    for album in Album.objects.annotate(tracks=Count("track")):  # origin: b
        out.append(str(album.track_set.count()))  # loop: a
    return ",".join(out)


@case(reads("club.Album.track_set", "track_set", "Prefetch", fixable=False), queries=9)
def latest_of_each_set() -> str:
    out = []
    for album in Album.objects.order_by("pk"):  # origin: b
        out.append(str(album.track_set.latest("position")))  # loop: a
    return ",".join(out)


@case(
    reads(("club.Album.track_set", None), "track_set", None, fixable=False),
    reads("club.Album.track_set", "track_set", "prefetch_related", loop="c"),
    queries=17,
)
def exists_before_each_loop() -> str:
    out = []
    for album in Album.objects.order_by("pk"):  # origin: b
        if album.track_set.exists():  # loop: a
            out.extend(track.title for track in album.track_set.all())  # loop: c
    return ",".join(out)


@case(
    reads(("club.Album.track_set", None), "track_set", "annotate", fixable=False),
    reads("club.Album.track_set", "track_set", "prefetch_related", loop="c"),
    queries=17,
)
def counted_and_measured() -> str:
    out = []
    for album in Album.objects.order_by("pk"):  # origin: b
        out.append(str(album.track_set.count()))  # loop: a
        out.append(str(len(album.track_set.all())))  # loop: c
    return ",".join(out)


@case(repeats("bulk_update"), queries=10)
def saved_by_expression() -> str:
    for album in Album.objects.order_by("pk"):
        album.sold = F("sold") + 1
        album.save(update_fields=["sold"])  # loop: a
    return str(list(Album.objects.values_list("sold", flat=True)))


@case(repeats("in_bulk"), queries=4)
def locked_row_by_row() -> str:
    out = []
    for key in (1, 2, 3, 4):
        album = Album.objects.select_for_update().get(pk=key)  # loop: a
        out.append(album.title)
    return ",".join(out)


@case(repeats(), queries=9)
def month_by_month() -> str:
    out = []
    for month in Concert.objects.dates("held", "month"):
        found = Concert.objects.filter(held__month=month.month)
        out.append("/".join(str(concert) for concert in found))  # loop: a
    return ",".join(out)


@case(reads(("club.Album.band", None), None, None), queries=9)
def get_by_a_key_of_values() -> str:
    out = []
    for row in Album.objects.order_by("pk").values("title", "band_id"):  # origin: b
        out.append(Band.objects.get(pk=row["band_id"]).name)  # loop: a
    return ",".join(out)


@case(queries=1)
def parents_link_two_up() -> str:
    theatres = Theatre.objects.order_by("pk")
    return ",".join(theatre.hall_ptr.place_ptr.name for theatre in theatres)


@case(queries=1)
def children_that_were_joined() -> str:
    places = Place.objects.select_related("hall__theatre").order_by("pk")
    return ",".join(str(place.hall.theatre.boxes) for place in places)


@case(queries=1)
def address_of_a_file() -> str:
    return ",".join(album.cover.url for album in Album.objects.order_by("pk"))


@case(queries=1)
def display_of_a_choice() -> str:
    return ",".join(row.get_role_display() for row in Membership.objects.order_by("pk"))


@case(queries=3)
def through_rows_fed_well() -> str:
    bands = Band.objects.prefetch_related("memberships__member").order_by("pk")
    return ",".join(f"{m.member} {m.since}" for band in bands for m in band.memberships.all())


@case(queries=3)
def friends_fed_well() -> str:
    members = Member.objects.prefetch_related("friends__friends").order_by("pk")
    return ",".join(str(len(f.friends.all())) for member in members for f in member.friends.all())


@case(queries=1)
def clean_of_rows_that_were_joined() -> str:
    for album in Album.objects.select_related("band"):
        album.clean()
    return "clean"


@case(queries=1)
def counted_then_rows_then_length() -> str:
    labels = Label.objects.order_by("pk")
    return f"{len(labels)} {labels.count()} {bool(labels)} {[str(label) for label in labels]}"
