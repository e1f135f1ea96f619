"""The diff of a remedy: what is written where, that git takes it, and when there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.test import override_settings

from tests.queries.corpus import models
from unhurried.queries._edit import _diff
from unhurried.queries._edit._chains import chain
from unhurried.queries._edit._eager_calls import Change, edits
from unhurried.queries._edit._edits import NoEditError, Text, applied, unified
from unhurried.queries._find._sites import Site

Book, Author = models.Book, models.Author


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder that is the project's, and a way to put modules into it."""
    made = Project(tmp_path)
    with override_settings(BASE_DIR=tmp_path):
        yield made
    for name in made.names:
        monkeypatch.delitem(sys.modules, name, raising=False)


class Project:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: list[str] = []

    def write(self, source: str, name: str = "views.py", **known: Any) -> Path:
        path = self.root / name
        path.write_bytes(source.encode())
        module = ModuleType(f"project_{path.stem}")
        module.__file__ = str(path)
        vars(module).update({"Book": Book, "Author": Author, **known})
        sys.modules[module.__name__] = module
        self.names.append(module.__name__)
        return path

    def site(self, source: str, made: str, **known: Any) -> Site:
        """The site of the call ``made`` in a module of this source."""
        path = self.write(source, **known)
        start = source.index(made) + len(made)
        line = source[:start].count("\n") + 1
        column = len(source[:start].rpartition("\n")[2].encode())
        return Site(str(path), line, span=(line, 0, line, column))

    def edited(self, source: str, made: str, *changes: Change, model: Any = Book) -> str:
        found = edits(chain(self.site(source, made), model), changes)
        [(_, after)] = applied(found).values()
        return after


def select(path: str) -> Change:
    return Change("select_related", path)


def prefetch(path: str) -> Change:
    return Change("prefetch_related", path)


WRITTEN = [  # line, the call that makes the queryset, what to do, what the line becomes
    (
        "b = Book.objects.all()",
        None,
        [select("author")],
        'b = Book.objects.select_related("author")',
    ),
    (
        'b = Book.objects.order_by("-pk")[:9]',
        'Book.objects.order_by("-pk")',
        [select("author")],
        'b = Book.objects.order_by("-pk").select_related("author")[:9]',
    ),
    (
        'b = Book.objects.filter(a=1).select_related("editor").first()',
        "Book.objects.filter(a=1)",
        [select("author")],
        'b = Book.objects.filter(a=1).select_related("editor", "author").first()',
    ),
    (
        'b = Book.objects.select_related("author",)',
        None,
        [select("author__country")],
        'b = Book.objects.select_related("author", "author__country",)',
    ),
    (
        "b = Book.objects.all()",
        None,
        [select("author"), select("author__country"), prefetch("tags")],
        'b = Book.objects.select_related("author__country").prefetch_related("tags")',
    ),
    (
        "b = Book.objects.get(pk=1)",
        None,
        [prefetch("tags")],
        'b = Book.objects.prefetch_related("tags").get(pk=1)',
    ),
    (
        'b = Book.objects.only("title")',
        None,
        [select("author")],
        'b = Book.objects.only("title", "author").select_related("author")',
    ),
    (
        'b = Book.objects.only("title", "author__name")',
        None,
        [select("author")],
        'b = Book.objects.only("title", "author__name").select_related("author")',
    ),
    (
        'b = Book.objects.defer("author", "summary")',
        None,
        [select("author")],
        'b = Book.objects.defer("summary").select_related("author")',
    ),
    (
        'b = Book.objects.defer("summary")',
        None,
        [Change("undefer", "summary")],
        "b = Book.objects.all()",
    ),
    (
        'b = Book.objects.filter(a=1).defer("summary")',
        "Book.objects.filter(a=1)",
        [Change("undefer", "summary")],
        "b = Book.objects.filter(a=1)",
    ),
    (
        "b = Book.objects.only('title')",
        None,
        [Change("undefer", "summary")],
        "b = Book.objects.only('title', 'summary')",
    ),
    (
        'b = Book.objects.select_related("author", "publisher")',
        None,
        [Change("drop_select_related", "publisher")],
        'b = Book.objects.select_related("author")',
    ),
    (
        'b = Book.objects.select_related("author__country")',
        None,
        [Change("drop_select_related", "author__country")],
        'b = Book.objects.select_related("author")',
    ),
    (
        'b = Book.objects.prefetch_related(Prefetch("tags", x)).filter(a=1)',
        'Book.objects.prefetch_related(Prefetch("tags", x))',
        [Change("drop_prefetch_related", "tags")],
        "b = Book.objects.filter(a=1)",
    ),
    (
        "for b in Book.objects.all().iterator(): pass",
        "Book.objects.all()",
        [Change("prefetch_related", "tags", chunked=True)],
        'for b in Book.objects.prefetch_related("tags").iterator(chunk_size=2000): pass',
    ),
    (
        "b = get_object_or_404(Book, pk=1)",
        None,
        [prefetch("tags")],
        'b = get_object_or_404(Book.objects.prefetch_related("tags"), pk=1)',
    ),
    (
        "b = shortcuts.get_list_or_404(Book.objects, pk=1)",
        None,
        [select("author")],
        'b = shortcuts.get_list_or_404(Book.objects.select_related("author"), pk=1)',
    ),
    (
        "b = self.get_queryset()",
        None,
        [select("author")],
        'b = self.get_queryset().select_related("author")',
    ),
    ("b = \u00e9t\u00e9, Book.objects.all()", "Book.objects.all()", [select("author")],
     'b = \u00e9t\u00e9, Book.objects.select_related("author")'),
]  # fmt: skip


@pytest.mark.parametrize(("line", "made", "changes", "becomes"), WRITTEN, ids=range(len(WRITTEN)))
def test_what_is_written(project, line, made, changes, becomes):
    made = made or line.partition(" = ")[2]
    assert project.edited(f"import x\n{line}\n", made, *changes) == f"import x\n{becomes}\n"


def test_a_chain_of_lines_stays_one(project):
    source = "books = (\n    Book.objects\n    .filter(a=1)\n    .order_by('pk')\n)\n"
    after = project.edited(source, ".filter(a=1)", select("author"))
    assert after == source.replace("(a=1)", "(a=1)\n    .select_related('author')")


def test_a_comment_in_a_chain_stays(project):
    source = "books = (\n    Book.objects  # the living. Only those\n    .all()\n)\n"
    after = project.edited(source, ".all()", select("author"))
    assert after == source.replace(".all()", '.all().select_related("author")')
    source = 'books = (\n    Book.objects  # short\n    .defer("summary")\n)\n'
    with pytest.raises(NoEditError, match=r"a comment stands before \.defer\(\)"):
        project.edited(source, '.defer("summary")', Change("undefer", "summary"))


REFUSED = [
    ("b = Book.objects.select_related()", None, [select("author")], "means something else"),
    ("b = Book.objects.select_related(None)", None, [select("author")], "means something else"),
    ("b = Book.objects.all()", None, [Change("undefer", "summary")], "no defer() or only() stands"),
    ("b = books_of(request)", None, [select("author")], "is made inside of books_of(request)"),
    ("b = get_response(request)", None, [select("author")], "is made inside of"),
    ("b = client.get_page(1)", None, [select("author")], "is made inside of"),
    ("b = Author.objects.all()", None, [select("author")], "is no queryset of Book"),
    ("b = get_object_or_404(model, pk=1)", None, [select("author")], "not known to be Book"),
    ("b = Book.objects.only(*names)", None, [Change("undefer", "summary")], "not written there"),
    ("b = Book.objects.all()", None, [Change("drop_select_related", "author")], "is not written"),
    ("for b in Book.objects.all(): pass", "Book.objects.all()",
     [Change("prefetch_related", "tags", chunked=True)], "iterator() is not called"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "made", "changes", "why"), REFUSED, ids=range(len(REFUSED)))
def test_where_there_is_no_sure_edit_there_is_none(project, line, made, changes, why):
    with pytest.raises(NoEditError) as refused:
        project.edited(f"{line}\n", made or line.partition(" = ")[2], *changes)
    assert why in str(refused.value)


def test_a_line_without_columns_or_in_a_template_is_not_edited(project):
    path = project.write("b = Book.objects.all()\n")
    for site, why in (
        (Site(str(path), 1), "debug ranges"),
        (Site("feed.html", 1, is_template=True), "in a template"),
        (Site(str(path), 1, span=(1, 0, 1, 3)), "no call that yields"),
        (Site(str(path.with_name("gone.py")), 1, span=(1, 0, 1, 3)), "cannot be read"),
    ):
        with pytest.raises(NoEditError, match=why):
            chain(site, Book)


def git_apply(folder: Path, diff: str) -> None:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    (folder / "x.diff").write_bytes(diff.encode())
    subprocess.run(["git", "apply", "x.diff"], cwd=folder, check=True)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import x\n\nb = Book.objects.all()\n", "views.py"),
        ("b = Book.objects.all()", "views.py"),
        ("import x\r\n\r\nb = Book.objects.all()\r\nc = 1\r\n", "views.py"),
        ("\ufeffb = Book.objects.all()\n", "views.py"),
        ("# \u00fcber\x0c\nb = Book.objects.all()\n# end", "views.py"),
        ("b = Book.objects.all()\n", "my views.py"),
        ("x = 1\n" * 50 + "b = Book.objects.all()\n" + "y = 1\n" * 9, "v.py"),
    ],
    ids=["plain", "no newline", "crlf", "bom", "form feed", "space in name", "far down"],
)  # fmt: skip
def test_git_applies_it(project, source, name):
    path = project.write(source, name)
    made = "Book.objects.all()"
    end = source.index(made) + len(made)
    line, column = source[:end].count("\n") + 1, len(source[:end].rpartition("\n")[2])
    column -= source.startswith("\ufeff")
    site = Site(str(path), line, span=(line, 0, line, column))
    diff = unified(edits(chain(site, Book), [select("author")]))
    git_apply(project.root, diff)
    wanted = source.replace(made, 'Book.objects.select_related("author")')
    assert path.read_bytes() == wanted.encode()


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"# -*- coding: latin-1 -*-\nb = '\xe9'\n", "not in UTF-8"),
        (b"b = '\xe9'\n", "not in UTF-8"),
        (b"a = 1\rb = 2\n", "line ends"),
        (b"b = (\n", "does not parse"),
    ],
)
def test_a_file_that_cannot_be_edited_safely(tmp_path, raw, why):
    path = tmp_path / "views.py"
    path.write_bytes(raw)
    with pytest.raises(NoEditError, match=why):
        Text(str(path)).tree()


def test_a_file_outside_of_the_project_has_no_diff(project, tmp_path_factory):
    outside = tmp_path_factory.mktemp("elsewhere") / "views.py"
    outside.write_text("b = 1\n")
    with pytest.raises(NoEditError, match="outside of the project"):
        unified([Text(str(outside)).insert(0, "a")])


def test_two_edits_of_the_same_words_are_none(project):
    text = Text(str(project.write("b = 1\n")))
    overlapping = [text.replace(text.tree().body[0], "c"), text.replace(text.tree().body[0], "d")]
    with pytest.raises(NoEditError, match="the same words"):
        applied(overlapping)


@pytest.mark.long
@pytest.mark.django_db
def test_every_diff_of_the_corpus_parses_and_applies():
    """All at once, as people do it: what is found in one file becomes one diff."""
    from tests.queries.corpus import score

    scored = score.score(only="forward.")
    findings = [finding for one in scored for finding in one.findings if finding.fixable]
    assert len(findings) > 10
    lacking = [str(f) for f in findings if not _diff.diff(f)[0]]
    assert not lacking
    diff = _diff.combined(findings)
    assert diff.count("\n+++ ") == diff.count("--- a/")
    check = ["git", "apply", "--check", "--unidiff-zero", "-"]
    subprocess.run(check, input=diff.encode(), cwd=score.ROOT, check=True)


def test_a_page_says_why_there_is_no_diff():
    from unhurried.queries._find._finding import DUPLICATE, Finding

    known = {"relation": None, "path": None, "through": (), "origin": None, "alias": "default"}
    finding = Finding(
        kind=DUPLICATE, loop="a.py:1", count=2, instances=0, remedy="keep it", fixable=False,
        fingerprint="SELECT 1", seconds=0.0, **known,
    )  # fmt: skip
    assert _diff.diff(finding) == ("", "there is no mechanical edit for what is asked twice")
    assert _diff.combined([finding]) == ""
