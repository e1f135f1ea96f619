"""Django's own tests pass as they do without us: naming never runs a query, nor changes an answer.

The tests come out of Django's source distribution, by name from the package index, with its hash
in requirements/django_sdist.txt; ``django_suite`` says what of ours is on. What fails without us,
too, is listed in the report and is not our business.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
import pytest

pytestmark = pytest.mark.busy

ROOT = Path(__file__).parents[2]
LOCK = "requirements/django_sdist.txt"
PATIENCE = 600.0  # seconds
SUITES = (
    *("select_related", "select_related_onetoone", "select_related_regress", "prefetch_related"),
    *("known_related_objects", "queries", "defer", "defer_regress", "generic_relations"),
    *("generic_relations_regress", "async", "m2m_regress", "one_to_one", "many_to_one"),
    *("many_to_many", "raw_query", "queryset_pickle", "composite_pk", "contenttypes_tests"),
    *("model_inheritance", "admin_changelist", "annotations", "aggregation"),
    *("generic_inline_admin", "multiple_database"),
    # request.user is lazy: its query runs while somebody holds it.
    *("auth_tests.test_context_processors", "auth_tests.test_remote_user"),
)


def pip(*arguments: object, **environment: str) -> None:
    """The pip of the Python that ours was made of: uv's environments have none."""
    python = Path(sys.base_prefix, "bin", "python{}.{}".format(*sys.version_info))
    argv = [str(python), "-m", "pip", *map(str, arguments), "--require-hashes", "-r", LOCK]
    done = subprocess.run(
        argv, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Django's source distribution, unpacked: that of the Django that runs here."""
    folder = tmp_path_factory.mktemp("django")
    pip("install", "--quiet", "--no-deps", "--target", folder / "tools")
    wanted = ("--no-deps", "--no-build-isolation", "--no-binary", "django", "--dest", folder)
    pip("download", "--quiet", *wanted, PYTHONPATH=str(folder / "tools"))
    [archive] = folder.glob("[dD]jango-*.tar.gz")
    found = archive.name.removesuffix(".tar.gz").lower()
    assert found == f"django-{django.__version__}", f"{LOCK} is of another day: {found}"
    shutil.unpack_archive(archive, folder, filter="data")
    return next(path for path in folder.iterdir() if path.name.lower() == found)


def start(mode: str, sources: Path, folder: Path) -> subprocess.Popen[bytes]:
    suites = [mode, str(folder / f"{mode}.json"), str(sources / "tests"), *SUITES]
    argv = [sys.executable, "-m", "tests.services.django_suite", *suites]
    unset = {"DJANGO_SETTINGS_MODULE", "PYTHONWARNINGS"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment["PYTHONPATH"] = str(ROOT)
    with (folder / f"{mode}.log").open("wb") as log:
        return subprocess.Popen(argv, cwd=folder, env=environment, stdout=log, stderr=log)


@pytest.fixture(scope="module")
def runs(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each way of running wrote, side by side on two cores."""
    folder = tmp_path_factory.mktemp("runs")
    running = [start(mode, sources, folder) for mode in ("with", "without")]
    try:
        for process in running:
            process.wait(PATIENCE)
    finally:
        for process in running:
            process.kill()
    reports = {mode: folder / f"{mode}.json" for mode in ("with", "without")}
    for mode, report in reports.items():
        assert report.exists(), (folder / f"{mode}.log").read_text()[-5000:]
    return {mode: json.loads(report.read_text()) for mode, report in reports.items()}


def of_suite(run: dict[str, Any], suite: str) -> dict[str, str]:
    return {
        test: outcome for test, outcome in run["outcomes"].items() if test.startswith(f"{suite}.")
    }


@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_passes_as_without_us(
    runs: dict[str, Any], suite: str, record_property: Callable[[str, object], None]
) -> None:
    ours, theirs = of_suite(runs["with"], suite), of_suite(runs["without"], suite)
    record_property("figures", str(dict(Counter(ours.values()))))
    record_property("fails without us", str([t for t, how in theirs.items() if how == "failed"]))
    assert ours == theirs
    assert "passed" in ours.values()


def test_all_of_ours_was_on_and_had_something_to_say(
    runs: dict[str, Any], record_property: Callable[[str, object], None]
) -> None:
    seen, broken = runs["with"]["seen"], runs["with"]["broken"]
    record_property("figures", str(seen))
    assert not broken
    assert not runs["without"]["seen"]
    assert seen["queries"] > 10_000
    assert seen["origins"] > 1_000
    assert min(seen[kind] for kind in ("n+1", "duplicate", "unused eager load")) > 10
