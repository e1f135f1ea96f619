"""Edges without an edge: whom we believe, what is made harmless, and what is sent to be purged."""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import transaction
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from tests.books.models import Book
from unhurried import testing
from unhurried.cache import invalidate
from unhurried.cache._edges import _purge
from unhurried.cache._edges._harmless import harmless
from unhurried.cache._edges._neutral import neutral
from unhurried.cache._edges._probe import tag_of, url_of
from unhurried.cache._edges._surrogate_keys import ALL, MOST, key, keys, label, purged_by
from unhurried.cache._edges._trust import capability
from unhurried.cache._edges._waiting import MOST as MOST_WAITING
from unhurried.cache._edges._waiting import Waiting

WAIT_SECONDS = 10
ESI, SSI = 'abc="ESI/1.0"', 'n="SSI/1.0"'
BOOKS = "default:books_book"


def wait_until(holds: Callable[[], Any], what: object = "") -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


# Trust.


def said(header: str | None, peer: str, *surrogates: str) -> str:
    meta = {"REMOTE_ADDR": peer}
    if header is not None:
        meta["HTTP_SURROGATE_CAPABILITY"] = header
    with testing.override(SURROGATES=surrogates):
        return capability(meta)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (ESI, "esi"),
        (SSI, "ssi"),
        (f"{SSI}, {ESI}", "esi"),
        ('a = "Surrogate/1.0  ESI/1.0 ESI-Inline/1.0"', "esi"),
        ('a="Surrogate/1.0",b =\t"esi/1.0"', "esi"),
        ('a="Surrogate/1.0"', ""),
        ('"ESI/1.0"', ""),
        ("a=ESI/1.0", ""),
        ('a="ESI/1.0', ""),
        ('a="XESI/1.0"', ""),
        ('a="ESI/1.01"', ""),
        ('x" ESI/1.0 "', ""),
        ("", ""),
        (None, ""),
        ('="' * 50_000, ""),
    ],
)
def test_what_a_surrogate_can(header: str | None, kind: str) -> None:
    assert said(header, "10.1.2.3", "10.0.0.0/8") == kind


@pytest.mark.parametrize(
    ("peer", "surrogates", "believed"),
    [
        ("127.0.0.1", ["127.0.0.1"], True),
        ("127.0.0.2", ["127.0.0.1"], False),
        ("127.0.0.2", ["192.168.0.0/16", " 127.0.0.0/8"], True),
        ("::1", ["::1"], True),
        ("2001:db8::7", ["2001:db8::/32"], True),
        ("::ffff:10.0.0.1", ["10.0.0.1"], True),
        ("10.0.0.1", ["::/8"], False),
        ("127.0.0.1", [], False),
        ("127.0.0.1", ["nonsense", "127.0.0.1/8", "unix:"], False),
        ("", ["unix:"], True),
        ("", ["0.0.0.0/0"], False),
        ("unix:", ["unix:"], False),
        ("10.0.0.1, 127.0.0.1", ["127.0.0.1"], False),
        ("127.0.0.1:80", ["127.0.0.1"], False),
    ],
)
def test_who_is_believed(peer: str, surrogates: list[str], believed: bool) -> None:
    assert said(ESI, peer, *surrogates) == ("esi" if believed else "")


def test_a_request_without_an_address() -> None:
    with testing.override(SURROGATES=["127.0.0.1"]):
        assert capability({"HTTP_SURROGATE_CAPABILITY": ESI}) == ""


# What somebody typed.

EVIL = [b'<esi:include src="//evil"/>', b"<!--esi x-->", b"</esi:remove>", b"<!--#exec -->"]


@pytest.mark.parametrize("evil", [*EVIL, *(each.upper() for each in EVIL)])
def test_what_an_edge_would_read(evil: bytes) -> None:
    assert neutral(b"<p>" + evil, "text/html; charset=utf-8") == b"<p>&lt;" + evil[1:]
    assert neutral(evil, "application/atom+xml") == b"&lt;" + evil[1:]
    for kind in ("application/json", "application/ld+json; x=y", "text/javascript"):
        assert neutral(b'"' + evil, kind) == b'"\\u003c' + evil[1:]


def test_json_says_the_same() -> None:
    before = json.dumps({"a": '<esi:vars>$(HTTP_COOKIE)</esi:vars><!--#echo var="x"-->'})
    after = neutral(before.encode(), "application/json")
    assert b"<" not in after
    assert json.loads(after) == json.loads(before)


def test_a_script_in_html_says_the_same() -> None:
    page = b"<a><!--#1--><script>x='<!--#2'</SCRIPT ><!--#3--><style>/*<esi:4*/</style></esi:5>"
    assert neutral(page, "text/html") == (
        b"<a>&lt;!--#1--><script>x='\\u003c!--#2'</SCRIPT >&lt;!--#3-->"
        b"<style>/*\\u003cesi:4*/</style>&lt;/esi:5>"
    )


@pytest.mark.parametrize(
    "body", [b"", b"<p>esi: <!-- # --> <! --esi> < esi:x <es i:", b"\xff<\x00"]
)
def test_all_else_is_left(body: bytes) -> None:
    assert neutral(body, "text/html") is body


def begins(body: bytes) -> bool:
    """As simple as can be, to be judged by."""
    low = body.lower()
    return any(each in low for each in (b"<esi:", b"</esi:", b"<!--esi", b"<!--#"))


PARTS = [b"<", b"/", b"esi:", b"!--", b"#", b"esi", b"<esi:", b"<!--#", b"E", b"-->", b"&lt;", b" "]
PARTS += [b"<script>", b"</script>", b"\\u003c", b"\xc3\xa9", b"\x00", b"ESI:"]


@given(st.lists(st.sampled_from(PARTS), max_size=30), st.sampled_from(["text/html", "a/json", ""]))
def test_nothing_is_left_to_compose(parts: list[bytes], kind: str) -> None:
    body = b"".join(parts)
    after = neutral(body, kind)
    assert not begins(after)
    assert neutral(after, kind) is after
    assert (after is body) == (not begins(body))
    undone = after.replace(b"&lt;", b"<").replace(b"\\u003c", b"<")
    assert undone == body.replace(b"&lt;", b"<").replace(b"\\u003c", b"<")


@given(st.text(alphabet="<!-/#esi: x", max_size=60))
def test_people_read_what_was_typed(text: str) -> None:
    after = neutral(text.encode(), "text/html").decode()
    assert html.unescape(after) == html.unescape(text)


def test_many_of_them_take_no_longer_than_their_length() -> None:
    """A place and a script each are looked at once: ten times as much is no hundred times."""
    body = b"<script><!--#" * 20_000
    assert neutral(body, "text/html").count(b"\\u003c") == 20_000


def through(response: Any, header: str = SSI, peer: str = "127.0.0.1") -> bytes:
    meta = {"REMOTE_ADDR": peer, "HTTP_SURROGATE_CAPABILITY": header}
    with testing.override(SURROGATES=["127.0.0.1"]):
        harmless(RequestFactory().get("/", **meta), response)
    return b"".join(response)


@pytest.mark.parametrize("evil", EVIL)
def test_all_that_goes_through_an_edge_of_ssi(evil: bytes) -> None:
    changed = b"&lt;" + evil[1:]
    response = HttpResponse(evil, headers={"Content-Length": str(len(evil))})
    assert through(response) == changed
    assert response["Content-Length"] == str(len(changed))
    assert through(StreamingHttpResponse([evil, evil])) == changed * 2
    assert through(HttpResponse(evil), ESI) == evil
    assert through(HttpResponse(evil), peer="10.0.0.1") == evil
    assert through(HttpResponse(evil, content_type="image/png")) == evil
    assert through(HttpResponse(evil, headers={"Content-Encoding": "gzip"})) == evil
    meant = HttpResponse(evil)
    meant.unhurried_includes = True  # type: ignore[attr-defined]
    assert through(meant) == evil


@pytest.mark.parametrize("evil", EVIL)
def test_split_over_chunks(evil: bytes) -> None:
    for size in range(1, len(evil)):
        chunks = [evil[n : n + size] for n in range(0, len(evil), size)]
        assert through(StreamingHttpResponse(chunks)) == b"&lt;" + evil[1:]


@given(st.lists(st.lists(st.sampled_from(PARTS), max_size=4), max_size=12))
def test_chunks_are_no_way_round(chunks: list[list[bytes]]) -> None:
    wanted = b"".join(map(b"".join, chunks))
    after = through(StreamingHttpResponse(map(b"".join, chunks)))
    assert not begins(after)
    assert after.replace(b"&lt;", b"<").replace(b"\\u003c", b"<") == wanted.replace(
        b"&lt;", b"<"
    ).replace(b"\\u003c", b"<")


def test_a_file_is_as_long_as_it_is_sent(tmp_path: Path) -> None:
    file, body = tmp_path / "typed.html", EVIL[0] + b"the end"
    file.write_bytes(body)
    with file.open("rb") as html, file.open("rb") as image:
        response = FileResponse(html, headers={"ETag": '"file"'})
        assert response["Content-Length"] == str(len(body))
        assert through(response) == b"&lt;" + body[1:]
        assert not response.has_header("Content-Length")
        assert not response.has_header("ETag")
        plain = FileResponse(image, content_type="image/png")
        assert through(plain) == body
        assert plain["Content-Length"] == str(len(body))


def test_split_over_chunks_that_are_awaited() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for n in range(len(EVIL[0])):
            yield EVIL[0][n : n + 1]

    async def all_of_it() -> bytes:
        response = StreamingHttpResponse(chunks())
        meta = {"REMOTE_ADDR": "127.0.0.1", "HTTP_SURROGATE_CAPABILITY": SSI}
        harmless(RequestFactory().get("/", **meta), response)
        return b"".join([chunk async for chunk in response])

    with testing.override(SURROGATES=["127.0.0.1"]):
        assert async_to_sync(all_of_it)() == b"&lt;" + EVIL[0][1:]


# Names.


def test_names_are_short_stable_and_sorted() -> None:
    assert keys([BOOKS]) == keys([BOOKS, "db:default"])
    found = keys([BOOKS, "name:x"]).split()
    assert found == sorted({key(BOOKS), key("name:x"), key("default:*"), key(ALL)})
    assert {len(each) for each in found} == {12}


@pytest.mark.parametrize("tag", [BOOKS, "other:books_author", "name:x", "default:*"])
@pytest.mark.parametrize("many", [0, MOST])
def test_what_an_answer_hangs_on_purges_it(tag: str, many: int) -> None:
    more = [f"{kind}:{n}" for n in range(many) for kind in ("default", "name")]
    others = [BOOKS, "other:books_author", "name:x"]
    on = set(keys([*others, *more]).split())
    assert len(on) < 2 * MOST + 5
    assert on & purged_by([tag])
    assert not set(keys(["third:x"]).split()) & purged_by([tag])


def test_labels() -> None:
    response = HttpResponse(headers={"Cache-Control": "no-cache"})
    label(response, [BOOKS], 59.9)
    assert response["xkey"] == response["Surrogate-Key"] == keys([BOOKS])
    assert response["Surrogate-Control"] == "max-age=59"
    assert response["Cache-Control"] == "no-cache"
    response["Surrogate-Control"] = 'Max-Age=1, content="ESI/1.0"'
    label(response, [BOOKS], -1)
    assert response["Surrogate-Control"] == 'max-age=0, content="ESI/1.0"'


# Purging.


class Edge:
    """Something that answers PURGE; ``status`` and ``gate`` are a test's to set."""

    def __init__(self, port: int = 0) -> None:
        edge = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PURGE(self) -> None:
                edge.gate.wait(WAIT_SECONDS)
                names = self.headers["xkey-purge"].split()
                edge.seen.append((time.monotonic(), names, self.client_address[1]))
                self.send_response(edge.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.seen: list[tuple[float, list[str], int]] = []
        self.status = 200
        self.gate = threading.Event()
        self.gate.set()
        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def times(self, tag: str) -> list[float]:
        return [moment for moment, names, _ in self.seen if key(tag) in names]


@contextmanager
def purging(*edges: str, **more: Any) -> Iterator[_purge.Purges]:
    """This test's purges; their thread ends with it."""
    before, fresh = _purge._purges, _purge.Purges()
    _purge._purges = fresh
    try:
        with testing.override(EDGES=list(edges), **more):
            yield fresh
    finally:
        _purge._purges = before
        fresh.worker.stop()
        wait_until(lambda: not fresh.worker.alive)


@pytest.fixture
def edge() -> Iterator[Edge]:
    found = Edge()
    yield found
    found.close()


@pytest.mark.django_db(transaction=True)
def test_a_write_purges_after_its_commit_and_again(edge: Edge, monkeypatch: Any) -> None:
    monkeypatch.setattr(_purge, "AGAIN", 0.5)
    with purging(edge.url, DEADLINE=1):
        with transaction.atomic():
            Book.objects.create(title="x", author=author())
            inside = len(edge.times(BOOKS))
        committed = time.monotonic()
        wait_until(lambda: len(edge.times(BOOKS)) >= 3, edge.seen)
        first, second, third = edge.times(BOOKS)
        assert not inside
        assert committed + 0.4 < second
        assert committed + 0.9 < third
        assert first < second
        assert _purge.figures().failed == 0
        wait_until(lambda: _purge.figures().requests == len(edge.seen), edge.seen)


def author() -> Any:
    return Book._meta.get_field("author").related_model.objects.create(name="y")


@pytest.mark.django_db(transaction=True)
def test_by_hand(edge: Edge) -> None:
    with purging(edge.url):
        invalidate(Book)
        wait_until(lambda: edge.times(BOOKS))
        invalidate("some.page")
        wait_until(lambda: edge.times("name:some.page"))


@pytest.mark.django_db(transaction=True)
def test_who_purges_nobody_has_no_thread(edge: Edge) -> None:
    with purging() as purges:
        invalidate(Book)
        assert not purges.new
        assert not purges.worker.alive


def test_a_crowd_of_names_goes_in_batches_over_one_connection(edge: Edge) -> None:
    with purging(edge.url) as purges:
        _purge.note(f"default:t{n}" for n in range(450))
        wait_until(lambda: purges.figures.requests >= 3)
        sizes = [len(names) for _, names, _ in edge.seen[:3]]
        assert sizes == [200, 200, 51]  # and the database itself
        assert len({port for _, _, port in edge.seen[:3]}) == 1


def test_a_writer_waits_for_no_edge(edge: Edge) -> None:
    edge.gate.clear()
    with purging(edge.url):
        for _ in range(100):
            _purge.note([BOOKS])  # the edge answers nobody until the gate is opened
        assert not edge.seen
        edge.gate.set()
        wait_until(lambda: edge.times(BOOKS))


@pytest.mark.parametrize("how", ["refused", "away"])
def test_what_fails_is_tried_again(edge: Edge, how: str, caplog: Any) -> None:
    edge.status = 403
    port = edge.port
    if how == "away":
        edge.close()
    with purging(f"http://127.0.0.1:{port}") as purges:
        _purge.note([BOOKS])
        wait_until(lambda: purges.figures.failed >= 2)
        assert [r.message for r in caplog.records if f":{port} was not purged" in r.message]
        assert purges.figures.requests == 0
        back = Edge(port) if how == "away" else edge
        back.status = 200
        try:
            seen = len(back.seen)
            wait_until(lambda: back.seen[seen:] and purges.figures.requests)
            assert back.times(BOOKS)
        finally:
            if how == "away":
                back.close()
                edge.close = lambda: None  # type: ignore[method-assign]


def test_one_that_is_away_holds_no_other(edge: Edge) -> None:
    with purging("http://127.0.0.1:1", edge.url):
        for n in range(3):
            _purge.note([f"default:t{n}"])
            wait_until(lambda n=n: edge.times(f"default:t{n}"))


def test_too_much_that_waits_is_all_of_ours() -> None:
    waiting = Waiting()
    waiting.failed({"x"}, now=0.0)
    assert waiting.take(0.0) == set()
    waiting.add({str(n) for n in range(MOST_WAITING + 1)}, 0.0)
    assert waiting.take(100.0) == {key(ALL)}
    assert waiting.next is None


def test_tries_become_rare_and_never_end() -> None:
    waiting, now, gaps = Waiting(), 0.0, []
    waiting.add({"x"}, now)
    for _ in range(12):
        assert waiting.next is not None
        gaps.append(max(waiting.next - now, 0.0))
        now = max(now, waiting.next)
        assert waiting.take(now) == {"x"}
        waiting.failed({"x"}, now)
    assert gaps[:5] == [0, 0.25, 0.5, 1, 2]
    assert gaps[-1] == 60


def test_the_end_of_a_process_sends_what_waits(edge: Edge) -> None:
    with purging(edge.url) as purges:
        purges.worker.stop()
        _purge.note([BOOKS])
        purges.last()
        assert len(edge.times(BOOKS)) == 1
        purges.last()
        assert len(edge.times(BOOKS)) == 1


def test_a_fork_forgets_what_waits(edge: Edge) -> None:
    """What it is asked itself, it sends."""
    with purging(edge.url) as purges:
        purges.worker.stop()
        _purge.note(["default:parents"])
        child = os.fork()
        if not child:
            mine = _purge._purges
            _purge.note(["default:childs"])
            deadline = time.monotonic() + WAIT_SECONDS
            while not mine.figures.requests and time.monotonic() < deadline:
                time.sleep(0.005)
            os._exit(0 if mine is not purges and mine.figures.requests else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert edge.times("default:childs")
        assert not edge.times("default:parents")


def test_a_process_that_writes_and_ends(edge: Edge) -> None:
    code = f"""
import django
from django.conf import settings
settings.UNHURRIED = {{**settings.UNHURRIED, "EDGES": [{edge.url!r}]}}
django.setup()
from unhurried.cache import invalidate
invalidate("some.page")
"""
    path = os.pathsep.join(sys.path)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert edge.times("name:some.page")


# What ``edge check`` asks.


def test_what_the_site_sees_of_its_edge(client: Client) -> None:
    asked = {"REMOTE_ADDR": "10.0.0.7", "HTTP_SURROGATE_CAPABILITY": ESI}
    with testing.override(SURROGATES=["10.0.0.0/8"]):
        seen = client.get(url_of("seen", "n"), **asked)
        page = client.get(url_of("page", "n"), **asked)
    assert seen.json() == {"remote": "10.0.0.7", "capability": ESI, "believed": "esi"}
    assert seen["Cache-Control"] == "no-store"
    assert page["xkey"] == keys([tag_of("n")])
    assert page["Surrogate-Control"] == 'max-age=30, content="ESI/1.0"'
    assert "Surrogate-Control" not in client.get(url_of("page", "n"))


def test_it_is_asked_where_all_views_want_a_login(client: Client, settings: Any) -> None:
    wants = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, wants]
    for kind in ("seen", "page", "piece"):
        assert client.get(url_of(kind, "n")).status_code == 200


def test_addresses_that_are_not_ours(client: Client, monkeypatch: Any) -> None:
    ours = url_of("seen", "n")
    assert client.post(ours).status_code == 405
    for forged in (f"{ours[:-2]}/", ours.replace(":", ":x", 1), "/unhurried/edge/x:y:z/"):
        assert client.get(forged).status_code == 404
    later = time.time() + 61
    monkeypatch.setattr("django.core.signing.time.time", lambda: later)
    assert client.get(ours).status_code == 404


@pytest.mark.parametrize(("what", "name"), [("vcl", "varnish.vcl"), ("nginx", "nginx.conf")])
def test_what_is_shipped_is_printed(what: str, name: str, capsys: Any) -> None:
    text = (Path(_purge.__file__).parent / name).read_text()
    call_command("unhurried", "edge", what)
    assert capsys.readouterr().out == text
    call_command("unhurried", "edge", what, "--json")
    assert json.loads(capsys.readouterr().out) == {what: text}


@pytest.mark.parametrize("url", [[], ["/feed/"], ["ftp://a/"], ["http:///"]])
def test_a_check_wants_a_page(url: list[str]) -> None:
    with pytest.raises(CommandError, match=r"https://example\.com/"):
        call_command("unhurried", "edge", "check", *url)


# Checks.


@pytest.mark.parametrize(
    ("settings", "ids"),
    [
        ({"SURROGATES": ["127.0.0.1", "10.0.0.0/8", "::1", "unix:"]}, []),
        ({"SURROGATES": ["127.0.0.1"], "EDGES": ["http://127.0.0.1:6081", "https://e/"]}, []),
        ({"SURROGATES": ["proxy"]}, ["E207"]),
        ({"SURROGATES": ["10.0.0.1/8", 7]}, ["E207", "E207"]),
        ({"SURROGATES": ["0.0.0.0/0"]}, ["W206"]),
        ({"SURROGATES": "127.0.0.1"}, ["E002"]),
        ({"EDGES": ["http://127.0.0.1:6081"]}, ["W206"]),
        (
            {
                "SURROGATES": ["::1"],
                "EDGES": ["127.0.0.1:6081", "http://a/b", "http://a:x", 7, "ftp://a", "http://"],
            },
            ["E207"] * 6,
        ),
    ],
)
def test_checks(settings: dict[str, Any], ids: list[str], store: Any) -> None:
    with testing.override(**settings):
        found = [
            each for each in run_checks() if each.id and each.id[-4:] in ("E207", "W206", "E002")
        ]
    assert [str(each.id)[-4:] for each in found] == ids
    assert all(each.hint for each in found)
