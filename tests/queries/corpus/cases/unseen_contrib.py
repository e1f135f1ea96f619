"""Django's own applications over our rows: admin, forms, permissions, feeds, serializers."""

from __future__ import annotations

from io import StringIO

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite, ModelAdmin, TabularInline
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sitemaps import Sitemap
from django.contrib.sitemaps.views import sitemap
from django.contrib.syndication.views import Feed
from django.core import serializers
from django.core.management import call_command
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from tests.queries.corpus.case import PAGES, case, duplicate, fetch, page, reads, repeats
from tests.queries.corpus.club.models import (
    Album,
    Band,
    Concert,
    Label,
    Member,
    Membership,
    Ticket,
    Track,
)

club = AdminSite(name="club")


def by_the_boss(address: str) -> str:
    """The page without what changes with each fetch (its token)."""
    client = Client()
    client.force_login(User.objects.get(pk=2))
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code)
    return str(len(response.getvalue().decode().splitlines()))


class AlbumAdmin(ModelAdmin):
    list_display = ["title", "label_name", "tracks"]

    def label_name(self, album: Album) -> str:
        return album.band.label.name  # loop: admin label

    def tracks(self, album: Album) -> int:
        return album.track_set.count()  # loop: admin tracks


class BandAdmin(ModelAdmin):
    list_display = ["name", "label", "owner"]
    search_fields = ["name"]


class ConcertAdmin(ModelAdmin):
    list_display = ["held", "label_name"]
    list_select_related = ["band__label"]
    list_filter = ["band"]

    def label_name(self, concert: Concert) -> str:
        return concert.band.label.name


class MemberAdmin(ModelAdmin):
    list_display = ["name", "friend_names"]

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).exclude(name="")  # origin: member admin

    def friend_names(self, member: Member) -> str:
        return ", ".join(friend.name for friend in member.friends.all())  # loop: admin friends


class LabelAdmin(ModelAdmin):
    list_display = ["name", "bands"]

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).annotate(band_count=Count("band"))

    def bands(self, label: Label) -> int:
        return label.band_count


club.register(Album, AlbumAdmin)
club.register(Band, BandAdmin)
club.register(Concert, ConcertAdmin)
club.register(Member, MemberAdmin)
club.register(Label, LabelAdmin)
PAGES.append(path("unseen/admin/", club.urls))


# The rows are made by the admin itself, out of the model: no line of ours is to be changed
# (list_select_related is an attribute, not a call at a line that makes rows).
@case(
    reads("club.Album.band", "band", None, loop="admin label", origin=None),
    reads("club.Band.label", "band__label", None, loop="admin label", origin=None),
    reads(
        ("club.Album.track_set", None), "track_set", "annotate", loop="admin tracks", origin=None
    ),
    queries=39,
)
def admin_list_with_methods() -> str:
    return by_the_boss("/unseen/admin/club/album/")


@case(queries=15)
def admin_list_with_keys() -> str:
    return by_the_boss("/unseen/admin/club/band/")


@case(queries=16)
def admin_list_that_joins() -> str:
    return by_the_boss("/unseen/admin/club/concert/")


@case(
    reads(
        "club.Member.friends",
        "friends",
        "prefetch_related",
        loop="admin friends",
        origin="member admin",
    ),
    queries=23,
)
def admin_list_over_a_queryset_of_ours() -> str:
    return by_the_boss("/unseen/admin/club/member/")


@case(queries=15)
def admin_list_annotated() -> str:
    return by_the_boss("/unseen/admin/club/label/")


class TicketInline(TabularInline):
    model = Ticket
    extra = 0
    fields = ["holder"]


class RawInline(TabularInline):
    model = Ticket
    extra = 0
    raw_id_fields = ["holder"]


class InlineAdmin(ModelAdmin):
    inlines = [TicketInline]


class RawAdmin(ModelAdmin):
    inlines = [RawInline]


inlines = AdminSite(name="inlines")
inlines.register(Concert, InlineAdmin)
PAGES.append(path("unseen/inlines/", inlines.urls))
raw_ids = AdminSite(name="raw")
raw_ids.register(Concert, RawAdmin)
PAGES.append(path("unseen/raw/", raw_ids.urls))


# The same users for the select box of every ticket.
@case(duplicate(loop=None), queries=26)
def admin_form_with_choices_in_inlines() -> str:
    Ticket.objects.update(concert_id=1)
    return by_the_boss("/unseen/inlines/club/concert/1/change/")


# A user is fetched for each ticket, to write its name beside the number.
@case(reads(("club.Ticket.holder", None), None, None, loop=None, origin=None), queries=25)
def admin_form_with_raw_ids_in_inlines() -> str:
    Ticket.objects.update(concert_id=1)
    return by_the_boss("/unseen/raw/club/concert/1/change/")


class TrackForm(forms.ModelForm):
    class Meta:
        model = Track
        fields = ["album", "title", "position"]


# Each form asks for its album, and for the place in it: told once, of the line that validates.
@case(repeats(), queries=9)
def forms_validated_one_by_one() -> str:
    good = 0
    for place in (3, 4, 5):
        form = TrackForm({"album": place, "title": "new", "position": place})
        good += form.is_valid()  # loop: a
    return f"{good} good"


class PickForm(forms.Form):
    label = forms.ModelChoiceField(Label.objects.order_by("pk"))


@case(duplicate(), queries=4)
def choices_of_each_form() -> str:
    picks = forms.formset_factory(PickForm, extra=4)()
    return str(sum(len(str(form["label"])) for form in picks))  # loop: a


@case(queries=1)
def choices_made_once() -> str:
    picks = forms.formset_factory(PickForm, extra=4)()
    choices = [(label.pk, label.name) for label in Label.objects.order_by("pk")]
    for form in picks:
        form.fields["label"].choices = choices
    return str(sum(len(str(form["label"])) for form in picks))


@case(queries=1)
def one_form_with_choices() -> str:
    return str(len(PickForm().as_p()))


# The permissions of each user: asked for by the backend, for whom no call of ours prefetches.
@case(
    reads(("auth.User.user_permissions", None), None, None, fixable=False),
    queries=17,
)
def permission_of_each_user() -> str:
    users = User.objects.filter(pk__gt=10).order_by("pk")  # origin: b
    return ",".join(str(user.has_perm("club.change_album")) for user in users)  # loop: a


@case(queries=4)
def permission_for_each_row() -> str:
    user = User.objects.get(pk=1)
    albums = Album.objects.order_by("pk")
    return ",".join(str(user.has_perm("club.change_album") or album.title) for album in albums)


@case(queries=4)
def permissions_fetched_at_once() -> str:
    user = User.objects.get(pk=1)
    held = user.get_all_permissions()
    names = Permission.objects.values_list("codename", flat=True)
    return str([f"corpus.{name}" in held for name in names].count(True))


@case(reads(("auth.User.groups", None), "groups", None, fixable=False), queries=9)
def is_in_a_group() -> str:
    out = []
    for user in User.objects.filter(pk__gt=10).order_by("pk"):  # origin: b
        out.append(str(user.groups.filter(name="group 3").exists()))  # loop: a
    return ",".join(out)


@case(queries=10)
def signing_in() -> str:
    return str(Client().login(username="boss", password="pass"))


@page("unseen/basket/")
def basket(request: HttpRequest) -> HttpResponse:
    for album in Album.objects.order_by("pk"):
        request.session[album.title] = request.session.get(album.title, 0) + 1
    messages.success(request, "kept")
    return HttpResponse(f"{len(request.session.keys())} kept")


@case(queries=3)
def session_written_in_a_loop() -> str:
    return fetch("/unseen/basket/")


@case(queries=2)
def content_type_of_each_row() -> str:
    rows = [*Album.objects.order_by("pk"), *Band.objects.order_by("pk")]
    return ",".join(ContentType.objects.get_for_model(row).model for row in rows)


class AlbumMap(Sitemap):
    def items(self):
        return Album.objects.order_by("pk")  # origin: sitemap

    def location(self, album: Album) -> str:
        return f"/{album.band.name}/{album.pk}/"  # loop: sitemap


class JoinedMap(AlbumMap):
    def items(self):
        return super().items().select_related("band")


maps = {"albums": AlbumMap}
PAGES.append(path("unseen/sitemap.xml", sitemap, {"sitemaps": maps}))
PAGES.append(path("unseen/joined.xml", sitemap, {"sitemaps": {"albums": JoinedMap}}))


@case(
    reads("club.Album.band", "band", "select_related", loop="sitemap", origin="sitemap"), queries=10
)
def a_sitemap() -> str:
    return fetch("/unseen/sitemap.xml")


@case(queries=2)
def a_sitemap_fed_well() -> str:
    return fetch("/unseen/joined.xml")


class Albums(Feed):
    title, link, description = "albums", "/", "all of them"

    def items(self):
        return Album.objects.order_by("pk")  # origin: syndication

    def item_title(self, album: Album) -> str:
        return f"{album} by {album.band}"  # loop: syndication

    def item_link(self, album: Album) -> str:
        return f"/{album.pk}/"


class TitlesOnly(Albums):
    def item_title(self, album: Album) -> str:
        return album.title


PAGES.append(path("unseen/feed/", Albums()))
PAGES.append(path("unseen/titles/", TitlesOnly()))


@case(
    reads("club.Album.band", "band", "select_related", loop="syndication", origin="syndication"),
    queries=9,
)
def a_feed() -> str:
    return str(fetch("/unseen/feed/").count("<item>"))


@case(queries=1)
def a_feed_of_titles() -> str:
    return str(fetch("/unseen/titles/").count("<item>"))


# Written out with its label's name instead of its number, each band reads its label. And its owner:
# forgotten at first sight, for a user has a natural key, too.
@case(
    reads("club.Band.label", "label", "select_related"),
    reads("club.Band.owner", "owner", "select_related"),
    queries=17,
)
def serialized_with_natural_keys() -> str:
    bands = Band.objects.order_by("pk")  # origin: b
    return serializers.serialize("json", bands, use_natural_foreign_keys=True)  # loop: a


@case(queries=1)
def serialized_with_numbers() -> str:
    return serializers.serialize("json", Band.objects.order_by("pk"))


# The serializer takes what was prefetched, and asks where nothing was.
@case(reads("club.Member.friends", "friends", "prefetch_related"), queries=9)
def serialized_many_to_many() -> str:
    members = Member.objects.order_by("pk")  # origin: b
    return serializers.serialize("json", members)  # loop: a


@case(queries=2)
def serialized_many_to_many_fed_well() -> str:
    return serializers.serialize("json", Member.objects.prefetch_related("friends").order_by("pk"))


@case(repeats(loop="natural key"), queries=4)
def natural_keys_read_back() -> str:
    row = '{"model": "club.band", "pk": %d, "fields": {"name": "x", "owner": 11, "label": ["%s"]}}'
    rows = ",".join(row % (i, f"label {i}") for i in (1, 2, 3, 4))
    return ",".join(
        str(found.object.label_id) for found in serializers.deserialize("json", f"[{rows}]")
    )


@case(
    reads("club.Band.label", "label", "select_related", loop="command", origin="command"),
    queries=9,
)
def a_command() -> str:
    out = StringIO()
    call_command("club_report", stdout=out)
    return out.getvalue()


@case(queries=1)
def a_command_that_joins() -> str:
    out = StringIO()
    call_command("club_report", joined=True, stdout=out)
    return out.getvalue()


@case(repeats("bulk_create"), queries=5)
def members_added_with_columns() -> str:
    band = Band.objects.get(pk=1)
    for i in (5, 6, 7):
        Membership.objects.create(band=band, member_id=i, role="v", since=i)  # loop: a
    return str(band.memberships.count())
