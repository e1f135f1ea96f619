"""Real Varnish and nginx, with the configuration that is shipped, before a site under gunicorn."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest

from tests import servers
from unhurried.cache._edges._surrogate_keys import key

from .edges import PATH, Answer, Origin, get, nginx_conf, origin, vcl, wait_until

JSON_TOO = "feature=+esi_disable_xml_check"
BETWEEN = ("Surrogate-Control", "Surrogate-Key", "xkey")
PROMISED, PATIENCE = 1.0, 5.0  # seconds


@dataclass
class Site:
    """An edge's port, and what is behind it."""

    port: int
    origin: Origin
    folder: Path

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        return get(self.port, path, method, **headers)

    def change(self) -> None:
        """Past the edge, and not as its client: its cookie is nobody's."""
        assert get(self.origin.port, "/write/", "POST").text == "written"


@pytest.fixture(scope="module")
def varnish(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("varnish"), servers.free_port()
    with (
        origin(folder, f"http://127.0.0.1:{port}") as site,
        servers.varnish(vcl(site.port), JSON_TOO, port=port),
    ):
        yield Site(port, site, folder)


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder, port = tmp_path_factory.mktemp("nginx"), servers.free_port()
    with origin(folder) as site, servers.nginx(nginx_conf(site.port, port), port):
        yield Site(port, site, folder)


@pytest.fixture(params=["varnish", "nginx"])
def edge(request: pytest.FixtureRequest) -> Site:
    return request.getfixturevalue(request.param)


# Keeping.


def settled(site: Site, path: str, **headers: str) -> Answer:
    """Once it is a hit: purges of the write before it, sent again, are over."""
    first = site.get(path, **headers)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        again = site.get(path, **headers)
        if again.headers["X-Cache"] == "hit" and again.body == first.body:
            return again
        first = again
    raise AssertionError(f"never kept: {first}")


def test_one_page_for_all(varnish: Site) -> None:
    kept = settled(varnish, "/page/")
    before = varnish.origin.hits("page")
    for who in ("a", "b", "c"):
        assert varnish.get("/page/", Cookie=f"who={who}; sessionid={who}").body == kept.body
    assert varnish.get("/page/", "HEAD").status == 200
    assert varnish.origin.hits("page") == before


def test_what_is_between_us_stays_there(edge: Site) -> None:
    for path in ("/page/", "/page/", "/whole/html/", "/typed/html/"):
        found = edge.get(path)
        assert found.status == 200
        assert not [name for name in BETWEEN if name in found.headers]


def test_what_has_no_label_is_nobody_elses(varnish: Site) -> None:
    seen = [varnish.get("/private/", Cookie=f"who=u{n}") for n in range(6)]
    assert [each.text.partition(",")[0] for each in seen] == [f"<p>u{n}" for n in range(6)]
    assert len({each.text for each in seen}) == 6


def test_nobody_gets_anothers_in_a_crowd(edge: Site) -> None:
    wrong: list[str] = []

    def ask(who: int) -> None:
        for _ in range(20):
            for path in ("/private/", "/whole/html/"):
                text = edge.get(path, Cookie=f"who=u{who}x").text
                if f"u{who}x" not in text:
                    wrong.append(text)

    threads = [Thread(target=ask, args=(n,)) for n in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/setting/", {}),
        ("/personal/", {}),
        ("/page/", {"Authorization": "Basic eA=="}),
        ("/page/", {"Cookie": "a=b; unhurried_wrote=1"}),
    ],
)
def test_what_is_not_kept(varnish: Site, path: str, headers: dict[str, str]) -> None:
    settled(varnish, "/page/")
    bodies = [varnish.get(path, **headers).body for _ in range(3)]
    assert len(set(bodies)) == 3


def test_a_page_is_not_asked_for_by_its_etag(varnish: Site) -> None:
    """The answer would be a 304, and the page keep the names of what it was once made of."""
    first = varnish.get("/unchanged/")
    later = wait_until(
        lambda: (a := varnish.get("/unchanged/")).headers["ETag"] != first.headers["ETag"] and a
    )
    assert later.text == "<p>None</p>"


def test_languages_lie_apart(varnish: Site) -> None:
    for language in ("de", "fr", "de"):
        assert varnish.get("/spoken/", Accept_Language=language).text == f"<p>{language}</p>"


def test_a_language_that_is_chosen_lies_apart(varnish: Site) -> None:
    for chosen in ("it", "es", "it"):
        cookie = f"a=b; django_language={chosen}; c=d"
        found = varnish.get("/spoken/", Accept_Language="nl", Cookie=cookie)
        assert found.text == f"<p>{chosen}</p>"
    assert varnish.get("/spoken/", Accept_Language="nl").text == "<p>nl</p>"


@pytest.mark.parametrize("space", [" ", "\xc2\xa0", "\xc2\x85"], ids=["plain", "a0", "85"])
def test_a_language_that_is_said_oddly_is_nobody_elses(varnish: Site, space: str) -> None:
    """Django strips what no expression of Varnish's knows for a space."""
    odd = f"django_language{space}=pt" if space == " " else f"a=b;{space}django_language=pt; c=d"
    for cookie in (odd, f"django_language=sv; {odd}"):
        found = varnish.get("/spoken/", Accept_Language="da", Cookie=cookie)
        assert (found.text, found.headers["X-Cache"]) == ("<p>pt</p>", "miss")
        assert varnish.get("/spoken/", Accept_Language="da").text == "<p>da</p>"
        assert varnish.get("/spoken/", Accept_Language="da", Cookie=cookie).text == "<p>pt</p>"


def test_http_and_https_are_two_and_no_more(varnish: Site) -> None:
    kept = settled(varnish, "/page/")
    assert varnish.get("/page/", X_Forwarded_Proto="gopher").body == kept.body
    assert varnish.get("/page/", X_Forwarded_Proto="https").body != kept.body


def test_hosts_lie_apart(varnish: Site) -> None:
    settled(varnish, "/page/", Host="one.example")
    before = varnish.origin.hits("page")
    varnish.get("/page/", Host="two.example")
    assert varnish.origin.hits("page") == before + 1


# Purging.


def test_a_commit_is_seen_within_a_second(
    varnish: Site, record_property: Callable[[str, object], None]
) -> None:
    old = settled(varnish, "/page/")
    varnish.change()
    began = time.monotonic()
    new = wait_until(lambda: (a := varnish.get("/page/")).body != old.body and a, PATIENCE)
    took = time.monotonic() - began
    record_property("figures", f"purged after {took * 1e3:.1f} ms")
    sys.stdout.write(f"\npurged after {took * 1e3:.1f} ms\n")
    assert took < PROMISED
    assert new.text.split()[0] != old.text.split()[0]


def test_an_answer_that_a_purge_has_overtaken(varnish: Site) -> None:
    """Made before the commit, kept after the purge: the next purge takes it."""
    settled(varnish, "/page/")
    hold, before = varnish.folder / "hold", varnish.origin.hits("held")
    hold.touch()
    late: list[Answer] = []
    thread = Thread(target=lambda: late.append(varnish.get("/held/")))
    thread.start()
    wait_until(lambda: varnish.origin.hits("held") > before)
    old = varnish.get("/page/").body
    varnish.change()
    wait_until(lambda: varnish.get("/page/").body != old)
    hold.unlink()
    thread.join()
    wait_until(lambda: varnish.get("/held/").body != late[0].body, PATIENCE)


def test_only_who_is_in_the_acl_purges(varnish: Site) -> None:
    kept = settled(varnish, "/page/")
    from_afar = varnish.get("/", "PURGE", xkey_purge="x", X_Forwarded_For="192.0.2.1")
    assert from_afar.status == 403
    assert varnish.get("/", "PURGE").status == 400
    assert varnish.get("/", "PURGE", xkey_purge="nothing").status == 200
    assert varnish.get("/page/").body == kept.body


def test_who_is_not_in_the_acl(varnish: Site) -> None:
    other = vcl(varnish.origin.port).replace('    "127.0.0.1";\n', "", 1)
    with servers.varnish(other) as server:
        assert get(server.port, "/", "PURGE", xkey_purge="x").status == 403


# The origin is down.


def test_old_pages_while_the_origin_is_down(tmp_path: Path) -> None:
    port = servers.free_port()
    with origin(tmp_path) as site, servers.varnish(vcl(site.port), port=port):
        edge = Site(port, site, tmp_path)
        made = [edge.get("/short/").body for _ in range(2)]
        assert made[0] == made[1]
        newer = wait_until(lambda: (a := edge.get("/short/")).body != made[0] and a)
        assert newer.headers["X-Cache"] == "miss"  # up: whoever comes first waits for the new one
        site.end()
        wait_until(lambda: int(edge.get("/short/").headers["Age"]) >= 2)  # kept for 1 s
        old = edge.get("/short/")
        assert (old.status, old.body) == (200, newer.body)
        gone = edge.get("/private/")
        assert gone.status == 503
        assert "X-Unhurried-Down" not in gone.headers
        with origin(tmp_path, port=site.port):
            assert edge.get("/private/").status == 200
            wait_until(lambda: edge.get("/short/").body != newer.body)


def test_old_pages_while_the_origin_hangs(tmp_path: Path) -> None:
    """The probe knows it before anybody waits."""
    port = servers.free_port()
    with origin(tmp_path) as site:
        probe = '.probe = { .url = "/hits/"; .interval = 100ms; .timeout = 300ms; '
        probe += ".window = 3; .threshold = 2; .initial = 3; }"
        text = vcl(site.port).replace("# With a probe", f"{probe}\n# With a probe", 1)
        with servers.varnish(text, port=port):
            edge = Site(port, site, tmp_path)
            old = edge.get("/short/")
            site.tell(signal.SIGSTOP)
            try:
                found = wait_until(lambda: int((a := edge.get("/short/")).headers["Age"]) > 1 and a)
                assert (found.status, found.body) == (200, old.body)
            finally:
                site.tell(signal.SIGCONT)
            wait_until(lambda: edge.get("/short/").body != old.body)


def test_what_was_purged_is_gone_though_the_origin_is_down(tmp_path: Path) -> None:
    port = servers.free_port()
    with (
        origin(tmp_path, f"http://127.0.0.1:{port}") as site,
        servers.varnish(vcl(site.port), port=port),
    ):
        edge = Site(port, site, tmp_path)
        old = settled(edge, "/page/")
        edge.change()
        wait_until(lambda: edge.get("/page/").body != old.body)
        assert get(port, "/", "PURGE", xkey_purge=key("default:books_book")).status == 200
        site.end()
        assert edge.get("/page/").status == 503


# Composing.


def test_a_page_is_composed_for_each(edge: Site) -> None:
    for who in ("jacob", "mara", "jacob"):
        found = edge.get("/whole/html/", Cookie=f"who={who}")
        assert found.text.endswith(f": hello {who}</p>")
    assert get(edge.origin.port, "/whole/html/").text.endswith(": [/piece/]</p>")


def test_varnish_keeps_the_frame_and_asks_for_the_piece(varnish: Site) -> None:
    settled(varnish, "/whole/html/")
    frames, pieces = varnish.origin.hits("whole-html"), varnish.origin.hits("piece")
    for who in range(5):
        assert f"hello {who}<" in varnish.get("/whole/html/", Cookie=f"who={who}").text
    assert varnish.origin.hits("whole-html") == frames
    assert varnish.origin.hits("piece") == pieces + 5


def test_a_frame_that_is_unchanged_is_no_page_that_is(edge: Site) -> None:
    """Its ETag says nothing of the pieces."""
    found = edge.get("/whole/html/", Cookie="who=a", If_None_Match='"whole"')
    assert found.status == 200
    assert "hello a" in found.text
    assert "ETag" not in found.headers


def test_json_is_composed_where_varnish_is_told_so(varnish: Site) -> None:
    found = varnish.get("/whole/json/", Cookie="who=a")
    assert json.loads(found.text)["x"] == "hello a"


def test_compressed(edge: Site) -> None:
    found = edge.get("/whole/html/", Cookie="who=a", Accept_Encoding="gzip")
    plain = gzip.decompress(found.body) if found.headers["Content-Encoding"] else found.body
    assert plain.decode().endswith(": hello a</p>")


# What others would like it to do.


@pytest.mark.parametrize("forged", ['x="ESI/1.0"', 'unhurried="SSI/1.0", y="ESI/1.0"', ""])
def test_a_forged_capability_does_not_arrive(edge: Site, forged: str) -> None:
    found = json.loads(edge.get("/seen/", Surrogate_Capability=forged).text)
    wanted = {"esi": 'unhurried="ESI/1.0"', "ssi": 'unhurried="SSI/1.0"'}
    assert found["HTTP_SURROGATE_CAPABILITY"] == wanted[found["trusted"]]


@pytest.mark.parametrize("listed", ["Surrogate-Capability", "close, surrogate-capability"])
def test_a_capability_is_not_taken_out_on_its_way(edge: Site, listed: str) -> None:
    assert json.loads(edge.get("/seen/", Connection=listed).text)["trusted"]


@pytest.mark.parametrize("how", ["html", "json"])
def test_what_was_typed_is_text(edge: Site, how: str) -> None:
    """Though the answer says that it is to be composed."""
    before = edge.origin.hits("evil")
    found = edge.get(f"/typed/{how}/")
    assert "EVIL" not in found.text
    assert edge.origin.hits("evil") == before
    assert "esi:include" in found.text
    if how == "json":
        assert json.loads(found.text)["comment"].startswith("<esi:include src=")


def test_nginx_composes_whatever_is_html(nginx: Site) -> None:
    """It can't be told by the answer: so each that goes through our middleware is made harmless."""
    assert "EVIL" in nginx.get("/typed/meant/").text
    assert "EVIL" not in nginx.get("/typed/raw/").text


def test_varnish_composes_nothing_that_does_not_say_so(varnish: Site) -> None:
    found = varnish.get("/typed/raw/")
    assert '<esi:include src="//127.0.0.1/evil/"/>' in found.text
    assert varnish.origin.hits("evil") == 0


# edge check.


def check(site: Site, url: str, *options: str, purges: str = "") -> tuple[int, str]:
    """As an administrator runs it, in a process of its own."""
    code = (
        "import sys, tests.services.edge_site; from django.core.management import ManagementUtility"
    )
    code += (
        "; ManagementUtility(['manage.py', 'unhurried', 'edge', 'check', *sys.argv[1:]]).execute()"
    )
    more = {"EDGE_FOLDER": str(site.folder), "EDGE_PURGES": purges, "PYTHONPATH": PATH}
    argv = [sys.executable, "-c", code, url, *options]
    done = subprocess.run(
        argv, env={**os.environ, **more}, capture_output=True, text=True, check=False
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def states(out: str) -> dict[str, str]:
    return {each["name"]: each["state"] for each in json.loads(out)["steps"]}


def test_varnish_is_wired_right(varnish: Site) -> None:
    url = f"http://127.0.0.1:{varnish.port}"
    code, out = check(varnish, f"{url}/whole/html/", purges=url)
    sys.stdout.write(f"\n{out}")
    assert code == 0, out
    assert len(out.splitlines()) == 8
    code, out = check(varnish, f"{url}/whole/html/", "--json", purges=url)
    assert (code, set(states(out).values())) == (0, {"ok"})


def test_nginx_is_wired_right(nginx: Site) -> None:
    code, out = check(nginx, f"http://127.0.0.1:{nginx.port}/whole/html/")
    sys.stdout.write(f"\n{out}")
    assert code == 0, out
    assert out.count("skipped") == 2


def test_nobody_in_front(varnish: Site) -> None:
    code, out = check(varnish, f"http://127.0.0.1:{varnish.origin.port}/page/", "--json")
    assert code == 1
    assert states(out) == {"reached": "ok", "origin": "ok", "believed": "not"}


def test_nobody_at_all(varnish: Site) -> None:
    code, out = check(varnish, "http://127.0.0.1:1/", "--json")
    assert (code, states(out)) == (1, {"reached": "not"})


NOT_UNSET = 'set req.http.Surrogate-Capability = {"unhurried="ESI/1.0""};'


@pytest.mark.parametrize(
    ("before", "after", "wrong"),
    [
        (NOT_UNSET, "", {"believed": "not"}),
        (
            NOT_UNSET,
            NOT_UNSET.replace("set", "if (!req.http.Surrogate-Capability) { set") + " }",
            {"forged": "not"},
        ),
        ("set beresp.do_esi = true;", "", {"composed": "not"}),
        (
            "&& beresp.status == 200",
            "&& beresp.status == 201",
            {"shared": "not", "purged": "skipped"},
        ),
        ('    "127.0.0.1";\n', "", {"purged": "not"}),
        ("unset resp.http.xkey;", "", {"clean": "not"}),
    ],
)
def test_what_is_wired_wrong_is_named(
    varnish: Site, before: str, after: str, wrong: dict[str, str]
) -> None:
    text = vcl(varnish.origin.port)
    assert before in text
    with servers.varnish(text.replace(before, after, 1)) as server:
        url = f"http://127.0.0.1:{server.port}"
        code, out = check(varnish, f"{url}/page/", "--json", purges=url)
    found = {name: state for name, state in states(out).items() if state != "ok"}
    assert (code, found) == (1, wrong)
    ways = [each["way_out"] for each in json.loads(out)["steps"] if each["state"] == "not"]
    assert all(ways)


def test_an_edge_that_is_not_purged(varnish: Site) -> None:
    url = f"http://127.0.0.1:{varnish.port}"
    for purges in ("", "http://127.0.0.1:1"):
        code, out = check(varnish, f"{url}/page/", "--json", purges=purges)
        assert code == 1
        assert states(out)["purged"] == "not"
