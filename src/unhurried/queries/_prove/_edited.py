"""The other process of ``_elsewhere``, started by ``python -m`` and told by stdin what to do."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any, Final

TIMED: Final = 3


class Edited(SourceFileLoader):
    """Loads a module of the project from its new text; its file is still the old one."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self.source = source

    def get_data(self, path: str) -> bytes:
        return self.source.encode() if path == self.path else super().get_data(path)

    def path_stats(self, path: str) -> Any:
        raise OSError("its bytecode is that of the old text")


class Finder(MetaPathFinder):
    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin not in self.files:
            return None
        spec.loader = Edited(fullname, spec.origin, self.files[spec.origin])
        return spec


def main() -> None:
    given = json.load(sys.stdin)
    sys.path[:] = given["path"]
    sys.meta_path.insert(0, Finder(given["files"]))
    try:
        answer = _ask(given)
    except Exception as error:  # boundary: the other process is told, whatever it was
        answer = {"error": f"{type(error).__name__}: {error}"[:300]}
    unfinished = Path(given["answer"] + ".new")
    unfinished.write_text(json.dumps(answer))
    os.replace(unfinished, given["answer"])


def _ask(given: dict[str, Any]) -> dict[str, Any]:
    import django
    from django.conf import settings
    from django.db import connections

    from unhurried.queries._find._origin import track_everywhere

    django.setup()
    track_everywhere()
    for alias, name in given["databases"].items():
        connections[alias].settings_dict["NAME"] = name
    _templates(settings, given)

    from unhurried.queries._prove._proof import seen_of
    from unhurried.queries._prove._replay import replay

    who = given["url"], given["user"]
    replay(*who)
    page = seen_of(replay(*who))
    page.seconds = median(replay(*who, count=False).seconds for _ in range(TIMED))
    found = {name: getattr(page, name) for name in page.__slots__}
    return {**found, "body": base64.b64encode(page.body).decode()}


def _templates(settings: Any, given: dict[str, Any]) -> None:
    """Edited templates lie in a folder that is looked into first, under their names."""
    from unhurried.queries._edit._templates import name_of

    folder = Path(given["folder"]) / "templates"
    for file, text in given["files"].items():
        if not file.endswith(".py"):
            path = folder / name_of(Path(file))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, newline="")
    if folder.exists():
        from django.template import engines

        for engine in engines.all():
            _look_first(engine, str(folder))


def _look_first(engine: Any, folder: str) -> None:
    inner = getattr(engine, "engine", None)
    if inner is not None:
        inner.dirs = [folder, *inner.dirs]
    loader = getattr(getattr(engine, "env", None), "loader", None)
    if loader is not None and hasattr(loader, "searchpath"):
        loader.searchpath.insert(0, folder)


if __name__ == "__main__":
    main()
