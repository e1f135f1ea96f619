"""Python around rows: descriptors, proxies, caches, copies, callbacks, batches, coroutines."""

from __future__ import annotations

import asyncio
import copy
import functools
import itertools
import pickle
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, NamedTuple

from django.contrib.contenttypes.prefetch import GenericPrefetch
from django.core.cache import caches
from django.core.paginator import Paginator
from django.db import IntegrityError, connection, transaction
from django.db.models import (
    Count,
    FilteredRelation,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    aprefetch_related_objects,
    prefetch_related_objects,
)
from django.http import HttpRequest, HttpResponse
from django.test import TestCase
from django.utils.functional import SimpleLazyObject
from django.views.generic import ListView

from tests.queries.corpus.case import case, duplicate, fetch, page, reads, repeats
from tests.queries.corpus.club import selectors
from tests.queries.corpus.club.models import (
    Album,
    Band,
    Concert,
    Entry,
    Label,
    Member,
    Track,
)
from tests.queries.corpus.models import Author, Book, Category, Note

BAND = reads("club.Album.band", "band", "select_related")


def banded(loop: str, origin: str | None = "b", **kwargs: Any):
    return reads("club.Album.band", "band", "select_related", loop=loop, origin=origin, **kwargs)


@dataclass
class Row:
    title: str
    band: str

    @classmethod
    def of(cls, album: Album) -> Row:
        return cls(album.title, album.band.name)  # loop: row


@case(banded("row"), queries=9)
def dataclass_made_by_a_class_method() -> str:
    return ",".join(Row.of(album).band for album in Album.objects.order_by("pk"))  # origin: b


class Pair(NamedTuple):
    title: str
    band: str


@case(BAND, queries=9)
def named_tuples() -> str:
    albums = Album.objects.order_by("pk")  # origin: b
    return ",".join(pair.band for pair in [Pair(a.title, a.band.name) for a in albums])  # loop: a


@case(BAND, reads("club.Band.label", "band__label", "select_related"), queries=17)
def attrgetter_of_two_steps() -> str:
    albums = Album.objects.order_by("pk")  # origin: b
    return ",".join(map(attrgetter("band.label.name"), albums))  # loop: a


@lru_cache
def label_name(key: int) -> str:
    return Label.objects.get(pk=key).name  # loop: cached get


# Each key is asked for once, and there are as many keys as rows: the cache saves nothing.
@case(repeats("in_bulk", loop="cached get"), queries=9)
def lru_cache_of_other_keys() -> str:
    label_name.cache_clear()
    return ",".join(label_name(band.label_id) for band in Band.objects.order_by("pk"))


class Shown:
    """Stands for a row, as presenters do."""

    def __init__(self, row: Any) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, name)  # loop: presenter


@case(banded("presenter"), queries=9)
def presenter() -> str:
    shown = [Shown(album) for album in Album.objects.order_by("pk")]  # origin: b
    return ",".join(f"{one.title} {one.band}" for one in shown)


COLUMNS: dict[str, Callable[[Album], str]] = {
    "title": lambda album: album.title,
    "band": lambda album: album.band.name,  # loop: column
}


@case(banded("column"), queries=9)
def lambdas_of_a_dict() -> str:
    out = []
    for album in Album.objects.order_by("pk"):  # origin: b
        out.append("/".join(column(album) for column in COLUMNS.values()))
    return ",".join(out)


def traced(function: Callable[..., str]) -> Callable[..., str]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> str:
        return function(*args).strip()

    return wrapper


@traced
def byline(album: Album) -> str:
    return f" by {album.band} "  # loop: decorated


@case(banded("decorated"), queries=9)
def decorated_helper() -> str:
    return ",".join(byline(album) for album in Album.objects.order_by("pk"))  # origin: b


current: ContextVar[Album] = ContextVar("current")


def current_band() -> str:
    return current.get().band.name  # loop: context variable


@case(banded("context variable"), queries=9)
def row_in_a_context_variable() -> str:
    out = []
    for album in Album.objects.order_by("pk"):  # origin: b
        current.set(album)
        out.append(current_band())
    return ",".join(out)


@case(BAND, queries=9)
def lazy_objects() -> str:
    out = []
    for album in Album.objects.order_by("pk"):  # origin: b
        band = SimpleLazyObject(lambda album=album: album.band)  # loop: a
        out.append(band.name)
    return ",".join(out)


@case(BAND, queries=9)
def rows_behind_a_lazy_object() -> str:
    albums = Album.objects.order_by("pk")  # origin: b
    lazy = [SimpleLazyObject(lambda album=album: album) for album in albums]
    return ",".join(album.band.name for album in lazy)  # loop: a


def note(album: Album) -> None:
    Entry.objects.create(text=f"{album.band} saved")  # loop: callback


@case(repeats("bulk_create", loop="callback"), banded("callback"), queries=18)
def callbacks_after_commit() -> str:
    with TestCase.captureOnCommitCallbacks(execute=True):
        for album in Album.objects.order_by("pk"):  # origin: b
            transaction.on_commit(partial(note, album))
    return str(Entry.objects.count())


@case(BAND, queries=9)
def two_consumers_of_one_generator() -> str:
    first, second = itertools.tee(Album.objects.order_by("pk").iterator())  # origin: b
    names = [album.band.name for album in first]  # loop: a
    return ",".join(names) + ",".join(album.band.name for album in second)


def walk(albums: Iterator[Album]) -> Iterator[str]:
    for album in albums:
        yield album.band.name  # loop: walk


@case(banded("walk"), queries=9)
def generator_that_two_loops_share() -> str:
    names = walk(iter(Album.objects.order_by("pk")))  # origin: b
    out = [next(names), next(names)]
    out.extend(names)
    return ",".join(out)


@case(BAND, queries=9)
def deep_copies() -> str:
    albums = copy.deepcopy(list(Album.objects.order_by("pk")))  # origin: b
    return ",".join(album.band.name for album in albums)  # loop: a


@case(BAND, queries=9)
def deep_copy_of_a_queryset() -> str:
    albums = copy.deepcopy(Album.objects.order_by("pk"))  # origin: b
    return ",".join(album.band.name for album in albums)  # loop: a


# What comes back from a cache was made elsewhere.
@case(reads("club.Album.band", "band", None, origin=None), queries=9)
def rows_from_a_cache() -> str:
    caches["default"].set("unseen", list(Album.objects.order_by("pk")))
    return ",".join(album.band.name for album in caches["default"].get("unseen"))  # loop: a


@case(queries=1)
def rows_from_a_cache_fed_well() -> str:
    caches["default"].set("unseen", list(Album.objects.select_related("band").order_by("pk")))
    return ",".join(album.band.name for album in caches["default"].get("unseen"))


# A query, pickled, is made again by hand.
@case(reads("club.Album.band", "band", None, origin=None), queries=9)
def pickled_query() -> str:
    query = pickle.loads(pickle.dumps(Album.objects.order_by("pk").query))
    albums = Label.objects.all()
    albums.query = query
    return ",".join(album.band.name for album in albums)  # loop: a


# Made when the module was imported, before anyone looked; its clones say no more.
@case(reads("club.Album.band", "band", None, origin=None), queries=9)
def queryset_of_a_module() -> str:
    return ",".join(album.band.name for album in selectors.ALBUMS.all())  # loop: a


@case(queries=1)
def queryset_of_a_module_that_joins() -> str:
    return ",".join(album.band.name for album in selectors.JOINED.all())


@case(banded("a", "selectors"), queries=9)
def queryset_made_in_another_module() -> str:
    return ",".join(album.band.name for album in selectors.recent_albums())  # loop: a


@page("unseen/list/")
class Bands(ListView):
    model = Band
    template_name = "club/first.html"
    context_object_name = "bands"

    def get_queryset(self):
        return super().get_queryset().order_by("pk")  # origin: get_queryset


# Django makes the rows, asked by our line: there it is to be changed.
@case(
    reads(
        "club.Band.album_set",
        "album_set",
        "prefetch_related",
        loop="first",
        origin="get_queryset",
    ),
    queries=9,
)
def list_view_over_its_own_queryset() -> str:
    return fetch("/unseen/list/")


@page("unseen/list-fed/")
class FedBands(Bands):
    def get_queryset(self):
        return super().get_queryset().prefetch_related("album_set")


@case(queries=2)
def list_view_fed_well() -> str:
    return fetch("/unseen/list-fed/")


@case(BAND, queries=9)
def either_of_two_querysets() -> str:
    albums = Album.objects.filter(pk__lte=4)  # origin: b
    albums = albums | Album.objects.filter(pk__gt=4)
    return ",".join(album.band.name for album in albums)  # loop: a


@case(
    reads(("club.Band.album_set", None), "album_set", None),
    reads("club.Band.album_set", "album_set", None, loop="c"),
    queries=17,
)
def paginator_of_each_set() -> str:
    out = []
    for band in Band.objects.order_by("pk"):  # origin: b
        pages = Paginator(band.album_set.order_by("pk"), 1)
        shown = pages.page(1)  # loop: a
        out.extend(str(album) for album in shown)  # loop: c
    return ",".join(out)


@case(duplicate(), queries=2)
def truth_of_one_queryset_rows_of_another() -> str:
    out = []
    if Album.objects.filter(sold=0):
        for album in Album.objects.filter(sold=0):  # loop: a
            out.append(album.title)
    return ",".join(out)


@case(
    reads("club.Album.track_set", "track_set", None, fixable=False),
    reads(
        "club.Album.track_set",
        "track_set",
        "drop_prefetch_related",
        loop=None,
        kind="unused eager load",
    ),
    queries=10,
)
def order_of_a_prefetched_set() -> str:
    out = []
    for album in Album.objects.prefetch_related("track_set"):  # origin: b
        out.extend(track.title for track in album.track_set.order_by("-position"))  # loop: a
    return ",".join(out)


@case(reads("corpus.Book.author", "author", "select_related"), queries=10)
def under_a_generic_prefetch() -> str:
    books = Book.objects.order_by("pk")  # origin: b
    wanted = GenericPrefetch("target", [books, Author.objects.all()])
    notes = Note.objects.filter(text__startswith="note").prefetch_related(wanted)
    return ",".join(note.target.author.name for note in notes)  # loop: a


@case(repeats("bulk_create"), queries=3)
def created_until_it_fits() -> str:
    out = []
    for name in ("label 1", "label 2", "label 3"):
        try:
            with transaction.atomic():
                Label.objects.create(name=name)  # loop: a
        except IntegrityError:
            out.append(f"{name} taken")
    return ",".join(out)


def find_label(name: str) -> Label | None:
    return Label.objects.filter(name=name).first()  # loop: find


@case(repeats("in_bulk", loop="find"), queries=4)
def first_or_none() -> str:
    return ",".join(str(find_label(f"label {i}")) for i in (2, 4, 6, 10))


@case(repeats("bulk_create"), queries=6)
async def aget_or_create() -> str:
    out = []
    for i in (1, 2, 11, 12):
        found, made = await Label.objects.aget_or_create(name=f"label {i}")  # loop: a
        out.append(f"{found} {made}")
    return ",".join(out)


@case(reads(("club.Band.label", None), None, None), queries=9)
async def limited_by_a_semaphore() -> str:
    few = asyncio.Semaphore(2)

    async def name(band: Band) -> str:
        async with few:
            return (await Label.objects.aget(band=band)).name  # loop: a

    bands = [band async for band in Band.objects.order_by("pk")]  # origin: b
    return ",".join(await asyncio.gather(*map(name, bands)))


@case(reads(("club.Album.track_set", None), "track_set", None), queries=9)
async def afirst_of_each_set() -> str:
    out = []
    async for album in Album.objects.order_by("pk"):  # origin: b
        out.append(str(await album.track_set.order_by("-position").afirst()))  # loop: a
    return ",".join(out)


@case(queries=3)
async def abulk_create_in_batches() -> str:
    for start in (0, 10, 20):
        await Label.objects.abulk_create([Label(name=f"new {start + i}") for i in range(4)])
    return "three batches"


@case(queries=3)
async def aprefetched_by_hand() -> str:
    albums = [album async for album in Album.objects.order_by("pk")]
    await aprefetch_related_objects(albums, "band__label")
    return ",".join(album.band.label.name for album in albums)


@case(queries=3)
def prefetched_by_hand() -> str:
    albums = list(Album.objects.order_by("pk"))
    prefetch_related_objects(albums, "band", "track_set")
    return ",".join(f"{a.band} {len(a.track_set.all())}" for a in albums)


@case(queries=2)
def generic_prefetch() -> str:
    wanted = GenericPrefetch(
        "target", [Book.objects.select_related("author"), Author.objects.all()]
    )
    notes = Note.objects.filter(text__startswith="note").prefetch_related(wanted)
    return ",".join(note.target.author.name for note in notes)


@case(queries=1)
def filtered_relation() -> str:
    first = FilteredRelation("track", condition=Q(track__position=1))
    albums = Album.objects.annotate(opening=first).values_list("title", "opening__title")
    return ",".join(f"{title} {opening}" for title, opening in albums)


@case(queries=3)
def raw_sql_with_keys() -> str:
    out = []
    for keys in ([1, 2, 3], [4, 5, 6], [7, 8, 9]):
        marks = ",".join(["%s"] * len(keys))
        out.extend(Album.objects.raw(f"SELECT * FROM club_album WHERE id IN ({marks})", keys))
    return ",".join(album.title for album in out)


@case(queries=1)
def fetchmany() -> str:
    out = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT title FROM club_album ORDER BY id")
        while rows := cursor.fetchmany(3):
            out.extend(title for (title,) in rows)
    return ",".join(out)


def branch(category: Category, depth: int = 2) -> str:
    below = [branch(child, depth - 1) for child in category.children.all()] if depth else []
    return f"{category}({','.join(below)})"


@case(queries=3)
def tree_of_a_known_depth() -> str:
    roots = Category.objects.filter(parent=None).prefetch_related("children__children")
    return ",".join(branch(root) for root in roots)


@case(queries=5)
def pages_with_in_bulk() -> str:
    out = []
    pages = Paginator(Album.objects.order_by("pk").values_list("band_id", flat=True), 4)
    for shown in pages:
        out.extend(band.name for band in Band.objects.in_bulk(list(shown)).values())
    return ",".join(out)


@case(queries=1)
def in_bulk_by_name() -> str:
    names = ["label 1", "label 3", "label 9"]
    found = Label.objects.in_bulk(names, field_name="name")
    return ",".join(str(found[name].pk) if name in found else "none" for name in names)


@case(queries=1)
def grouped_by_the_database() -> str:
    rows = Concert.objects.values("band__name").annotate(concerts=Count("pk"))
    return ",".join(f"{row['band__name']} {row['concerts']}" for row in rows)


@case(queries=1)
def newest_by_subquery() -> str:
    newest = Track.objects.filter(album=OuterRef("pk")).order_by("-position").values("title")
    albums = Album.objects.annotate(last=Subquery(newest[:1]))
    return ",".join(album.last for album in albums)


@case(queries=2)
def prefetch_to_an_attribute_of_each_band() -> str:
    longest = Prefetch("track_set", Track.objects.order_by("-seconds"), to_attr="by_length")
    albums = Album.objects.prefetch_related(longest)
    return ",".join(str(album.by_length[0]) for album in albums)


@case(queries=1)
def deep_copies_fed_well() -> str:
    albums = copy.deepcopy(list(Album.objects.select_related("band").order_by("pk")))
    return ",".join(album.band.name for album in albums)


@case(queries=1)
def presenter_fed_well() -> str:
    shown = [Shown(album) for album in Album.objects.select_related("band")]
    return ",".join(f"{one.title} {one.band}" for one in shown)


@case(queries=2)
def rows_set_on_rows() -> str:
    bands = {band.pk: band for band in Band.objects.order_by("pk")}
    out = []
    for album in Album.objects.order_by("pk"):
        album.band = bands[album.band_id]
        out.append(album.band.name)
    return ",".join(out)


@case(queries=4)
def one_write_per_table() -> str:
    Album.objects.filter(pk__lte=4).update(sold=1)
    Track.objects.filter(album__lte=4).update(seconds=1)
    Member.objects.filter(pk=99).delete()
    return str(Album.objects.filter(sold=1).count())


@page("unseen/two-orders/")
def two_orders(request: HttpRequest) -> HttpResponse:
    newest = Album.objects.order_by("-pk")[:3]
    oldest = Album.objects.order_by("pk")[:3]
    return HttpResponse(",".join(str(album) for album in [*newest, *oldest]))


@case(queries=2)
def two_orders_of_one_table() -> str:
    return fetch("/unseen/two-orders/")
