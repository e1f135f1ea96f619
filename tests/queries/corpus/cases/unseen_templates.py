"""Templates of other shapes: Jinja's, macros, blocks, inclusion tags with a context."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.backends.jinja2 import Jinja2
from django.template.loader import render_to_string
from django.urls import path

from tests.queries.corpus.case import PAGES, TEMPLATES, case, fetch, page, reads
from tests.queries.corpus.club.models import Album, Band, Label, Track

JINJA = Jinja2({"NAME": "jinja", "DIRS": [str(TEMPLATES)], "APP_DIRS": False, "OPTIONS": {}})


def shown(template: str, **context: object) -> str:
    return render_to_string(f"club/{template}.html", context)


def jinja(template: str, **context: object) -> str:
    return JINJA.get_template(f"club/jinja/{template}.html").render(context)


# Both lines ask per row, and one call heals both.
@case(
    reads("club.Album.track_set", "track_set", "prefetch_related", loop="if tracks"),
    reads("club.Album.track_set", "track_set", "prefetch_related", loop="for tracks"),
    queries=17,
)
def if_then_for() -> str:
    return shown("if_for", albums=Album.objects.order_by("pk"))  # origin: b


@case(
    reads("club.Band.album_set", "album_set", "prefetch_related", loop="outer"),
    reads("club.Album.track_set", "album_set__track_set", "prefetch_related", loop="inner"),
    queries=17,
)
def parentloop() -> str:
    return shown("parentloop", bands=Band.objects.order_by("pk"))  # origin: b


@case(
    reads("club.Album.band", "band", "select_related", loop="inclusion"),
    queries=9,
)
def inclusion_tag_with_a_context() -> str:
    return shown("inclusion", albums=Album.objects.order_by("pk"))  # origin: b


@case(reads("club.Album.band", "band", "select_related", loop="cycle"), queries=9)
def cycle() -> str:
    return shown("cycle", albums=Album.objects.order_by("pk"))  # origin: b


# The first of a set that was prefetched costs nothing.
@case(reads("club.Band.album_set", "album_set", "prefetch_related", loop="first"), queries=9)
def first() -> str:
    return shown("first", bands=Band.objects.order_by("pk"))  # origin: b


@case(reads("club.Album.band", "band", "select_related", loop="super"), queries=9)
def block_super() -> str:
    return shown("super", albums=Album.objects.order_by("pk"))  # origin: b


@case(reads("club.Album.band", "band", "select_related", loop="translated"), queries=9)
def blocktranslate() -> str:
    return shown("translated", albums=Album.objects.order_by("pk"))  # origin: b


@case(reads("club.Album.band", "band", "select_related", loop="url", origin="url"), queries=9)
def argument_of_url() -> str:
    return fetch("/unseen/urls/")


@page("unseen/urls/")
def urls(request: HttpRequest) -> HttpResponse:
    albums = Album.objects.order_by("pk")  # origin: url
    return render(request, "club/url.html", {"albums": albums})


PAGES.append(path("unseen/of/<str:name>/", urls, name="unseen-of"))


@case(reads("club.Album.band", "band", "select_related", loop="boxed"), queries=9)
def inside_a_block_tag() -> str:
    return shown("boxed", albums=Album.objects.order_by("pk"))  # origin: b


@case(reads("club.Band.label", "label", "select_related", loop="dictsort"), queries=9)
def dictsort() -> str:
    return shown("dictsort", bands=Band.objects.order_by("pk"))  # origin: b


@case(reads("club.Album.band", "band", "select_related", loop="jinja for"), queries=9)
def jinja_loop() -> str:
    return jinja("for", albums=Album.objects.order_by("pk"))  # origin: b


@case(reads("club.Album.band", "band", "select_related", loop="jinja macro"), queries=9)
def jinja_macro() -> str:
    return jinja("macro", albums=Album.objects.order_by("pk"))  # origin: b


@case(reads("club.Album.track_set", "track_set", "prefetch_related", loop="jinja set"), queries=9)
def jinja_set() -> str:
    return jinja("set", albums=Album.objects.order_by("pk"))  # origin: b


@case(reads("club.Album.band", "band", "select_related", loop="jinja map"), queries=9)
def jinja_map_and_join() -> str:
    return jinja("map", albums=Album.objects.order_by("pk"))  # origin: b


@case(queries=1)
def jinja_loop_fed_well() -> str:
    return jinja("for", albums=Album.objects.select_related("band").order_by("pk"))


@case(queries=1)
def key_only() -> str:
    return shown("key_only", albums=Album.objects.order_by("pk"))


@page("unseen/lazy/")
def lazy(request: HttpRequest) -> HttpResponse:
    return render(request, "club/lazy.html", {"albums": Album.objects.order_by("pk")})


# The user is asked for once, whatever the number of lines that name it.
@case(queries=1)
def user_of_the_request() -> str:
    return fetch("/unseen/lazy/")


@case(queries=1)
def one_queryset_looped_twice() -> str:
    return shown("two_loops", labels=Label.objects.order_by("pk"))


@case(queries=3)
def nested_loops_fed_well() -> str:
    return shown("parentloop", bands=Band.objects.prefetch_related("album_set__track_set"))


# A condition and a loop over one row's set: asked twice of one row, on two lines.
@case(
    reads("club.Album.track_set", None, None, loop="for tracks", origin=None, kind="duplicate"),
    queries=3,
)
def if_then_for_of_one_row() -> str:
    return shown("if_for", albums=[Album.objects.get(pk=2)])


@case(queries=2)
def if_then_for_kept_by_with() -> str:
    return shown("kept", album=Album.objects.get(pk=2))


@case(queries=1)
def rows_of_values() -> str:
    return shown("values", rows=Track.objects.order_by("pk").values("title", "album__title"))
