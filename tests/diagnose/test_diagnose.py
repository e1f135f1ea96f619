"""``diagnose``, in a project that has but a line of us: its verdicts, its diffs, what it leaves."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess

import pytest

from tests.diagnose.site import Shop
from unhurried.management import _diagnose


def report(shop: Shop, url: str, *arguments: str) -> dict:
    done = shop.diagnose("--url", url, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.site
def test_the_first_screen(shop):
    done = shop.diagnose("--url", "/feed/", COLUMNS="100")
    assert done.returncode == 0, done.stderr
    head, *lines = done.stdout.splitlines()
    assert head.startswith("/feed/   ")
    assert " ms  =  " in head
    assert "database (25 queries x " in head
    assert "24 of 25 queries: feed.html:1 asks Book.author once per row; the rows" in "\n".join(
        lines
    )
    text = "\n".join(lines)
    assert '      - books = Book.objects.order_by("pk")[:50]' in text
    assert '      + books = Book.objects.order_by("pk").select_related("author")[:50]' in text
    [proof] = [line for line in lines if "replayed: 25 -> 1 queries, " in line]
    assert proof.endswith("VERIFIED")
    assert len(proof) == 100
    assert "apply: manage.py unhurried diagnose --url /feed/ --diff | git apply" in text
    assert "\x1b" not in done.stdout


@pytest.mark.site
@pytest.mark.parametrize(
    ("url", "before", "after"),
    [
        ("/feed/", 25, 1),
        ("/shelf/", 25, 1),
        ("/counts/", 9, 1),
        ("/shown/", 5, 1),
        ("/keys/", 25, 1),
        ("/titles/", 9, 2),
        ("/saves/", 9, 2),
    ],
)
def test_each_diff_applies_and_keeps_its_promise(copy, url, before, after):
    found = report(copy, url)
    [finding] = found["findings"]
    assert finding["verified"] == "yes", finding["why"]
    assert (found["queries"], finding["queries_after"], found["queries_after"]) == (
        before, after, after,
    )  # fmt: skip
    subprocess.run(["git", "init", "-q"], cwd=copy.folder, check=True)
    subprocess.run(["git", "apply"], cwd=copy.folder, input=found["diff"], text=True, check=True)
    again = report(copy, url)
    assert (again["queries"], again["findings"], again["diff"]) == (after, [], "")


@pytest.mark.site
def test_nothing_of_it_stays_in_any_database(shop):
    before = shop.state()
    found = report(shop, "/both/", "--user", "jacob")
    assert found["status"] == 200
    assert report(shop, "/threaded/")["queries"] == 0
    assert shop.state() == before


@pytest.mark.site
def test_the_diff_alone(shop):
    done = shop.diagnose("--url", "/feed/", "--diff")
    assert done.stdout.startswith("--- a/shop/views.py\n+++ b/shop/views.py\n@@ ")
    assert shop.diagnose("--url", "/healthy/", "--diff").stdout == ""


@pytest.mark.site
def test_a_healthy_page(shop):
    done = shop.diagnose("--url", "/healthy/")
    assert "Nothing to fix. 1 query, none repeated." in done.stdout


@pytest.mark.site
def test_what_library_code_alone_repeats_is_no_healthy_page(shop):
    done = shop.diagnose("--url", "/library/", COLUMNS="200")
    said = "24 of 25 queries are one statement, asked by library code: no line of yours to name."
    assert said in done.stdout
    assert "Nothing to fix" not in done.stdout


NO_PAGE = [
    (["--url", "/nowhere/"], "/nowhere/ answers 404: no path of ROOT_URLCONF matches it."),
    (["--url", "feed/"], "'feed/' is no address of the site: --url takes a path"),
    (["--url", "/moved/"], "leads on to /feed/: ask that page instead, --url /feed/"),
    (["--url", "/mine/"], "the login. Ask as a user: --user NAME"),
    (["--url", "/mine/", "--user", "nobody"], "There is no user 'nobody'."),
    (["--url", "/feed/", "--worth", "5"], "--worth is of all that was measured"),
    (["--url", "/boom/"], "/boom/ answers 500: ZeroDivisionError: nothing is left"),
    (
        ["--url", "/needs/"],
        "/needs/ answers 500 without its connection to 127.0.0.1:6379, and it is this replay",
    ),
]


@pytest.fixture(scope="module")
def refused(shop) -> list[subprocess.CompletedProcess[str]]:
    return shop.several([arguments for arguments, _ in NO_PAGE])


@pytest.mark.parametrize("at", range(len(NO_PAGE)), ids=[" ".join(each) for each, _ in NO_PAGE])
def test_where_there_is_no_page_to_look_at_the_way_out_is_told(refused, at):
    done, said = refused[at], NO_PAGE[at][1]
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon"], ids=str)
def test_what_is_worth_a_word_is_a_number_of_milliseconds(text):
    with pytest.raises(argparse.ArgumentTypeError, match="no number of milliseconds above 0"):
        _diagnose._seconds(text)


def test_as_a_user(shop):
    assert report(shop, "/mine/", "--user", "jacob")["user"] == "jacob"


@pytest.mark.site
def test_a_site_below_a_path_is_asked_as_visitors_do(shop):
    done = shop.diagnose("--url", "/below/healthy/", "--json", SHOP_BELOW="/below")
    assert json.loads(done.stdout)["route"] == "healthy/", done.stderr


@pytest.mark.site
def test_without_debug_it_asks(shop):
    done = shop.diagnose("--url", "/healthy/", SHOP_DEBUG="0")
    assert done.returncode == 1
    assert "If that is fine: --yes" in done.stderr
    assert shop.diagnose("--url", "/healthy/", "--yes", SHOP_DEBUG="0").returncode == 0


@pytest.mark.site
def test_without_a_folder_to_keep_it_the_proof_is_told_all_the_same(copy):
    (copy.folder / "store").mkdir(exist_ok=True)
    for kept in (copy.folder / "store").glob("v*"):
        shutil.rmtree(kept)
    (copy.folder / "store").rmdir()
    (copy.folder / "store").write_text("a file is in the way")
    found = report(copy, "/feed/")
    assert found["findings"][0]["verified"] == "yes"
    assert found["notes"][0].startswith("what was proven is not kept for the dashboard: ")


@pytest.mark.site
def test_without_a_database_it_says_so(copy):
    (copy.folder / "db.sqlite3").unlink()
    done = copy.diagnose("--url", "/feed/")
    assert done.returncode == 1
    assert "make its tables: manage.py migrate" in done.stderr


@pytest.mark.site
class TestWhatOfItIsForEverybody:
    def test_but_one_line(self, shop):
        done = shop.diagnose("--url", "/greeting/", "--user", "jacob", COLUMNS="100")
        assert 'nothing on the page is personal but greeting.html:2 "Hello, {{ user.username' in (
            done.stdout
        )
        assert '+ @cached_page(600)  and  {% fragment "hello" %}' in done.stdout
        assert "renewed when shop_author changes" in done.stdout

    @pytest.mark.parametrize("user", [(), ("--user", "jacob")])
    def test_the_document(self, shop, user):
        found = report(shop, "/greeting/", *user)["verdict"]
        [place] = found["places"]
        assert (place["line"], place["source"]) == (
            "greeting.html:2", "Hello, {{ user.username }}",
        )  # fmt: skip
        assert place["reads"] == ["user:username"]
        assert found["renewed"] == ["shop_author"]
        assert found["remedy"][0] == "@cached_page(600)"

    def test_nothing_personal(self, shop):
        found = report(shop, "/feed/")["verdict"]
        assert (found["said"], found["remedy"]) == (
            "nothing on the page is personal", ["@cached_page(600)"],
        )  # fmt: skip

    def test_the_view_itself(self, shop):
        found = report(shop, "/looking/")["verdict"]
        assert found["said"].startswith("the view itself looks at user:is_authenticated: shop/view")

    def test_who_is_let_in_is_not_the_page(self, shop):
        found = report(shop, "/mine/", "--user", "jacob")["verdict"]
        assert found["said"].startswith("the view itself looks at user:username: shop/views.py:")
        assert found["gates"][0].startswith("django/contrib/auth/decorators.py:")

    def test_a_write(self, shop):
        found = report(shop, "/both/")["verdict"]
        assert found["said"].startswith("the page can't be kept: a write to shop_author at shop/v")

    def test_a_mail(self, shop):
        found = report(shop, "/mails/")["verdict"]
        assert found["said"] == "the page can't be kept: it sends a mail (Hello)"
        assert found["remedy"] == []

    def test_data_is_no_page(self, shop):
        assert report(shop, "/data/")["verdict"] is None
