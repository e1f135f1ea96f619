"""Slides 22 to 25 by a real Varnish and a real nginx: one page for all that greets each."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from threading import Thread

import pytest

from tests import servers

from .edges import Answer, Origin, get, nginx_conf, origin, vcl, wait_until
from .test_edges import PROMISED, Site

#: Of an include; what somebody typed is shown as it is where no edge reads it.
LEFT = "unhurried/f/"


@pytest.fixture(scope="module")
def varnish(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("varnish"), servers.free_port()
    with (
        origin(folder, f"http://127.0.0.1:{port}", site="fragment_site") as site,
        servers.varnish(vcl(site.port), port=port),
    ):
        write(site, "One")
        yield Site(port, site, folder)


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("nginx"), servers.free_port()
    with (
        origin(folder, site="fragment_site") as site,
        servers.nginx(nginx_conf(site.port, port), port),
    ):
        write(site, "One")
        yield Site(port, site, folder)


@pytest.fixture(params=["varnish", "nginx"])
def edge(request: pytest.FixtureRequest) -> Site:
    return request.getfixturevalue(request.param)


def write(site: Origin, title: str) -> None:
    """Past the edge: who writes through it sees his own write at once."""
    assert get(site.port, f"/write/{title}/", "POST").text == "written"


def visitor(site: Site, name: str) -> dict[str, str]:
    """A visitor's headers; nobody's are empty."""
    if not name:
        return {}
    answer = get(site.origin.port, f"/login/{name}/")
    cookies = answer.headers.get_all("Set-Cookie", [])
    return {"Cookie": "; ".join(each.partition(";")[0] for each in cookies)}


def settled(site: Site, path: str, **headers: str) -> Answer:
    """Once the purges of an earlier write, which are sent again for two seconds, are over."""
    missed = time.monotonic()

    def quiet() -> bool:
        nonlocal missed
        if site.get(path, **headers).headers["X-Cache"] != "hit":
            missed = time.monotonic()
        return time.monotonic() - missed > 2.5

    wait_until(quiet)
    return site.get(path, **headers)


@pytest.mark.parametrize("by", ["auto", "esi", "ssi", "phased"])
def test_each_is_greeted_and_nothing_is_left_of_the_includes(edge: Site, by: str) -> None:
    for name, said in (("ada", "Hello, ada (16)"), ("bob", "Hello, bob (16)"), ("", "Log in")):
        for _ in range(2):
            answer = edge.get(f"/page/{by}/", **visitor(edge, name))
            assert answer.status == 200
            assert f"<div>{said}</div>" in answer.text
            assert f"<p>{len(name)}</p>" in answer.text
            assert LEFT not in answer.text
            assert "Surrogate-Control" not in answer.headers
            assert "private" in answer.headers["Cache-Control"]
    assert edge.origin.hits("evil") == 0


def test_the_bytes_are_the_same_in_each_composition(varnish: Site, nginx: Site) -> None:
    """But for what somebody typed, which an edge must not be shown as it is."""
    for name in ("ada", ""):
        found = set()
        for site in (varnish, nginx):
            who = visitor(site, name)
            for by in ("phased", "esi", "ssi", "auto"):
                found.add(site.get(f"/page/{by}/", **who).text)
                found.add(get(site.origin.port, f"/page/{by}/", **who).text)
            found.add(get(site.origin.port, "/bare/inline/", **who).text)
        plain = {re.sub(r"(<|&lt;)(esi:|!--#)", r"<\2", text) for text in found}
        titles = {re.sub(r"<ul>.*</ul>", "", text, flags=re.DOTALL) for text in plain}
        assert len(titles) == 1


def test_varnish_asks_for_the_pieces_alone(varnish: Site) -> None:
    settled(varnish, "/page/auto/")
    before, pieces = varnish.origin.hits("page"), varnish.origin.hits("hello")
    for name in ("ada", "bob", ""):
        who = visitor(varnish, name)
        for _ in range(3):
            assert varnish.get("/page/auto/", **who).headers["X-Cache"] == "hit"
    assert varnish.origin.hits("page") == before
    assert varnish.origin.hits("hello") == pieces + 9


def test_a_commit_purges_the_page(varnish: Site, record_property: pytest.RecordProperty) -> None:
    ada = visitor(varnish, "ada")
    settled(varnish, "/page/auto/", **ada)
    write(varnish.origin, "Purged")
    began = time.monotonic()
    wait_until(lambda: "Purged" in varnish.get("/page/auto/", **ada).text, 5 * PROMISED)
    took = time.monotonic() - began
    record_property("seconds until the page was new", round(took, 4))


def test_logging_out_is_seen_at_once(edge: Site) -> None:
    ada = visitor(edge, "ada")
    assert "Hello, ada" in edge.get("/page/auto/", **ada).text
    get(edge.origin.port, "/logout/", **ada)
    assert "Log in" in edge.get("/page/auto/", **ada).text


def test_nobody_sees_anothers_in_a_crowd(edge: Site) -> None:
    wrong: list[str] = []

    def ask(number: int) -> None:
        name = f"crowd{number}x"
        who = visitor(edge, name)
        for n in range(30):
            if n == 10 and not number:
                write(edge.origin, "Meanwhile")
            text = edge.get(f"/page/{('auto', 'phased')[n % 2]}/", **who).text
            if re.findall(r"crowd\d+x", text) != [name]:
                wrong.append(text)

    threads = [Thread(target=ask, args=(n,)) for n in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong, wrong[0]


def test_a_forged_capability_shows_no_includes(edge: Site) -> None:
    forged = {"Surrogate_Capability": 'x="ESI/1.0"'}
    answer = edge.get("/page/auto/", **forged, **visitor(edge, "ada"))
    assert "Hello, ada" in answer.text
    assert LEFT not in answer.text
