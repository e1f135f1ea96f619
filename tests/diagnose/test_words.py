"""Numbers and names as sentences want them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.diagnose.site import Shop
from unhurried.diagnose._words import brief, count, label, ms, percent


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.00012, "0.1 ms"), (0.0041, "4.1 ms"), (0.412, "412 ms"), (2.34, "2.3 s"), (75.0, "75 s")],
)
def test_times(seconds: float, said: str) -> None:
    assert ms(seconds) == said


@pytest.mark.parametrize(
    ("number", "word", "said"),
    [
        (1, "query", "1 query"),
        (2, "query", "2 queries"),
        (1204, "worker", "1,204 workers"),
        (1, "process", "1 process"),
        (3, "process", "3 processes"),
    ],
)
def test_counts(number: int, word: str, said: str) -> None:
    assert count(number, word) == said


def test_the_others() -> None:
    assert (percent(0.48), percent(0.004)) == ("48 %", "0.4 %")
    assert (label("feed/"), label("(none)"), label("")) == ("/feed/", "(none)", "/")
    assert brief("SELECT\n   1", 20) == "SELECT 1"
    assert len(brief("x" * 200, 90)) == 90


def test_who_reads_may_have_seen_enough(shop: Shop) -> None:
    """``… diagnose | head -1`` is no traceback."""
    argv = [sys.executable, "manage.py", "unhurried", "diagnose"]
    with subprocess.Popen(
        argv,
        cwd=shop.folder,
        env=shop.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
    assert "Traceback" not in said, said
