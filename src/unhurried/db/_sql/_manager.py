"""``SQLManager``: statements of ``.sql`` files as typed methods."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from inspect import Signature
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from asgiref.sync import sync_to_async
from django.db import router
from django.db.models import Manager, Model

from .._errors import DbError
from ._file import statements_in
from ._names import Names
from ._run import PART, Run
from ._statement import Statement

_M = TypeVar("_M", bound=Model, covariant=True)
SqlFile = str | os.PathLike[str]
_LACKS: Final = object()
#: What instances have, and related managers, whose methods would stand before the file's.
TAKEN: Final = frozenset(
    "model name instance field core_filters through add aadd remove aremove clear aclear set aset "
    "get_prefetch_queryset get_prefetch_querysets".split()
)


class SQLManager(Manager[_M]):
    """A manager whose methods are the statements of ``.sql`` files.

    ::

        class BookManager(SQLManager):
            sql = "sql/book.sql"

    ``sql``: a path, or several, from the folder of the module that defines the class. Of a file::

        -- name: inventory(shop: int, limit: int = 20) -> list[InventoryRow]
        -- What a shop has, the newest first.
        SELECT title, count(*) AS copies FROM books_copy WHERE shop_id = :shop … LIMIT :limit

    A result is ``list[X]``, ``X`` (exactly one row), ``X | None``, ``Iterator[X]`` or
    ``rowcount``; ``X`` a dataclass, a NamedTuple, a msgspec Struct, a model or the type of one
    value. ``ainventory`` is the same for coroutines.

    Raises:
        DbError: as the class is defined, with file and line: a file is wrong. At a call: a name
            of the header is unknown, or the columns are not the fields of the row class.
    """

    sql: ClassVar[SqlFile | Sequence[SqlFile]] = ()

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """The file's statements."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "sql" in vars(cls):
            _define(cls)

    def sql_alias(self, statement: Statement) -> str:
        """The database that a statement runs on, by ``using`` or the router."""
        if statement.writes:
            return self._db or router.db_for_write(self.model, **self._hints)
        return self.db


def statements_of(cls: type[SQLManager[Any]]) -> Iterator[Statement]:
    """All that its methods run, inherited ones too, in the order of the files."""
    found = {}
    for base in reversed(cls.__mro__):
        for name in vars(base):
            statement = getattr(getattr(cls, name, None), "statement", None)
            if isinstance(statement, Statement) and statement.name == name:
                found[name] = statement
    yield from found.values()


def _define(cls: type[SQLManager[Any]]) -> None:
    module = sys.modules.get(cls.__module__)
    names = Names(cls, module)
    made: dict[str, Statement] = {}
    for file in _files(cls, module):
        for written in statements_in(file):
            statement = Statement(written)
            statement.names = names
            _refuse(cls, statement, made)
            made[statement.name] = statement
    for statement in made.values():
        setattr(cls, statement.name, _method(cls, statement))
    for statement in made.values():
        twin = f"a{statement.name}"
        if twin not in vars(cls):
            setattr(cls, twin, _twin(cls, statement))


def _files(cls: type[SQLManager[Any]], module: ModuleType | None) -> list[Path]:
    given = [cls.sql] if isinstance(cls.sql, str | os.PathLike) else list(cls.sql)
    own = getattr(module, "__file__", None)
    if own is None and not all(Path(each).is_absolute() for each in given):
        raise DbError(
            f"{cls.__name__}.sql: the module {cls.__module__} is no file.",
            "Give the whole path.",
        )
    folder = Path(own).resolve().parent if own else Path()
    return [folder / each for each in given]


def _refuse(cls: type, statement: Statement, made: dict[str, Statement]) -> None:
    name, place = statement.name, statement.place
    if name in made:
        raise place.wrong(f"{name} is there already, {made[name].place}.", "Name it otherwise.")
    if name.startswith("_"):
        raise place.wrong(f"{name} is a private name.", "Begin it with a letter.")
    if name in vars(cls):
        raise place.wrong(f"{cls.__name__} defines {name} itself.", "Name one of them otherwise.")
    for each in (name, f"a{name}"):
        known = getattr(cls, each, _LACKS)
        taken = each in TAKEN or (known is not _LACKS and not hasattr(known, "statement"))
        if taken and (each == name or each not in vars(cls)):
            twin = "" if each == name else f" (as {name} for coroutines)"
            raise place.wrong(
                f"{each}{twin} would stand before what a manager has.", "Name it otherwise."
            )


def _method(cls: type, statement: Statement) -> Callable[..., Any]:
    run, signature = Run(statement), statement.head.signature

    def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return run(self.sql_alias(statement), self, _arguments(signature, self, args, kwargs))

    return _dressed(cls, statement, method, statement.name, statement.head.doc)


def _arguments(signature: Signature, manager: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    """By name, with the defaults. Raises TypeError as Python does."""
    bound = signature.bind(manager, *args, **kwargs)
    bound.apply_defaults()
    return {name: value for name, value in bound.arguments.items() if name != "self"}


def _twin(cls: type, statement: Statement) -> Callable[..., Any]:
    make = _async_iterator if statement.head.shape == "iterator" else _coroutine
    doc = f"``{statement.name}`` for coroutines."
    return _dressed(cls, statement, make(statement), f"a{statement.name}", doc)


def _coroutine(statement: Statement) -> Callable[..., Any]:
    name = statement.name

    async def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return await sync_to_async(getattr(self, name))(*args, **kwargs)

    return method


def _async_iterator(statement: Statement) -> Callable[..., Any]:
    name, signature = statement.name, statement.head.signature

    def method(self: Any, /, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        signature.bind(self, *args, **kwargs)
        return _fetched(lambda: getattr(self, name)(*args, **kwargs))

    return method


async def _fetched(call: Callable[[], Any]) -> AsyncIterator[Any]:
    """Some at a time, in the thread that has the connection."""
    rows = await sync_to_async(call)()
    take = sync_to_async(lambda: list(islice(rows, PART)))
    try:
        while part := await take():
            for row in part:
                yield row
    finally:
        await sync_to_async(rows.close)()


def _dressed(
    cls: type, statement: Statement, method: Any, name: str, doc: str
) -> Callable[..., Any]:
    """As if it stood in the class: what help() and inspect.signature() say of it."""
    signature = statement.head.signature
    method.__name__, method.__qualname__ = name, f"{cls.__qualname__}.{name}"
    method.__module__, method.__doc__ = cls.__module__, doc or None
    method.__signature__, method.statement = signature, statement
    hints = {each.name: each.annotation for each in statement.head.parameters}
    method.__annotations__ = {**hints, "return": signature.return_annotation}
    method.alters_data = statement.writes
    found: Callable[..., Any] = method
    return found
