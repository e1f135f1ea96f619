"""Imports go one way, down ORDER: an upper room may use a lower one, never back."""

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import is_dataclass
from pathlib import Path

import pytest

import unhurried

SOURCE = Path(unhurried.__file__).parent
TOP = {"apps", "urls", "templatetags", "management", "middleware", "checks", "testing"}
TOP |= {"pytest_plugin"}
ROOMS = ["dashboard", "diagnose", "cache", "later", "db", "queries", "measure"]
ORDER = [TOP, *({room} for room in ROOMS), {"conf"}]
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}
STANDING = [room for room in ROOMS if (SOURCE / room / "__init__.py").exists()]
MODULES = {
    path: ("unhurried", *path.relative_to(SOURCE).with_suffix("").parts)
    for path in sorted(SOURCE.rglob("*.py"))
}


def imports(path):
    """(line, dotted path as a tuple) of all of ours that a module imports, wherever in it."""
    package = MODULES[path][:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple((node.module or "").split(".")) if node.module else ()
            found = [(*base, alias.name) for alias in node.names]
        else:
            continue
        yield from ((node.lineno, target) for target in found if target[0] == "unhurried")


def test_every_module_has_a_place_in_the_order():
    names = {module[1] for module in MODULES.values()} - {"__init__"}
    assert names <= RANK.keys(), f"add to ORDER, or move into a room: {names - RANK.keys()}"


def test_imports_go_one_way():
    wrong = [
        f"{path.relative_to(SOURCE)}:{line} imports {'.'.join(target)}"
        for path, module in MODULES.items()
        for line, target in imports(path)
        if module[1] in RANK and target[1:] and target[1] in RANK
        if module[1] != target[1] and RANK[target[1]] < RANK[module[1]]
    ]
    assert not wrong, "a lower room emits an event the upper one subscribes to in apps.ready"


def test_private_modules_stay_in_their_room():
    wrong = [
        f"{path.relative_to(SOURCE)}:{line} imports {'.'.join(target)}"
        for path, module in MODULES.items()
        if module[1] not in TOP
        for line, target in imports(path)
        if target[1:2] != module[1:2]
        if any(part.startswith("_") and not part.startswith("__") for part in target[1:])
    ]
    assert not wrong, "export it from its room, or move what needs it"


def test_the_package_itself_imports_nothing():
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


@pytest.mark.parametrize("room", STANDING)
def test_a_room_opens_without_models(room):
    """Before settings and apps are ready, as any settings file, manager or model may import it."""
    code = f"""
import unhurried.{room}
from django.apps import apps
assert not apps.all_models, dict(apps.all_models)
"""
    bare = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=bare, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("room", STANDING)
def test_a_room_has_at_most_seven_callables(room):
    module = importlib.import_module(f"unhurried.{room}")
    things = {name: getattr(module, name) for name in getattr(module, "__all__", ())}
    verbs = [
        name
        for name, thing in things.items()
        if callable(thing) and not is_result(thing) and not is_twin(name, things)
    ]
    assert len(verbs) <= 7, f"a room that needs an eighth has one to cut: {verbs}"


def is_twin(name, things):
    """``abulk_copy`` is ``bulk_copy`` for coroutines, as Django has ``aget`` beside ``get``."""
    return name.startswith("a") and name[1:] in things


def is_result(thing):
    """Exceptions, and what is only returned: dataclasses, named tuples and other sequences."""
    return isinstance(thing, type) and (
        issubclass(thing, BaseException | Sequence) or is_dataclass(thing)
    )
