"""``SQLManager``: each statement of its file is a method."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, ClassVar, Final
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist
from django.db import connections, router, transaction
from django.db.models import Manager

from .._errors import DbError
from .._kinds import caller, names_wanted
from . import _file
from ._file import Statement
from ._types import Names, Result, result_of
from ._values import converter, hints_of, ready, without_none

PART: Final = 2000  # rows fetched at a time


class SQLManager(Manager[Any]):
    """A manager whose methods are statements of a ``.sql`` file.

    ``sql`` is the file's path, or several, from the folder of the module that defines the class. A
    header ``-- name: inventory(shop: int) -> list[Row]`` makes ``inventory(shop)``, and
    ``await ainventory(shop)``; ``:shop`` in the SQL is a parameter. It may give ``list[Row]``,
    ``Row`` (the only one), ``Row | None``, ``Iterator[Row]`` (nothing is kept), or ``rowcount``. A
    row is a dataclass, a NamedTuple, a msgspec Struct whose fields are the columns' names; a model;
    or a plain type, for the first column.

    Raises:
        DbError: when the class is defined, with file and line; or when the columns do not fit.
    """

    sql: ClassVar[str | Sequence[str]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        files = vars(cls).get("sql", ())
        for name in (files,) if isinstance(files, str) else files:
            folder = Path(str(sys.modules[cls.__module__].__file__)).parent
            for statement in _file.read(folder / name, name):
                _add(cls, statement)


def _add(cls: type[SQLManager], statement: Statement) -> None:
    name = statement.name
    if name in vars(cls) or hasattr(Manager, name):
        raise DbError(
            f"{statement.where}: a manager has {name} already.", "Give the statement another name."
        )
    query = Query(statement, cls.__module__)
    setattr(cls, name, _method(cls, query, query.call, name))
    if not hasattr(cls, f"a{name}"):
        call = query.iterate if _says_iterator(statement) else sync_to_async(query.call)
        setattr(cls, f"a{name}", _method(cls, query, call, f"a{name}"))


def _says_iterator(statement: Statement) -> bool:
    value = getattr(statement.returns, "value", None)
    return getattr(value, "id", "") == "Iterator"


def _method(cls: type, query: Query, call: Callable[..., Any], name: str) -> Callable[..., Any]:
    def method(self: SQLManager, *args: Any, **kwargs: Any) -> Any:
        return call(self, query.bound(args, kwargs))

    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    signature = query.statement.signature
    method.__name__ = name
    method.__qualname__ = f"{cls.__qualname__}.{name}"
    method.__module__, method.__doc__ = cls.__module__, query.statement.doc or None
    parameters = [own, *signature.parameters.values()]
    method.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    method.query = query  # type: ignore[attr-defined]
    return method


class Query:
    """A statement, what it gives, and how its rows are made."""

    def __init__(self, statement: Statement, module: str) -> None:
        self.statement = statement
        self.names = Names(module, statement)
        self._makers: WeakKeyDictionary[Any, tuple[list[str], Any]] = WeakKeyDictionary()

    @cached_property
    def result(self) -> Result:
        """Known from the first call on, so that rows and models may be defined below."""
        return result_of(self.names)

    def bound(self, args: Any, kwargs: Any) -> dict[str, Any]:
        found = self.statement.signature.bind(*args, **kwargs)
        found.apply_defaults()
        return dict(found.arguments)

    def call(self, manager: SQLManager, values: dict[str, Any]) -> Any:
        shape = self.result.shape
        if shape == "rowcount":
            return self._changed(manager, values)
        rows = self._rows(manager, values)
        if shape == "iterator":
            return rows
        found = list(rows)
        return found if shape == "list" else self._only(manager, found)

    async def iterate(self, manager: SQLManager, values: dict[str, Any]) -> Any:
        """The rows of an ``Iterator``, a part at a time."""
        rows = await sync_to_async(self.call)(manager, values)
        while part := await sync_to_async(_some)(rows):
            for row in part:
                yield row

    def _only(self, manager: SQLManager, found: list[Any]) -> Any:
        if len(found) == 1:
            return found[0]
        if not found and self.result.shape == "maybe":
            return None
        model = self.result.item if self.result.is_model else manager.model
        name = self.statement.name
        if not found:
            none = getattr(model, "DoesNotExist", ObjectDoesNotExist)
            raise none(f"{name} found no row.")
        many = getattr(model, "MultipleObjectsReturned", MultipleObjectsReturned)
        raise many(f"{name} found {len(found)} rows, not one.")

    def _changed(self, manager: SQLManager, values: dict[str, Any]) -> int:
        alias = manager._db or router.db_for_write(manager.model)
        connection = connections[alias]
        with transaction.mark_for_rollback_on_error(using=alias), connection.cursor() as cursor:
            cursor.execute(self.statement.sql, self._ready(values, connection))
            return int(cursor.rowcount)

    def _ready(self, values: dict[str, Any], connection: Any) -> dict[str, Any]:
        return {name: ready(value, connection) for name, value in values.items()}

    def _rows(self, manager: SQLManager, values: dict[str, Any]) -> Iterator[Any]:
        connection: Any = connections[manager.db]
        params = self._ready(values, connection)
        if self.result.is_model:
            rows = self.result.item._base_manager.using(manager.db).raw(self.statement.sql, params)
            return rows.iterator() if self.result.shape == "iterator" else iter(rows)
        return self._fetched(connection, params)

    def _fetched(self, connection: Any, params: dict[str, Any]) -> Iterator[Any]:
        off = connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS", False)
        chunked = self.result.shape == "iterator" and not off
        with connection.chunked_cursor() if chunked else connection.cursor() as cursor:
            cursor.execute(self.statement.sql, params)
            make = None
            while rows := cursor.fetchmany(PART):
                if make is None:
                    make = self._maker([column[0] for column in cursor.description], connection)
                yield from make(rows)

    def _maker(self, columns: list[str], connection: Any) -> Any:
        """What makes items of rows; kept for a connection while its columns are the same."""
        known = self._makers.get(connection)
        if known is not None and known[0] == columns:
            return known[1]
        make = self._row_maker(columns, connection) if self.result.is_row else None
        make = make or self._value_maker(columns, connection)
        self._makers[connection] = columns, make
        return make

    def _value_maker(self, columns: list[str], connection: Any) -> Any:
        if len(columns) != 1:
            raise DbError(
                f"{self.statement.where}: {self.statement.name} gives {len(columns)} columns "
                f"({', '.join(columns)}), and its header says one value.",
                "Select one, or name a row class in the header.",
            )
        convert = converter(self.result.item, connection)
        if convert is None:
            return lambda rows: map(itemgetter(0), rows)
        return lambda rows: (convert(value) for (value,) in rows)

    def _row_maker(self, columns: list[str], connection: Any) -> Any:
        kind = self.result.item
        wanted = names_wanted(kind)
        differences(self.statement, columns, kind)
        places = [columns.index(name) for name in wanted]
        hints, call = hints_of(kind), caller(kind)
        kinds = [without_none(hints.get(name))[0] for name in wanted]
        converts = [converter(each, connection) for each in kinds]
        steps = list(zip(places, converts, strict=True))

        def make(rows: Any) -> Iterator[Any]:
            for row in rows:
                yield call(*[row[k] if c is None else c(row[k]) for k, c in steps])

        return make


def _some(rows: Iterator[Any]) -> list[Any]:
    return list(islice(rows, PART))


def differences(statement: Statement, columns: list[str], kind: type) -> None:
    """DbError where the columns are not the fields of the row class."""
    wanted = names_wanted(kind)
    missing = [name for name in wanted if name not in columns]
    surplus = [name for name in columns if name not in wanted]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    said = [
        *(f"no column {name!r}" for name in missing),
        *(f"a column {name!r} that {kind.__name__} has not" for name in surplus),
        *(f"the column {name!r} twice" for name in twice),
    ]
    if said:
        raise DbError(
            f"{statement.where}: {statement.name} gives {', '.join(said)}.",
            f"{kind.__name__} has {', '.join(wanted)}; the statement {', '.join(columns)}.",
        )
