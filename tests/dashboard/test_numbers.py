"""Names, addresses, units and bars."""

import pytest

from unhurried.dashboard import _bars, _format, _histogram, _routes
from unhurried.measure.reading import COUNT, TIME

NAMES = [
    "",
    "slow/feed/",
    "<int:pk>",
    r"^a/(?P<year>[0-9]{4})/$",
    "../../etc/passwd",
    "\t\n",
    "ünï/\U0001f600",
    "\ud800",
    "(none)",
    "x" * 200,
    "<script>alert(1)</script>",
]


@pytest.mark.parametrize("kind", ["request", "unit"])
@pytest.mark.parametrize("name", NAMES)
def test_a_slug_leads_back_to_its_route(kind, name):
    slug = _routes.slug(kind, name)
    assert _routes.unslug(slug) == (kind, name)
    assert all((c.isalnum() and c.isascii()) or c in "-_" for c in slug)


def test_slugs_differ():
    slugs = {_routes.slug(kind, name) for kind in ("request", "unit") for name in NAMES}
    assert len(slugs) == 2 * len(NAMES)


@pytest.mark.parametrize("text", ["", "x", "q", "rQ", "r==", "rc2xvdw==", "r_", "r\u00e9", "rYQ1"])
def test_what_is_no_slug_is_no_route(text):
    assert _routes.unslug(text) is None


@pytest.mark.parametrize(
    ("kind", "name", "label"),
    [
        ("request", "slow/feed/", "/slow/feed/"),
        ("request", "", "/"),
        ("request", "(none)", "(none)"),
        ("unit", "command:migrate", "command:migrate"),
        ("request", "\ud800", "/?"),
    ],
)
def test_labels(kind, name, label):
    assert _routes.label(kind, name) == label


def test_own_routes_lie_below_a_prefix():
    prefixes = ("en/unhurried/", "de/unhurried/")
    assert _routes.is_own("request", "en/unhurried/routes/", prefixes)
    assert _routes.is_own("request", "de/unhurried/routes/", prefixes)
    assert not _routes.is_own("unit", "en/unhurried/routes/", prefixes)
    assert not _routes.is_own("request", "en/feed/", prefixes)
    assert not _routes.is_own("request", "feed/", ())


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.00000025, "0.25 µs"),
        (0.000412, "412 µs"),
        (0.00957, "9.57 ms"),
        (0.412, "412 ms"),
        (1.2349, "1.23 s"),
        (99.99, "100 s"),
        (126, "2.10 min"),
        (7300, "2.03 h"),
        (200000, "2.31 d"),
    ],
)
def test_seconds(value, text):
    assert _format.seconds(value).replace(_format.SPACE, " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (9999, "9,999"),
        (12400, "12.4 k"),
        (3410000, "3.41 M"),
        (-12, "-12"),
        (0.5, "0.50"),
    ],
)
def test_counts(value, text):
    assert _format.count(value).replace(_format.SPACE, " ") == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_gauge_may_be_anything(value):
    assert _format.digits(value) == str(value)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.0001, "<0.1 %"),
        (0.007, "0.7 %"),
        (0.0996, "10 %"),
        (0.48, "48 %"),
        (1, "100 %"),
    ],
)
def test_percents(share, text):
    assert _format.percent(share).replace(_format.SPACE, " ") == text


@pytest.mark.parametrize(
    "values",
    [[1, 1, 1], [0.335, 0.335, 0.33], [5, 0, 0, 0, 0], [1e-9, 1, 1e9], [1] * 7, [0.1, 99.9]],
)
def test_whole_percents_add_to_100(values):
    assert sum(_bars.whole_percents(values)) == 100


def test_a_bar_is_as_wide_as_its_room():
    segments = _bars.stacked({"view": 1.0, "db": 2.0, "cache": 0.0}, room=0.5)
    assert sum(float(s.width.rstrip("%")) for s in segments) == pytest.approx(50, abs=0.02)
    assert [s.percent for s in segments] == [33, 67, 0]
    assert _bars.text(segments) == "view 33 %, database 67 %"
    assert _bars.text(_bars.stacked({"view": 0.0})) == "nothing"


@pytest.mark.parametrize("scale", [TIME, COUNT])
@pytest.mark.parametrize("spread", [1, 3, 40, 400])
def test_a_histogram_shows_all_that_was_counted(scale, spread):
    buckets = [0] * scale.size
    for i in range(spread):
        buckets[(20 + i) % scale.size] += 2
    drawn = _histogram.histogram(buckets, scale, {"p50": scale.points[20]}, str)
    said = sum(int(bar.text.rpartition(": ")[2].split()[0].replace(",", "")) for bar in drawn.bars)
    assert said == 2 * spread
    assert 2 <= len(drawn.ticks) <= 12
    assert len(drawn.bars) <= _histogram.BARS
    for bar in drawn.bars:
        assert 0 <= float(bar.x[:-1]) <= float(bar.x[:-1]) + float(bar.width[:-1]) <= 100.1
    assert drawn.text.startswith("p50 ")


def test_a_histogram_of_the_last_bucket():
    buckets = [0] * COUNT.size
    buckets[-1] = 1
    assert len(_histogram.histogram(buckets, COUNT, {}, str).bars) == 1


def test_no_histogram_of_nothing():
    assert _histogram.histogram([0] * TIME.size, TIME, {}, str) is None
