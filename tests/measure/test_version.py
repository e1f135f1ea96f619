"""Without ``VERSION`` the project's files tell a release: code, templates, translations, SQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps

from unhurried.measure import _version
from unhurried.measure.reading import version
from unhurried.testing import override


@pytest.fixture
def project(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """With one app, ``books``."""
    base = tmp_path / "project"
    (base / "books").mkdir(parents=True)
    settings.BASE_DIR, settings.MEDIA_ROOT = base, str(base / "books" / "media")
    settings.STATIC_ROOT, settings.LOCALE_PATHS = base / "collected", [base / "words"]
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [base / "html"]}]
    monkeypatch.setattr(apps, "app_configs", {"books": SimpleNamespace(path=str(base / "books"))})
    with override(STORE=base / "store", VERSION=None):
        yield base
    _version._from_files.cache_clear()


def changes(path: Path) -> bool:
    """Whether a file that has come makes it another version."""
    _version._from_files.cache_clear()
    before = version()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("new")
    _version._from_files.cache_clear()
    return version() != before


@pytest.mark.parametrize(
    "path",
    [
        *("settings.py", "books/views.py", "books/sql/page.sql", "books/parts/card.html"),
        *("templates/base.html", "pages/jinja2/a.jinja", "locale/de/LC_MESSAGES/django.mo"),
        *("html/base.html", "words/de/LC_MESSAGES/django.mo", "books/templates/mail.txt"),
    ],
)
def test_what_a_deploy_changes_is_a_release(project: Path, path: str) -> None:
    assert changes(project / path)


@pytest.mark.parametrize(
    "path",
    [
        *("books/media/upload.txt", "books/media/upload.py", "books/media/templates/x.html"),
        *("collected/books/licence.txt", "store/v1/notes.txt", "exports/today.xml"),
        *("backup.sql", "robots.txt", ".venv/x.py", "lib/site-packages/x.py", "books/.swap.py/x"),
    ],
)
def test_what_the_site_itself_writes_is_none(project: Path, path: str) -> None:
    assert not changes(project / path)
