"""Each page under /fixed/ sends what its slow twin sends, with queries that rows don't add to."""

import pytest

pytestmark = pytest.mark.site

SMALL, LARGE = 0.01, 0.04
# (page, queries when slow, when fixed) for anonymous visitors of the small site; a login adds one.
QUERIES = [
    ("feed/", 101, 1),
    ("pin/1/", 83, 10),
    ("user/jacob/", 51, 6),
    ("tag/coffee/", 23, 4),
    ("books/", 202, 2),
    ("books/create/", 2, 2),
    ("report/", 193, 49),
]
MESSAGES = (29, 3)
GROWING = ("pin/1/", "user/jacob/", "tag/coffee/", "messages/")


@pytest.fixture(scope="module")
def small(probe):
    return probe("twins_probe.py", SMALL)


@pytest.fixture(scope="module")
def large(probe):
    return probe("twins_probe.py", LARGE)


@pytest.fixture(params=["small", "large"])
def site(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("visitor", ["anonymous", "jacob"])
def test_twins_send_the_same_page(site, visitor):
    assert {path: seen["difference"] for path, seen in site[visitor].items()} == dict.fromkeys(
        site[visitor]
    )


def test_pages_that_are_compared_are_there(site):
    missing = {path for path, seen in site["jacob"].items() if seen["status"] != 200}
    assert missing == {"pin/0/", "user/nobody/", "tag/unheard-of/"}


def test_forms_answer_the_same(site):
    assert [seen["difference"] for seen in site["forms"]] == [None] * 4
    assert [seen["status"] for seen in site["forms"]] == [302, 200, 200, 302]


def test_long_lists_are_djangos_to_the_letter(site):
    assert len(site["lists"]) == 6
    for djangos, ours in site["lists"]:
        assert ours == djangos
        assert djangos.count("<option") > 5


def test_a_fixed_page_leads_to_fixed_pages(site):
    seen = [*site["anonymous"].values(), *site["jacob"].values(), *site["forms"]]
    assert not any(page["strayed"] for page in seen)


@pytest.mark.parametrize(("page", "slow", "fixed"), QUERIES)
def test_queries(small, page, slow, fixed):
    assert small["anonymous"][page]["queries"] == [slow, fixed]
    assert small["jacob"][page]["queries"] == [slow + 1, fixed + 1]


def test_queries_of_messages(small):
    assert small["jacob"]["messages/"]["queries"] == [*MESSAGES]


@pytest.mark.parametrize("page", [page for page, *_ in QUERIES] + ["messages/"])
def test_rows_add_no_queries_to_a_fixed_page(small, large, page):
    assert large["jacob"][page]["queries"][1] == small["jacob"][page]["queries"][1]


@pytest.mark.parametrize("page", GROWING)
def test_rows_add_queries_to_a_slow_page(small, large, page):
    assert large["jacob"][page]["queries"][0] > small["jacob"][page]["queries"][0]


def test_the_front_page_leads_to_both_and_says_what_was_measured(small):
    assert len(small["before"]) == 39
    assert set(small["before"].values()) == {None}
    assert set(small["after"]) == set(small["before"])
    assert small["after"]["/slow/feed/"] == 101
    assert small["after"]["/fixed/feed/"] == 1
