"""Under /fast/ the feed greets its user on a page that is kept for all, in every composition."""

import re

import pytest

pytestmark = pytest.mark.site

GREETING = re.compile(r'<p class="greeting">(.*?)</p>', re.DOTALL)


@pytest.fixture(scope="module")
def seen(probe):
    return probe("compositions_probe.py")


@pytest.mark.parametrize("way", ["auto", "phased", "esi", "ssi"])
def test_each_is_greeted_on_one_page(seen, way):
    first, *others = [status for _, status, _ in seen[way]]
    assert (first[:4], others) == ("fwd=", ["hit"] * 5)
    for name, _, page in seen[way]:
        assert ("Log in" in GREETING.search(page)[1]) == (not name)
    assert len({GREETING.sub("", page) for _, _, page in seen[way]}) == 1
    assert len({GREETING.search(page)[1] for _, _, page in seen[way]}) == 3


def test_the_bytes_are_the_same(seen):
    for n in range(6):
        assert len({seen[way][n][2] for way in ("auto", "phased", "esi", "ssi", "inline")}) == 1


def test_in_the_browser_the_page_is_the_same_for_all(seen):
    assert len({page for _, _, page in seen["client"]}) == 1
    assert [status for _, status, _ in seen["client"]][1:] == ["hit"] * 5
    assert "<unhurried-fragment src=" in seen["client"][0][2]
