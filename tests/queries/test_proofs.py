"""What was proven is kept: bounded, private, and believed only if it is ours."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from unhurried.measure import StoreError
from unhurried.measure import _layout as L
from unhurried.queries._live import _proofs
from unhurried.queries._live._proofs import load, save


@dataclass
class Found:
    given: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        base = {"kind": "n+1", "relation": "books.Book.author", "loop": "feed.html:12"}
        return {**base, "verified": "yes", "through": ["a", "b"], "count": 3, **self.given}


def file(store: Path) -> Path:
    return store / f"v{L.VERSION}" / "findings.json"


def test_it_comes_back_as_it_was(store: Path) -> None:
    save([Found({"diff": "+é", "queries_after": 5})], "feed/")
    [proof] = load()
    assert proof["route"] == "feed/"
    assert proof["at"] > 1e9
    assert (proof["diff"], proof["queries_after"], proof["through"]) == ("+é", 5, ["a", "b"])
    assert proof["origin"] is None
    assert stat.S_IMODE(file(store).stat().st_mode) == 0o600
    assert [path.name for path in file(store).parent.iterdir() if "findings" in path.name] == [
        "findings.json"
    ]


def test_the_newer_run_of_a_route_stands(store: Path) -> None:
    save([Found(), Found({"loop": "x.html:1"})], "feed/")
    save([Found()], "other/")
    save([Found({"verified": "no"})], "feed/")
    assert [(p["route"], p["verified"]) for p in load()] == [("feed/", "no"), ("other/", "yes")]


def test_it_is_bounded(store: Path) -> None:
    for route in range(3):
        save([Found({"loop": f"x.html:{n}", "diff": "+" * 50_000}) for n in range(90)], f"{route}/")
    found = load()
    assert len(found) == 200
    assert len(found[0]["diff"]) == 20_000


def test_there_may_be_none(store: Path) -> None:
    assert load() == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "7",
        '{"format": "another", "findings": []}',
        '{"format": "unhurried findings 1"}',
        '{"format": "unhurried findings 1", "findings": [1]}',
        '{"format": "unhurried findings 1", "findings": [{"verified": "maybe", "at": 1}]}',
        '{"format": "unhurried findings 1", "findings": [{"verified": "yes", "at": "x"}]}',
        '{"format": "unhurried findings 1", "findings": [{"verified": "no", "at": 1, "loop": []}]}',
    ],
)
def test_what_is_not_ours_is_said_once_and_replaced(store: Path, content: str, caplog: Any) -> None:
    save([], "feed/")
    file(store).write_text(content)
    assert load() == load() == []
    assert len([r for r in caplog.records if "findings.json" in r.getMessage()]) == 1
    save([Found()], "feed/")
    assert len(load()) == 1


def test_a_link_is_not_followed(store: Path, tmp_path: Path, caplog: Any) -> None:
    save([], "feed/")
    (tmp_path / "elsewhere").write_text(file(store).read_text())
    file(store).unlink()
    file(store).symlink_to(tmp_path / "elsewhere")
    assert load() == []
    assert "findings.json" in caplog.text
    save([Found()], "feed/")
    assert not file(store).is_symlink()
    assert json.loads((tmp_path / "elsewhere").read_text())["findings"] == []


def test_a_folder_that_is_not_ours_is_refused(store: Path) -> None:
    save([], "feed/")
    store.chmod(0o755)
    with pytest.raises(StoreError):
        save([Found()], "feed/")
    store.chmod(0o700)


def test_a_full_disk_leaves_the_old_one_and_nothing_else(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    save([Found()], "feed/")
    with monkeypatch.context() as patched:
        patched.setattr(_proofs.files.json, "dump", full)
        with pytest.raises(OSError, match="No space"):
            save([Found({"verified": "no"})], "feed/")
    assert [p["verified"] for p in load()] == ["yes"]
    assert [p.name for p in file(store).parent.iterdir() if p.name.startswith(".")] == []
