"""Every N+1 planted under /slow/ is found, at its line, with its remedy; under /fixed/ is none."""

import re
from dataclasses import dataclass

import pytest

from .conftest import EXAMPLE

pytestmark = pytest.mark.site

COUNT = "annotate(Count(...)) where the rows come from"
ONCE = "read it once and keep it: a local, {% with %}, cached_property"
IN_BULK = "read them all before the loop: in_bulk([...])"

# What trying the remedy out must say: "yes", or why it is not tried.
PROVEN = "yes"
SHARED = "pins/_card.html is named at 3 places, so other pages may show it too"
BELOW = "the rows come through followers__follower"
HANDED = "the loop is in another function, which may be handed other rows as well"
TWICE = "there is no mechanical edit for what is asked twice"
NO_QUERYSET = "the line that makes the queryset is not known"


@dataclass(frozen=True)
class Planted:
    """A fault as a reader of the code sees it; lines are named by what only they hold.

    ``proof`` is "yes" where its remedy, tried out, gives the same page with fewer queries, else
    the beginning of why it was not tried.
    """

    page: str
    loop: tuple[str, str]
    origin: tuple[str, str] | None
    path: str | None
    remedy: str
    proof: str
    relation: str | None = None
    kind: str = "n+1"

    @property
    def told(self):
        origin = self.origin and line(*self.origin)
        return (self.kind, self.relation, self.path, line(*self.loop), origin, self.remedy)


def line(file, fragment):
    """``pins/views.py:12``: the one line of a view or template of that name with ``fragment``."""
    app, name = file.split("/")
    folder = EXAMPLE / app if name.endswith(".py") else EXAMPLE / app / "templates" / app
    text = (folder / name).read_text()
    starts = [match.start() for match in re.finditer(re.escape(fragment), text)]
    numbers = {text.count("\n", 0, start) + 1 for start in starts}
    assert len(numbers) == 1, f"{fragment!r} is on {len(numbers)} lines of {file}"
    return f"{file}:{numbers.pop()}"


def select(path):
    return f'.select_related("{path}")'


def prefetch(path):
    return f'.prefetch_related("{path}")'


def card(page, origin):
    """What a card asks for, whichever page it is on."""
    counts = "pins/_counts.html", "pin.likes.count"
    author = ("pins/_card.html", "person=pin.author")
    tags = ("pins/_tags.html", "pin.tags.all")
    return [
        Planted(page, author, origin, "author", select("author"), PROVEN, "pins.Pin.author"),
        Planted(page, counts, origin, "likes", COUNT, SHARED),
        Planted(page, counts, origin, "comments", COUNT, SHARED),
        Planted(page, tags, origin, "tags", prefetch("tags"), PROVEN, "pins.Pin.tags"),
    ]


FEED, PIN, USER = "pins/feed.html", "pins/pin.html", "accounts/user.html"
SHOP = "books/views.py"
BOOKS, MESSAGES = "books/book_list.html", "inbox/messages.html"

PLANTED = [
    Planted(
        page="feed/",
        loop=(FEED, "person=pin.author"),
        origin=("pins/views.py", 'order_by("-created")'),
        relation="pins.Pin.author",
        path="author",
        remedy=select("author"),
        proof=PROVEN,
    ),
    *card("pin/1/", ("pins/views.py", "related = Pin.objects.filter")),
    Planted(
        page="pin/1/",
        loop=(PIN, "person=like.user"),
        origin=("pins/views.py", "get_object_or_404(Pin, pk=pk)"),
        relation="pins.Like.user",
        path="likes__user",
        remedy=prefetch("likes__user"),
        proof=PROVEN,
    ),
    Planted(
        page="pin/1/",
        loop=(PIN, "person=comment.author"),
        origin=("pins/views.py", "get_object_or_404(Pin, pk=pk)"),
        relation="pins.Comment.author",
        path="comments__author",
        remedy=prefetch("comments__author"),
        proof=PROVEN,
    ),
    Planted(
        page="pin/1/",
        loop=(PIN, "comment.author.profile.city"),
        origin=("pins/views.py", "get_object_or_404(Pin, pk=pk)"),
        relation="auth.User.profile",
        path="comments__author__profile",
        remedy=prefetch("comments__author__profile"),
        proof=PROVEN,
    ),
    Planted(
        page="pin/1/",
        kind="duplicate",
        loop=(PIN, "pin.likes.count"),
        origin=None,
        path="likes",
        remedy=ONCE,
        proof=TWICE,
    ),
    Planted(
        page="pin/1/",
        kind="duplicate",
        loop=(PIN, "pin.comments.count"),
        origin=None,
        path="comments",
        remedy=ONCE,
        proof=TWICE,
    ),
    Planted(
        page="user/jacob/",
        loop=("accounts/views.py", "pin.likes.count()"),
        origin=("accounts/views.py", "person.pins.all()"),
        path="likes",
        remedy=COUNT,
        proof=PROVEN,
    ),
    Planted(
        page="user/jacob/",
        loop=("accounts/views.py", "pin.comments.count()"),
        origin=("accounts/views.py", "person.pins.all()"),
        path="comments",
        remedy=COUNT,
        proof=PROVEN,
    ),
    Planted(
        page="user/jacob/",
        loop=("pins/_tags.html", "pin.tags.all"),
        origin=("accounts/views.py", "person.pins.all()"),
        relation="pins.Pin.tags",
        path="tags",
        remedy=prefetch("tags"),
        proof=PROVEN,
    ),
    Planted(
        page="user/jacob/",
        loop=(USER, "person=follow.follower"),
        origin=("accounts/views.py", "get_object_or_404(User, username=username)"),
        relation="accounts.Follow.follower",
        path="followers__follower",
        remedy=prefetch("followers__follower"),
        proof=PROVEN,
    ),
    Planted(
        page="user/jacob/",
        loop=(USER, "follow.follower.pins.count"),
        origin=("accounts/views.py", "get_object_or_404(User, username=username)"),
        path="followers__follower__pins",
        remedy=COUNT,
        proof=BELOW,
    ),
    Planted(
        page="user/jacob/",
        loop=(USER, "follow.follower.followers.count"),
        origin=("accounts/views.py", "get_object_or_404(User, username=username)"),
        path="followers__follower__followers",
        remedy=COUNT,
        proof=BELOW,
    ),
    *card("tag/coffee/", ("pins/views.py", "tag.pins.all()[:60]")),
    Planted(
        page="books/",
        loop=(BOOKS, "{{ book.author }}"),
        origin=("books/views.py", 'order_by("-published", "-pk")'),
        relation="books.Book.author",
        path="author",
        remedy=select("author"),
        proof=PROVEN,
    ),
    Planted(
        page="books/",
        loop=(BOOKS, "{{ book.publisher }}"),
        origin=("books/views.py", 'order_by("-published", "-pk")'),
        relation="books.Book.publisher",
        path="publisher",
        remedy=select("publisher"),
        proof=PROVEN,
    ),
    Planted(
        page="books/catalogue/",
        loop=(SHOP, "{book.author.name}. "),
        origin=(SHOP, "[line(book) for book in"),
        relation="books.Book.author",
        path="author",
        remedy=select("author"),
        proof=PROVEN,
    ),
    Planted(
        page="books/catalogue/",
        loop=(SHOP, "house, year = book.publisher"),
        origin=(SHOP, "[line(book) for book in"),
        relation="books.Book.publisher",
        path="publisher",
        remedy=select("publisher"),
        proof=PROVEN,
    ),
    *(
        Planted(
            page="books/api/",
            loop=(SHOP, "author, publisher = book.author, book.publisher"),
            origin=(SHOP, '    books = Book.objects.order_by("pk")[:MANY]'),
            relation=f"books.Book.{path}",
            path=path,
            remedy=select(path),
            proof=PROVEN,
        )
        for path in ("author", "publisher")
    ),
    Planted(
        page="books/inventory/",
        loop=(SHOP, "worth[book.author] +="),
        origin=(SHOP, 'publisher.books.order_by("pk")'),
        relation="books.Book.author",
        path="author",
        remedy=select("author"),
        proof=PROVEN,
    ),
    Planted(
        page="books/inventory/",
        loop=(SHOP, 'publisher.books.order_by("pk")'),
        origin=(SHOP, 'Publisher.objects.order_by("pk")'),
        relation="books.Publisher.books",
        path="books",
        remedy='.prefetch_related(Prefetch("books", queryset=..., to_attr="..."))',
        proof=HANDED,
    ),
    Planted(
        page="pins/with/place/Tunis/",
        loop=("pins/views.py", '"who": pin.author.username'),
        origin=("pins/views.py", "for pin in Pin.objects.all()"),
        relation="pins.Pin.author",
        path="author",
        remedy=select("author"),
        proof=PROVEN,
    ),
    Planted(
        page="messages/",
        loop=(MESSAGES, "person=message.sender"),
        origin=("inbox/views.py", "Message.objects.filter(recipient=request.user)\n    page"),
        relation="inbox.Message.sender",
        path="sender",
        remedy=select("sender"),
        proof=PROVEN,
    ),
    Planted(
        page="messages/",
        loop=(MESSAGES, "message.sender.profile.city"),
        origin=("inbox/views.py", "Message.objects.filter(recipient=request.user)\n    page"),
        relation="auth.User.profile",
        path="sender__profile",
        remedy=select("sender__profile"),
        proof=PROVEN,
    ),
    Planted(
        page="report/",
        loop=("reports/views.py", "pin.likes.count()"),
        origin=("reports/views.py", "list(Pin.objects.filter(**within))"),
        path="likes",
        remedy=COUNT,
        proof=HANDED,
    ),
    Planted(
        page="report/",
        loop=("reports/views.py", "User.objects.get(pk=author)"),
        origin=None,
        path=None,
        remedy=IN_BULK,
        proof=NO_QUERYSET,
    ),
]
# Slow in ways that are no repeats: whole tables read, rows added up in Python, rows written.
OTHERS = ("books/create/", "POST books/create/", "POST messages/received/")


@pytest.fixture(scope="module")
def found(probe):
    return probe("planted_probe.py")


def key(finding):
    kept = ("kind", "relation", "path", "loop", "origin", "remedy")
    return tuple(finding[name] for name in kept)


def told(findings):
    return sorted(map(key, findings), key=str)


@pytest.mark.parametrize("page", dict.fromkeys(planted.page for planted in PLANTED))
def test_what_is_planted_is_found_and_nothing_else(found, page):
    expected = [planted.told for planted in PLANTED if planted.page == page]
    assert told(found["slow"][page]) == sorted(expected, key=str)


@pytest.mark.parametrize(
    "planted", PLANTED, ids=lambda each: f"{each.page} {each.kind} {each.path}"
)
def test_each_has_a_verified_fix_or_a_reason(found, planted):
    (finding,) = [each for each in found["slow"][planted.page] if key(each) == planted.told]
    if planted.proof != PROVEN:
        assert (finding["verified"], finding["diff"]) == ("untried", "")
        assert finding["why"].startswith(planted.proof)
        return
    assert (finding["verified"], finding["why"]) == (PROVEN, "")
    assert finding["diff"]
    assert finding["queries_after"] <= finding["queries"] - finding["count"] + 1


@pytest.mark.parametrize("page", OTHERS)
def test_slow_pages_without_repeats_have_no_findings(found, page):
    assert found["slow"][page] == []


def test_fixed_pages_have_no_findings(found):
    assert set(found["fixed"]) == set(found["slow"])
    assert [each for findings in found["fixed"].values() for each in told(findings)] == []


def test_every_page_is_accounted_for(found):
    assert set(found["slow"]) == {planted.page for planted in PLANTED} | set(OTHERS)
