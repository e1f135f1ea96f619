"""The example's pages are slow in the ways its front page says, over rows that never change."""

import subprocess

import pytest

from .conftest import EXAMPLE

pytestmark = pytest.mark.site

# (page, least queries): what a reader of its code should have feared. jacob is logged in, which
# is two of them.
FEARED = [
    ("/slow/feed/", 102),  # 100 pins
    ("/slow/pin/1/", 40),
    ("/slow/user/jacob/", 30),
    ("/slow/tag/coffee/", 20),
    ("/slow/books/", 203),  # 100 books
    ("/slow/books/create/", 3),
    ("/slow/books/catalogue/", 241),
    ("/slow/books/api/", 241),
    ("/slow/books/inventory/", 70),
    ("/slow/messages/", 10),
    ("/slow/report/", 140),
]


@pytest.fixture(scope="module")
def site(probe):
    """What the probe saw, in one process for all tests: starting Django takes longest."""
    return probe("site_probe.py")


def test_seeding_again_gives_the_same_rows(site):
    first, second = site["seeds"]
    assert first == second


def test_rows_follow_the_scale(site):
    rows = site["seeds"][0]["rows"]
    assert rows["pins_like"] == 400
    assert rows["pins_comment"] == 200
    assert rows["inbox_message"] == 100
    # Kept large enough for full pages.
    assert rows["pins_pin"] == rows["books_book"] == 120


@pytest.mark.parametrize(("page", "queries"), FEARED)
def test_slow_pages_answer_slowly(site, page, queries):
    assert site["pages"][page]["status"] == 200
    assert site["pages"][page]["queries"] >= queries


def test_the_feed_is_the_talks_n_plus_1(site):
    assert site["feed"] == 101


def test_every_page_stands_under_a_strict_policy(site):
    for page in site["pages"].values():
        assert page["status"] == 200
        assert page["policy"].startswith("default-src 'self'")
        assert not page["inline"]


def test_messages_are_for_their_reader(site):
    assert site["messages_anonymous"] == 302


def test_forms_write(site):
    assert site["write"] == {"new": 302, "again": True, "unreceived": 0}


def test_login_links_work_once(site):
    assert site["log_in"] == [302, 403, 403]


def run_seed(example_python, example_environment, *arguments):
    return subprocess.run(
        [*example_python, EXAMPLE / "manage.py", "seed", *arguments],
        env=example_environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "way_out"), [(["--scale", "0"], "0.01 to 20"), ([], "manage.py migrate")]
)
def test_seed_says_the_way_out(example_python, example_environment, tmp_path, arguments, way_out):
    environment = example_environment | {"PINSTA_DATA": str(tmp_path)}
    done = run_seed(example_python, environment, *arguments)
    assert done.returncode == 1
    assert way_out in done.stderr
