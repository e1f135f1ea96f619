"""The judge: each cause by name and share from a window in which it is the only one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.diagnose.windows import (
    CROWD,
    MS,
    QUIET,
    client,
    healthy,
    lanes,
    replace_all,
    route,
    sample,
    sighting,
    statement,
    unit,
    vital,
)
from unhurried.diagnose import _pace, _remedies, _verdict_text
from unhurried.diagnose._asking import ledger_of, of
from unhurried.diagnose._verdict import (
    CAUSES,
    CONTENTION,
    DATABASE,
    FRONT_END,
    NETWORK,
    OWN_BUGS,
    SERVERS,
    TEMPLATES,
    THIRD_PARTY,
    THREADS,
    TRAFFIC,
)
from unhurried.measure._window import _floors
from unhurried.measure.reading import Process, Window


def pages(**feed):
    """The healthy site with another feed."""
    return {unit("feed/"): route(**feed), unit("books/"): route()}


def front_end():
    rows = [vital("feed/", "front", 3.0), vital("books/", "front", 0.1), vital("feed/", "lcp", 4.0)]
    return healthy(vitals=rows)


def database():
    slow = statement("feed/", "SELECT heavy", each=60, least=55, lines=("pins/views.py:9",))
    return healthy(
        units=pages(wall=68, db=62), statements=[slow, statement("feed/"), statement("books/")]
    )


def cores():
    units = {unit("feed/"): route(wall=30, cpu=8), unit("books/"): route(wall=30, cpu=8)}
    return healthy(units=units, process=QUIET | {"waited": 33_000 * MS})


def locks():
    blocked = statement("feed/", "UPDATE t SET n = 1 WHERE id = 2", each=50, least=0.5)
    rows = [blocked, statement("feed/"), statement("books/")]
    return healthy(units=pages(wall=58, db=52, unsafe=500), statements=rows)


def interpreter():
    late = QUIET | {"beats": 900, "late": 20_000 * MS, "busy": 60_000 * MS}
    return healthy(units=pages(wall=60, cpu=10, template=40), process=late)


def traffic():
    units = {unit("feed/"): route(wall=30), unit("books/"): route(wall=30)}
    return healthy(units=units, clients=[*CROWD, client(99, 12_000, requests=3000)], samples=[])


def network():
    far = [statement(name, count=4000, each=6.3, least=6.2) for name in ("feed/", "books/")]
    units = {unit("feed/"): route(wall=31, db=25), unit("books/"): route(wall=31, db=25)}
    return healthy(units=units, statements=far, floors={"default": 6.3 * MS})


def raising():
    return healthy(units=pages(errors=200, exceptions=200, status_500=200))


def raising_package():
    raised = sample("feed/", "error", "pins/views.py:31", "CardError in slowpoke", ms=0, count=150)
    own = sample("feed/", "error", "pins/views.py:9", "KeyError", ms=0, count=50)
    return replace(raising(), samples=[raised, own])


def loop():
    rows = [statement("feed/", "LOOP", count=100_000), statement("feed/"), statement("books/")]
    return healthy(
        units=pages(wall=60, db=32, template=24),
        statements=rows,
        sightings=[sighting("feed/", "pins/feed.html:10", 100_000)],
    )


def line():
    looks = [sample("feed/", "view", "pins/views.py:31", ms=60_000, count=900)]
    return healthy(units=pages(wall=68, cpu=65), samples=looks)


def package():
    looks = [
        sample("feed/", "package", "pins/views.py:31", "slowpoke", ms=60_000, count=900),
        sample("feed/", "template", "pins/feed.html:2", ms=3000, count=40),
    ]
    return healthy(units=pages(wall=68), samples=looks)


def other_server():
    looks = [sample("feed/", "http", "pins/views.py:31", "requests", ms=60_000, count=900)]
    return healthy(units=pages(wall=68, http=60), samples=looks)


def templates():
    looks = [sample("feed/", "template", "pins/feed.html:2", ms=60_000, count=900)]
    return healthy(units=pages(wall=68, template=63, cpu=65), samples=looks)


def debug():
    own = Process(pid=1, born=0, threads=4, most_busy=2, server=3, debug=True)
    return healthy(processes=[own])


def connects():
    anew = {"connects": 1000, "connecting": 3600 * MS}
    return healthy(units=pages(**anew) | {unit("books/"): route(**anew)})


def threads():
    busy = QUIET | {"late": 0, "busy": 240_000 * MS}
    units = {unit("feed/"): route(queue=70, wall=60), unit("books/"): route(queue=70, wall=60)}
    return healthy(units=units, process=busy)


FAULTS = {
    "front end": (front_end, FRONT_END, 0.99),
    "database": (database, DATABASE, 0.78),
    "cores": (cores, CONTENTION, 0.66),
    "locks": (locks, CONTENTION, 0.75),
    "interpreter": (interpreter, CONTENTION, 0.70),
    "traffic": (traffic, TRAFFIC, 0.60),
    "network": (network, NETWORK, 0.75),
    "raising": (raising, OWN_BUGS, 0.10),
    "raising package": (raising_package, THIRD_PARTY, 0.10),
    "loop": (loop, OWN_BUGS, 0.81),
    "line": (line, OWN_BUGS, 0.79),
    "package": (package, THIRD_PARTY, 0.80),
    "other server": (other_server, THIRD_PARTY, 0.84),
    "templates": (templates, TEMPLATES, 0.80),
    "debug": (debug, SERVERS, 0.0),
    "connects": (connects, SERVERS, 0.57),
    "threads": (threads, THREADS, 0.54),
}


@pytest.mark.parametrize("name", FAULTS, ids=str)
def test_a_fault_is_told_by_name_and_share(name):
    make, cause, share = FAULTS[name]
    verdict = of(make())
    assert verdict.state == "slow"
    first = verdict.findings[0]
    assert first.cause == cause, [(each.cause, each.share) for each in verdict.findings]
    assert first.share == pytest.approx(share, abs=0.10)
    assert first.title in verdict.said


@pytest.mark.parametrize("name", FAULTS, ids=str)
def test_a_finding_is_whole(name):
    for cause in of(FAULTS[name][0]()).findings:
        assert cause.cause in CAUSES
        assert cause.evidence
        assert cause.where
        assert cause.advice
        assert cause.verify
        assert 0 <= cause.share <= 1
        assert cause.expected is None or 0 <= cause.expected <= 1
        assert json.loads(json.dumps(cause.as_dict()))["title"] == cause.title


@pytest.mark.parametrize("name", FAULTS, ids=str)
def test_a_verdict_is_read_in_any_width(name):
    verdict = of(FAULTS[name][0]())
    for width in (40, 80, 200):
        lines = list(_verdict_text.lines(verdict, width, colour=False))
        assert max(map(len, lines)) <= width
        assert verdict.findings[0].title.split()[0] in " ".join(lines)


def test_a_front_end_gains_of_what_browsers_take():
    [found] = of(front_end()).findings
    assert found.mean == pytest.approx(3.0 + 0.0081)
    assert found.relief == pytest.approx((3.0 - 0.75) / found.mean)
    lines = " ".join(_verdict_text.lines(of(front_end()), 200, colour=False))
    assert "expected: 3.0 s -> 758 ms of each visit" in lines


def test_as_many_threads_as_are_there_are_not_asked_for():
    """Enough by what they do, though requests have waited 20 ms for them, in bursts."""
    many = [replace(each, threads=20) for each in healthy().processes]
    busy = QUIET | {"busy": 12 * 60_000 * MS}
    window = healthy(units=pages(wall=200, http=190, queue=20), samples=[], process=busy)
    keys = [cause.key for cause in of(replace(window, processes=many)).findings]
    assert "threads" not in keys
    few = [replace(each, threads=16) for each in many]
    keys = [cause.key for cause in of(replace(window, processes=few)).findings]
    assert "threads" in keys


def test_no_time_has_passed():
    """A clock was set back; what the machine tells is of the time since the store was made."""
    window = replace(cores(), seconds=0.0, host={"cpu": 60e6})
    [found] = [cause for cause in of(window).findings if cause.key == "cores"]
    assert "somebody waited for cpu 100 % of the time (PSI)" in found.evidence


@pytest.mark.parametrize(
    ("name", "remedy", "verify"),
    [
        ("feed/", "diagnose --url /feed/", "diagnose --url /feed/"),
        ("a&b;c/", "diagnose --url '/a&b;c/'", "diagnose --url '/a&b;c/'"),
        ("user/<int:pk>/", "queries", "diagnose --minutes 10"),
        (r"^user/(\d+)/$", "queries", "diagnose --minutes 10"),
        ("^feed/$", "queries", "diagnose --minutes 10"),
        ("(none)", "queries", "diagnose --minutes 10"),
        ("(other)", "queries", "diagnose --minutes 10"),
    ],
    ids=str,
)
def test_commands_are_typed_as_they_stand(name, remedy, verify):
    window = healthy(
        units={unit(name): route(wall=60, db=32, template=24)},
        statements=[statement(name, "LOOP", count=100_000), statement(name)],
        sightings=[sighting(name, "pins/feed.html:10", 100_000)],
        samples=[],
    )
    [found] = of(window).findings
    assert found.remedy == [f"manage.py unhurried {remedy}"]
    assert found.verify == f"manage.py unhurried {verify}"
    assert ("diagnose --url with its path" in found.advice) == (remedy == "queries")


def test_a_few_that_say_ten_minutes_are_not_the_sites_time():
    """Ten of two thousand; there are eight threads, of which a third of one is busy."""
    slow = healthy(units=pages(wall=200, template=180), statements=[], samples=[])
    forged = replace(slow, units=pages(wall=200, template=180, queue=10 * 599))
    honest, verdict = of(slow), of(forged)
    assert [each.key for each in verdict.findings] == [each.key for each in honest.findings]
    assert verdict.parts["queue"] == pytest.approx(1.5 * 208)
    assert sum(verdict.parts.values()) == pytest.approx(verdict.time)
    assert any("X-Request-Start says that requests waited 5,990 s" in n for n in verdict.notes)
    assert not any("X-Request-Start" in note for note in honest.notes)


@pytest.mark.parametrize("more", ["busy", "short of cores", "unknown"])
def test_a_queue_that_can_be_is_believed(more):
    window = healthy(units=pages(queue=100))
    process = {"busy": {"busy": 5 * 30_000 * MS}, "short of cores": {"waited": 20_000 * MS}}
    window.process = QUIET | process.get(more, {})
    if more == "unknown":
        window.processes = []
    assert of(window).parts["queue"] == pytest.approx(100.1)


def test_a_healthy_site_has_nothing_to_fix():
    verdict = of(healthy())
    assert (verdict.state, verdict.findings) == ("fine", [])
    assert verdict.said == "Nothing to fix"
    assert "the slowest is /" in " ".join(_verdict_text.lines(verdict, 99, colour=False))
    assert verdict.slowest is not None
    assert verdict.slowest[1] == pytest.approx(0.0081)


@pytest.mark.parametrize(("units", "said"), [(3, "3 units of work are"), (1, "1 unit of work is")])
def test_a_site_that_only_works_off_tasks_is_told_where_they_are(units, said):
    window = healthy(units={("unit", "task:mail"): route(requests=units)})
    verdict = of(window)
    assert verdict.state == "not enough data"
    assert verdict.said == f"No request measured yet; {said} in manage.py unhurried top."


def test_who_wants_more_is_told_of_less():
    window = healthy(units=pages(wall=15, template=12))
    assert of(window).findings == []
    titles = [finding.title for finding in of(window, worth=0.005).findings]
    assert "The templates of /feed/ take 12 ms of each page" in titles


def test_the_parts_add_up_to_users_time():
    for make, _, _ in FAULTS.values():
        verdict = of(make())
        assert sum(verdict.parts.values()) == pytest.approx(verdict.time)


@pytest.mark.parametrize(
    ("name", "paths", "new", "ratio"),
    [
        ("feed/", 0, 0, 0.999),
        ("feed/", 100, 25, 0.799),  # eight times as many with a query; a quarter of those new
        ("search/", 125, 125, 0.0),
        ("user/<int:pk>/", 125, 25, 0.8),
        ("user/<int:pk>/", 19, 0, None),
        (r"^user/(?P<pk>\d+)/$", 125, 25, 0.8),
        (r"^user/(\d+)/$", 125, 125, 0.0),
        (r"^user/(\d+)/$", 0, 0, None),
        (r"^docs/.*$", 0, 0, None),
        ("(none)", 125, 25, None),
        ("(other)", 125, 25, None),
    ],
    ids=str,
)
def test_what_a_kept_page_would_hit(name, paths, new, ratio):
    window = healthy(units={unit(name): route(wall=300, template=250, paths=paths, paths_new=new)})
    [here] = ledger_of(window).routes
    assert _remedies.hit_ratio(here) == (ratio if ratio is None else pytest.approx(ratio))
    [found] = of(replace(window, statements=[], samples=[])).findings
    assert ("@cached_page(600)" in found.remedy) == (ratio is not None and ratio > 0.3)


@pytest.mark.parametrize("requests", [0, 1, 49], ids=str)
def test_too_little_is_said_to_be_so(requests):
    units = {unit("feed/"): route(requests=requests, wall=5000)} if requests else {}
    verdict = of(Window(0.0, 10.0, whole=True, units=units))
    assert verdict.state == "not enough data"
    assert not verdict.findings
    assert str(requests) in verdict.said or not requests


def test_many_small_loops_are_one_large_fault():
    names = [f"page{n}/" for n in range(15)]
    found = replace(
        healthy(),
        units={unit(name): route(wall=60, db=20) for name in names},
        sightings=[sighting(name, f"{name}x.html:1", 60_000) for name in names],
        statements=[statement(name, "LOOP", count=60_000) for name in names],
        samples=[],
    )
    verdict = of(found)
    assert verdict.findings[0].cause == OWN_BUGS
    assert verdict.findings[0].share < 0.1
    assert verdict.said.startswith("Own bugs in 15 places: ")


def test_a_loop_in_a_loop_promises_no_more_than_the_page():
    inner = sighting("feed/", "views.py:9", 494_000)
    outer = sighting("feed/", "views.py:6", 12_000, relation="books.Publisher.books")
    found = replace(
        healthy(),
        units={unit("feed/"): route(wall=500, db=152, template=5)},
        statements=[statement("feed/", "LOOP", count=506_000)],
        sightings=[inner, outer],
        samples=[sample("feed/", "view", "views.py:6", ms=300, count=3)],  # few, and all of it
    )
    (finding,) = of(found).findings  # the outer one's share is a trifle
    assert finding.where[0] == "views.py:9"
    assert finding.gain == pytest.approx(0.345, abs=0.01)


def test_where_python_takes_longer_a_loop_promises_more():
    """Of the same hundred queries a page, their 0.4 ms of Python count twice."""
    window = replace(
        healthy(),
        units={unit("feed/"): route(wall=200, db=30, template=160)},
        statements=[statement("feed/", "LOOP", count=100_000)],
        sightings=[sighting("feed/", "feed.html:12", 100_000)],
        samples=[],
    )
    found = [of(window, pace=pace).findings for pace in (1.0, 2.0)]
    here, slower = (next(each for each in some if each.cause == OWN_BUGS) for some in found)
    assert slower.gain - here.gain == pytest.approx(0.04, rel=0.02)


@pytest.mark.parametrize(
    ("rounds", "said"), [([1, 1], 1.0), ([1, 3], 2.0), ([0, 0], 1 / 8), ([99, 99], 8.0)], ids=str
)
def test_pace(monkeypatch, rounds, said):
    monkeypatch.setattr(_pace, "_rounds", lambda: [each * _pace.USUAL for each in rounds])
    assert _pace.pace() == pytest.approx(said)


def test_a_loop_over_a_slow_network_is_the_networks_first():
    """The way is what would go with the way; the loop's own finding says what both would gain."""
    found = replace(
        healthy(),
        units={unit("feed/"): route(wall=412, db=293)},
        statements=[statement("feed/", "LOOP", count=96_000, each=2.9, least=2.8)],
        sightings=[sighting("feed/", "feed.html:12", 96_000, each=2.9)],
        floors={"default": 2.8 * MS},
        samples=[],
    )
    first, second = of(found).findings
    assert (first.cause, second.cause) == (NETWORK, OWN_BUGS)
    assert first.share == pytest.approx(0.54, abs=0.03)
    assert second.gain > 0.27


def test_one_text_alone_does_not_tell_how_far_its_database_is():
    """It may be the way that takes so long, or the work; two texts tell."""
    slow = statement("feed/", "SELECT a FROM t WHERE b LIKE 'c'", each=110, least=100)
    quick = statement("feed/", "SELECT 1", each=0.3)
    assert _floors([slow, slow]) == {}
    assert _floors([slow, quick]) == {"default": pytest.approx(0.3 * MS)}
    once = statement("feed/", "SELECT 2", count=1, each=0.3)
    assert _floors([slow, once]) == {"default": pytest.approx(0.3 * MS)}
    units = pages(wall=120, db=112, unsafe=900)
    found = healthy(units=units, statements=[slow], samples=[], floors=_floors([slow]))
    verdict = of(found)
    assert [each.cause for each in verdict.findings] == [DATABASE]
    assert [each for each in verdict.unseen if "How far 'default' is" in each]
    strained = of(replace(found, process=QUIET | {"waited": QUIET["ran"]}))
    assert NETWORK not in {each.cause for each in strained.findings}
    verdict = of(replace(found, statements=[slow, quick], floors=_floors([slow, quick])))
    assert [each.cause for each in verdict.findings] == [DATABASE]
    assert not [each for each in verdict.unseen if "How far" in each]


def test_a_write_of_a_page_that_is_only_read_is_told_once():
    row = statement("feed/", "UPDATE t SET n = 1 WHERE id = 2", each=60, least=55)
    [found] = of(healthy(units=pages(wall=68, db=62), statements=[row])).findings
    assert "writes before it answers" in found.title
    row = statement("feed/", "UPDATE t SET n = 1 WHERE id = 2", each=60, least=55)
    [found] = of(healthy(units=pages(wall=68, db=62, unsafe=9), statements=[row])).findings
    assert found.title.startswith("Your database works")


def test_an_index_leaves_something():
    """Of each query half a millisecond, and all that fetching takes; nothing of what is short."""
    long = statement("feed/", "SELECT a FROM t WHERE b = 1 ORDER BY c", each=60)
    long = replace_all(long, {"fetch": long.count * 2 * MS})
    short = statement("feed/", "SELECT a FROM t WHERE id = 1", each=0.7)
    units = pages(wall=70, db=63, unsafe=900)  # so that it can't be kept
    [found] = of(healthy(units=units, statements=[long, short])).findings
    trip = 0.3  # ms
    assert "62 ms" in found.title
    assert found.gain == pytest.approx((60 - trip - 0.5) / 2 / 1000, rel=0.01)  # half the requests


def writes_in_a_loop():
    sql = "UPDATE t SET n = 1 WHERE id = 2"
    return healthy(
        units=pages(wall=300, db=280),
        statements=[statement("feed/", sql, 20_000, each=14)],
        sightings=[sighting("feed/", "a.py:7", 20_000, each=14, sql=sql, relation=None)],
        samples=[],
    )


def far_writes():
    rows = [
        statement("feed/", "UPDATE t SET n = 1 WHERE id = 2", 2000, each=50, least=40),
        statement("feed/", "SELECT 1", 500, each=40),
    ]
    units = pages(wall=130, db=120)
    return healthy(units=units, statements=rows, floors={"default": 40 * MS}, samples=[])


def slow_sessions(floor=0.3, sql='SELECT "django_session"."session_key" FROM "django_session"'):
    rows = [statement("feed/", sql, each=100), statement("feed/", each=floor)]
    units, floors = pages(wall=170, db=150), {"default": floor * MS}
    return healthy(units=units, statements=rows, floors=floors, samples=[])


@pytest.mark.parametrize(
    ("window", "keys"),
    [
        (writes_in_a_loop(), {"loop:feed/:a.py:7"}),
        (far_writes(), {"network:default", "writes:feed/"}),
        (slow_sessions(), {"sessions"}),
        (slow_sessions(floor=50), {"network:default", "sessions"}),
        (slow_sessions(sql='UPDATE "django_session" SET "session_data" = 1'), {"writes:feed/"}),
    ],
    ids=["a loop of writes", "far writes", "sessions", "far sessions", "sessions that are written"],
)
def test_no_second_is_told_twice(window, keys):
    found = of(window).findings
    assert {cause.key for cause in found} == keys
    assert sum(cause.share for cause in found) <= 1


@pytest.mark.parametrize(
    ("window", "key", "seconds"),
    [(far_writes(), "writes:feed/", 0.1), (slow_sessions(floor=50), "sessions", 0.1006)],
    ids=["writes", "sessions"],
)
def test_what_is_not_asked_saves_its_way_too(window, key, seconds):
    """Of half of all requests: ``gain`` is per request of the site."""
    [found] = [cause for cause in of(window).findings if cause.key == key]
    assert found.gain == pytest.approx(seconds / 2)


def test_a_new_connection_meets_each_text_anew():
    """Each takes an eighth of what connecting does, once a request, however often it is asked."""
    anew = {"connects": 1000, "connecting": 3600 * MS}
    units = pages(**anew) | {unit("books/"): route(**anew)}
    [plain] = of(healthy(units=units, statements=[])).findings
    loop = statement("feed/", "SELECT 1", count=20_000)
    seldom = statement("feed/", "SELECT 2", count=500)
    [found] = of(healthy(units=units, statements=[loop, seldom])).findings
    requests = 2000
    assert plain.gain == pytest.approx(0.0036 * 1.12)
    assert found.gain == pytest.approx(plain.gain + (1000 + 500) / requests * 0.0036 * 0.13)


def test_the_way_of_connecting_is_no_work_of_the_server():
    """Three trips of the 13 ms; what its new process takes longer for is told from the rest."""
    anew = {"connects": 1000, "connecting": 13_000 * MS}
    units = pages(**anew) | {unit("books/"): route(**anew)}
    found = of(healthy(units=units, statements=[], floors={"default": 3.5 * MS})).findings
    [cause] = [each for each in found if each.key == "connects"]
    assert cause.gain == pytest.approx(0.013 + (0.013 - 3 * 0.003) * 0.12)


def test_opening_a_file_is_no_fault():
    anew = {"connects": 1000, "connecting": 900 * MS}
    found = healthy(units=pages(**anew) | {unit("books/"): route(**anew)})
    assert of(found).state == "fine"


@pytest.mark.parametrize(
    ("name", "state"), [("static/<path:path>", "slow"), ("static-news/", "fine")]
)
def test_files_that_django_sends_are_told_by_their_view(settings, name, state):
    settings.ROOT_URLCONF = "tests.diagnose.files"
    assert of(healthy(units=pages() | {unit(name): route()})).state == state


def test_our_own_pages_are_nobodys_time(settings):
    units = healthy().units | {unit("unhurried/"): route(wall=5000)}
    assert of(healthy(units=units)).time < 100
    settings.ROOT_URLCONF = "tests.dashboard.bare"
    assert of(healthy(units=units)).time > 1000


def test_runserver_may_debug():
    own = Process(pid=1, born=0, threads=0, most_busy=2, server=1, debug=True)
    assert of(healthy(processes=[own])).state == "fine"


def test_one_address_for_all_is_no_abuse():
    """A proxy that tells nobody who asks."""
    assert of(healthy(clients=[client(1, 16_000, requests=2000)])).state == "fine"


def test_what_cannot_be_seen_is_said():
    bare = replace(healthy(), samples=[], clients=[], vitals=[], process={})
    bare.units = {unit("feed/"): lanes(requests=100, wall=500 * MS)}
    said = " ".join(of(bare).unseen)
    for word in ("X-Request-Start", "vitals", "schedstat", "WATCH", "CLIENTS"):
        assert word in said


@pytest.mark.parametrize("make", [network, cores], ids=["network", "cores"])
def test_a_database_that_the_settings_have_no_more(make):
    """The store outlives a release, and what it knows of an alias is told."""
    window = make()
    rows = [replace_all(row, {"alias": "gone"}) for row in window.statements]
    floors = {"gone": window.floors["default"]}
    verdict = of(replace(window, statements=rows, floors=floors))
    assert verdict.findings[0].cause == of(make()).findings[0].cause
