"""The pages of rule 5: under /fixed/ and /fast/ they send what they send under /slow/."""

import json
import re

import pytest

pytestmark = pytest.mark.site

SMALL, LARGE = 0.01, 0.04
# (page, queries when slow, fixed, fast) of the small site.
QUERIES = [
    ("books/import/", 0, 0, 0),
    ("books/catalogue/", 241, 1, 1),
    ("books/api/", 241, 1, 1),
    ("books/inventory/", 74, 1, 1),
    ("pins/with/place/Oslo/", 4, 1, 1),
    ("pins/with/camera/Alder%2035/", 37, 1, 1),
]
CELL = re.compile(r"<td[^>]*>(.*?)</td>")


@pytest.fixture(scope="module")
def small(probe):
    return probe("roads_probe.py", SMALL)


@pytest.fixture(scope="module")
def large(probe):
    return probe("roads_probe.py", LARGE)


@pytest.fixture(params=["small", "large"])
def site(request):
    return request.getfixturevalue(request.param)


def test_the_three_sides_send_the_same_page(site):
    same = {path: seen["same"] for path, seen in site["pages"].items()}
    assert same == dict.fromkeys(same, [True] * 3)
    assert {seen["status"] for seen in site["pages"].values()} == {200}


def test_the_three_sides_store_and_say_the_same(site):
    same = {name: seen["same"] for name, seen in site["files"].items()}
    assert same == dict.fromkeys(same, [True] * 3)
    assert {seen["status"] for seen in site["files"].values()} == {200}


@pytest.mark.parametrize(("page", "slow", "fixed", "fast"), QUERIES)
def test_queries(small, large, page, slow, fixed, fast):
    assert small["pages"][page]["queries"] == [slow, fixed, fast]
    assert large["pages"][page]["queries"][1:] == [fixed, fast]


def test_a_hundred_books_are_imported_by_a_few_statements(small):
    assert small["files"]["many"]["queries"] == [527, 306, 27]


def test_who_can_not_be_stored_is_named(small):
    page = small["files"]["bad"]["body"]
    assert "2 books stored, 6 not." in page
    found = CELL.findall(page)
    rows = [tuple(found[n : n + 3]) for n in range(0, len(found), 3)]
    assert [row[:2] for row in rows] == [
        ("2", "published"),
        ("3", "published"),
        ("4", "pages"),
        ("5", "stock"),
        ("6", "stock"),  # fewer than none
        ("7", "published"),
    ]
    assert rows[2][2] == "Field &#x27;pages&#x27; expected a number but got &#x27;eighty&#x27;"


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("none", "0 books stored."),
        ("another head", "Its first line must be title,author,publisher,published,pages,stock."),
        ("short", "Row 2 has not 6 values."),
        ("long", "Row 2 has not 6 values."),
        ("long title", "Row 1: title has more than 120 letters."),
        ("large number", "Row 1: pages has more than 9 letters."),
        ("no text", "It is not UTF-8."),
        ("nul", "There is a NUL in it."),
        ("quotes", "After line 1: &#x27;,&#x27; expected after &#x27;&quot;&#x27;."),
        ("mark", "1 book stored."),
    ],
)
def test_a_file_that_is_none_is_refused_as_a_whole(small, file, said):
    assert said in small["files"][file]["body"]


def test_what_is_handed_out(small):
    (first, *others) = json.loads(small["pages"]["books/api/"]["body"])
    assert len(others) == 119
    assert first == {
        "id": 1,
        "title": "The warm terrace, volume 1",
        "published": "1995-01-23",
        "pages": 141,
        "stock": 38,
        "author": {"id": 3, "name": "Edsger Fischer"},
        "publisher": {"id": 4, "name": "Dubois & Moreau", "city": "Rome"},
    }


def test_what_there_is_to_find(small):
    pages = {page: seen["body"] for page, seen in small["pages"].items()}
    assert pages["pins/with/place/Oslo/"].count("<td>Oslo</td>") == 3
    assert pages["pins/with/camera/Alder%2035/"].count("<td>Alder 35</td>") == 36
    assert pages["books/inventory/"].count("<tr>") == 11
    for key in ("lens/50", "colours/red", "camera__contains/Alder", "place/O'slo%25"):
        assert "There is none." in pages[f"pins/with/{key}/"]
    assert "No book is so young." in pages["books/inventory/?day=2100-01-01"]
    assert "Enter a valid date." in pages["books/inventory/?day=soon"]
