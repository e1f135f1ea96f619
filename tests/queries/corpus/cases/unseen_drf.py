"""More of djangorestframework: keys, links, names, depth, pages, and data that comes in."""

from __future__ import annotations

import json
from typing import Any

from django.urls import path
from rest_framework import generics, pagination, serializers, viewsets
from rest_framework.renderers import JSONRenderer

from tests.queries.corpus.case import PAGES, case, fetch, page, reads, repeats
from tests.queries.corpus.club.models import Album, Band, Label, Member, Membership, Track


class TrackOut(serializers.ModelSerializer):
    class Meta:
        model = Track
        fields = ["title", "position"]


class AlbumOut(serializers.ModelSerializer):
    track_set = TrackOut(many=True)

    class Meta:
        model = Album
        fields = ["title", "track_set"]


class BandOut(serializers.ModelSerializer):
    album_set = AlbumOut(many=True)

    class Meta:
        model = Band
        fields = ["name", "album_set"]


@case(
    reads("club.Band.album_set", "album_set", "prefetch_related"),
    reads("club.Album.track_set", "album_set__track_set", "prefetch_related"),
    queries=17,
)
def nested_many_in_nested_many() -> str:
    bands = Band.objects.order_by("pk")  # origin: b
    return json.dumps(BandOut(bands, many=True).data)  # loop: a


@case(queries=3)
def nested_many_in_nested_many_fed_well() -> str:
    bands = Band.objects.prefetch_related("album_set__track_set").order_by("pk")
    return json.dumps(BandOut(bands, many=True).data)


class CountOut(serializers.ModelSerializer):
    tracks = serializers.SerializerMethodField()

    class Meta:
        model = Album
        fields = ["title", "tracks"]

    def get_tracks(self, album: Album) -> int:
        return album.track_set.count()  # loop: method count


@case(
    reads(
        ("club.Album.track_set", None),
        "track_set",
        "annotate",
        loop="method count",
        fixable=False,
    ),
    queries=9,
)
def method_field_that_counts() -> str:
    albums = Album.objects.order_by("pk")  # origin: b
    return json.dumps(CountOut(albums, many=True).data)


class FriendsOut(serializers.ModelSerializer):
    class Meta:
        model = Member
        fields = ["name", "friends"]


@case(reads("club.Member.friends", "friends", "prefetch_related"), queries=9)
def keys_of_many_to_many() -> str:
    members = Member.objects.order_by("pk")  # origin: b
    return json.dumps(FriendsOut(members, many=True).data)  # loop: a


@case(queries=2)
def keys_of_many_to_many_fed_well() -> str:
    members = Member.objects.prefetch_related("friends").order_by("pk")
    return json.dumps(FriendsOut(members, many=True).data)


class KeyOut(serializers.ModelSerializer):
    class Meta:
        model = Album
        fields = ["title", "band"]


# The number is on the row.
@case(queries=1)
def number_of_a_key() -> str:
    return json.dumps(KeyOut(Album.objects.order_by("pk"), many=True).data)


class TextOut(serializers.ModelSerializer):  # loop: texts
    band = serializers.StringRelatedField()

    class Meta:
        model = Album
        fields = ["title", "band"]


@case(reads("club.Album.band", "band", "select_related"), queries=9)
def text_of_a_key() -> str:
    albums = Album.objects.order_by("pk")  # origin: b
    return json.dumps(TextOut(albums, many=True).data)  # loop: a


class SlugOut(serializers.ModelSerializer):
    band = serializers.SlugRelatedField(slug_field="name", read_only=True)

    class Meta:
        model = Album
        fields = ["title", "band"]


@case(reads("club.Album.band", "band", "select_related"), queries=9)
def name_of_a_key() -> str:
    albums = Album.objects.order_by("pk")  # origin: b
    return json.dumps(SlugOut(albums, many=True).data)  # loop: a


class DeepOut(serializers.ModelSerializer):
    label = serializers.CharField(source="band.label.name")

    class Meta:
        model = Album
        fields = ["title", "label"]


@case(
    reads("club.Album.band", "band", "select_related"),
    reads("club.Band.label", "band__label", "select_related"),
    queries=17,
)
def source_two_steps_away() -> str:
    albums = Album.objects.order_by("pk")  # origin: b
    return json.dumps(DeepOut(albums, many=True).data)  # loop: a


class AllOut(serializers.ModelSerializer):
    class Meta:
        model = Membership
        fields = "__all__"
        depth = 1


@case(
    reads("club.Membership.band", "band", "select_related"),
    reads("club.Membership.member", "member", "select_related"),
    reads("club.Member.friends", "member__friends", "prefetch_related"),
    reads("club.Member.bands", "member__bands", "prefetch_related"),
    queries=33,
)
def depth_of_one() -> str:
    rows = Membership.objects.order_by("pk")  # origin: b
    return str(len(AllOut(rows, many=True).data))  # loop: a


class OwnOut(serializers.ModelSerializer):
    class Meta:
        model = Album
        fields = ["title"]

    def to_representation(self, album: Album) -> dict[str, Any]:
        return super().to_representation(album) | {"by": album.band.name}  # loop: to representation


@case(reads("club.Album.band", "band", "select_related", loop="to representation"), queries=9)
def representation_of_our_own() -> str:
    albums = Album.objects.order_by("pk")  # origin: b
    return json.dumps(OwnOut(albums, many=True).data)


class LinkOut(serializers.HyperlinkedModelSerializer):
    class Meta:
        model = Album
        fields = ["url", "band"]
        extra_kwargs = {
            "url": {"view_name": "unseen-album"},
            "band": {"view_name": "unseen-band"},
        }


class Pages(pagination.PageNumberPagination):
    page_size = 4


@page("unseen/links/")
class Links(generics.ListAPIView):
    renderer_classes = [JSONRenderer]
    serializer_class = LinkOut
    pagination_class = Pages
    queryset = Album.objects.order_by("pk")


class AlbumView(generics.RetrieveAPIView):
    renderer_classes = [JSONRenderer]
    serializer_class = TextOut
    queryset = Album.objects.all()


PAGES.append(path("unseen/album/<int:pk>/", AlbumView.as_view(), name="unseen-album"))
PAGES.append(path("unseen/band/<int:pk>/", AlbumView.as_view(), name="unseen-band"))


# Addresses are made of numbers.
@case(queries=2)
def links() -> str:
    return fetch("/unseen/links/")


@case(queries=2)
def one_row_by_its_key() -> str:
    return fetch("/unseen/album/3/")


@page("unseen/paged/")
class Paged(generics.ListAPIView):
    renderer_classes = [JSONRenderer]
    serializer_class = TextOut
    pagination_class = Pages

    def get_queryset(self):
        return Album.objects.order_by("pk")  # origin: paged


# The loop is DRF's, and so are the methods: nearest of ours is where the serializer is declared
# (at first sight any loop would have done).
@case(reads("club.Album.band", "band", "select_related", loop="texts", origin="paged"), queries=6)
def page_of_texts() -> str:
    return fetch("/unseen/paged/?page=2")


@page("unseen/declared/")
class Declared(generics.ListAPIView):
    renderer_classes = [JSONRenderer]
    serializer_class = TextOut
    queryset = Album.objects.order_by("pk")


# Written after the detector was read: the commonest view of all has no line that runs.
@case(reads("club.Album.band", "band", "select_related", loop="texts", origin=None), queries=9)
def view_of_declarations_alone() -> str:
    return fetch("/unseen/declared/")


class Albums(viewsets.ReadOnlyModelViewSet):
    renderer_classes = [JSONRenderer]
    serializer_class = OwnOut

    def get_queryset(self):
        return Album.objects.filter(sold=0).order_by("pk")  # origin: view set


PAGES.append(path("unseen/set/", Albums.as_view({"get": "list"})))


@case(
    reads("club.Album.band", "band", "select_related", loop="to representation", origin="view set"),
    queries=9,
)
def view_set() -> str:
    return fetch("/unseen/set/")


class TrackIn(serializers.ModelSerializer):
    class Meta:
        model = Track
        fields = ["album", "title", "position"]
        validators = []


def incoming() -> list[dict[str, Any]]:
    return [{"album": i, "title": f"new {i}", "position": 9} for i in (1, 2, 3, 4)]


@case(repeats(), queries=4)
def keys_that_come_in() -> str:
    serializer = TrackIn(data=incoming(), many=True)
    return str(serializer.is_valid())  # loop: a


@case(repeats(), repeats("bulk_create", loop="c"), queries=8)
def rows_that_come_in() -> str:
    serializer = TrackIn(data=incoming(), many=True)
    serializer.is_valid(raise_exception=True)  # loop: a
    return str(len(serializer.save()))  # loop: c


class LabelIn(serializers.ModelSerializer):
    class Meta:
        model = Label
        fields = ["name"]


# A name must be new: each is asked for.
@case(repeats(), queries=4)
def names_that_must_be_new() -> str:
    serializer = LabelIn(data=[{"name": f"new {i}"} for i in range(4)], many=True)
    return str(serializer.is_valid())  # loop: a


@case(queries=2)
def one_row_that_comes_in() -> str:
    serializer = TrackIn(data=incoming()[0])
    serializer.is_valid(raise_exception=True)
    return str(serializer.save())
