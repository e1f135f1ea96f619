"""``compiled(lambda …)``: what people hold, and which statement a call takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.db import connections
from django.db.models import Model, Q
from django.utils import timezone

from unhurried.conf import settings

from .._errors import DbError
from .._reads import Found, instances
from . import _trial
from ._bound import PLAIN, same
from ._family import MOST, Family
from ._param import Param, ShapesError
from ._variant import Variant

CHECKED: Final = 20  # calls that are checked under DEBUG
#: What says something else at each call: a lambda that asks one of these is asked once.
CLOCKS: Final = frozenset(
    "now utcnow today localtime localdate time monotonic perf_counter random randint choice uuid1 "
    "uuid4 token_hex token_urlsafe get_current_timezone get_language".split()
)


def compiled(build: Callable[..., Any]) -> Compiled:
    """A queryset that is built and compiled once; then its arguments are bound, and it runs.

    ``inventory = compiled(lambda shop, since: Book.objects.filter(shop=shop, added__gte=since))``:
    ``inventory(shop, since)`` gives its instances, as ``instances()`` does. A lambda that ends in
    ``.update(…)`` gives the number of rows that it changed.

    What the lambda does with an argument is watched: where it stands in a filter or as a new value
    it is bound; where its value shapes the query (a slice, a condition, an ordering) each value has
    a statement of its own. All else that the lambda reads is read once. With ``STRICT``, and for
    the first calls under DEBUG, each statement is compared with the one that Django makes.

    Raises:
        DbError: the lambda can't be compiled soundly; its text says why.
    """
    return Compiled(build)


#: Types of which any two values make the same statement, wherever they are bound.
ORDINARY: Final = frozenset(PLAIN)
#: A zone that nobody is in: what is the same there is the same anywhere.
ELSEWHERE: Final = timezone.get_fixed_timezone(13 * 60 + 37)


class Compiled:
    """A handle: call it with the arguments, or ``await handle.acall(…)``."""

    def __init__(self, build: Callable[..., Any]) -> None:
        self._build = build
        self._signature = inspect.signature(build)
        self._names = _names_of(self._signature)
        _refuse_clocks(build)
        self._shaping: set[str] = set()
        self._families: dict[Any, Family | None] = {}  # None: what runs as it is written
        #: By the types of the arguments alone: those whose statement no time zone changes.
        self._anywhere: dict[tuple[type, ...], Family] = {}
        self._compared: set[tuple[type, ...]] = set()
        self._unchecked = CHECKED
        self._most = MOST

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs or len(args) != len(self._names):
            args = self._all(args, kwargs)
        family = self._anywhere.get(tuple(map(type, args)))
        if family is None:
            return self._call(args)
        connection = connections[family.alias()]
        quick = family.quick.get(connection.alias)
        params = quick.params(args, connection) if quick is not None else None
        if quick is None or params is None:
            return self._call(args)
        return self._run(family, quick.variant, params, args, connection)

    def _call(self, args: Sequence[Any]) -> Any:
        args = tuple([tuple(each) if isinstance(each, Iterator) else each for each in args])
        family = None if any(map(_is_sql, args)) else self._family(args)
        if family is None:
            return self._as_written(args)
        connection = connections[family.alias()]
        values = dict(zip(self._names, args, strict=True))
        variant, params = family.bound(values, connection)
        if connection.alias not in family.tried:
            family.tried.add(connection.alias)
            self._try_quick(family, variant, params, args)
        return self._run(family, variant, params, args, connection)

    def _run(
        self,
        family: Family,
        variant: Variant,
        params: Sequence[Any],
        args: Sequence[Any],
        connection: Any,
    ) -> Any:
        if settings.STRICT or (self._unchecked and self._wants_check()):
            self._check(variant, params, args)
        if family.is_update:
            return variant.update(params, connection)
        alias = connection.alias
        return Found(
            lambda: variant.all(params, connections[alias]),
            lambda size: variant.stream(params, connections[alias], size),
            family.model,
        )

    def _try_quick(
        self, family: Family, variant: Variant, params: Sequence[Any], args: Sequence[Any]
    ) -> None:
        """From now on only values are bound, where nothing else can change the statement."""
        kinds = tuple(map(type, args))
        if self._shaping or not ORDINARY.issuperset(kinds):
            return
        quick = family.quick_for(variant, self._names)
        if quick is None:
            return
        try:
            with timezone.override(ELSEWHERE):
                sql, theirs = self._by_django(args, variant.alias)
        except Exception:  # boundary: people's lambda, in a zone that they may not expect
            return
        if sql == variant.sql and same(params, theirs):
            family.quick[variant.alias] = quick
            self._anywhere[kinds] = family

    async def acall(self, *args: Any, **kwargs: Any) -> Any:
        """The same from a coroutine: a list of instances, or the number of changed rows."""
        return await sync_to_async(self._now)(*args, **kwargs)

    def _now(self, *args: Any, **kwargs: Any) -> Any:
        found = self(*args, **kwargs)
        return list(found) if isinstance(found, Found) else found

    def __repr__(self) -> str:
        return f"<compiled({', '.join(self._names)}), {len(self._families)} kinds of arguments>"

    def _all(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return tuple(bound.arguments[name] for name in self._names)

    def _as_written(self, args: Sequence[Any]) -> Any:
        """Where each call has values that shape it anew, compiling costs more than it saves."""
        found = self._build(*args)
        return found if found.__class__ is int else instances(found)

    def _family(self, args: Sequence[Any]) -> Family | None:
        """By kinds of arguments, and the zone that dates are told in; None: there are too many."""
        while True:
            zone = timezone.get_current_timezone() if django_settings.USE_TZ else None
            shape: tuple[Any, ...] = (zone, *map(type, args))
            if self._shaping and self._is_shaped_by_instances(args):
                return None
            if self._shaping or not ORDINARY.issuperset(shape[1:]):
                shape = (zone, *map(self._kind, self._names, args))
            try:
                found = self._families.get(shape, NEW)
            except TypeError:
                raise DbError(
                    f"compiled: {self._unhashable(args)} shapes the query and can't be a key.",
                    "Pass a tuple.",
                ) from None
            if found is not NEW:
                return found  # type: ignore[no-any-return]
            if len(self._families) >= self._most:
                return None
            try:
                return self._new(shape, args)
            except ShapesError as error:
                self._shaping.add(error.name)
                self._anywhere.clear()
            except DbError:
                raise
            except Exception:  # boundary: an argument may stand where Django takes no expression
                if self._shaping.issuperset(self._names):
                    raise
                _trial.made_by_django(_trial.run(self._build, args))  # or it raises by itself
                self._shaping.update(self._names)
                self._anywhere.clear()

    def _kind(self, name: str, value: Any) -> Any:
        if not _is_watched(value):
            return value
        if name not in self._shaping:
            return type(value)
        return _told(value)

    def _is_shaped_by_instances(self, args: Sequence[Any]) -> bool:
        """They are equal by their keys, whatever else is read of them."""
        named = zip(self._names, args, strict=True)
        return any(_has_instance(value) for name, value in named if name in self._shaping)

    def _unhashable(self, args: Sequence[Any]) -> str:
        for name, value in zip(self._names, args, strict=True):
            if name in self._shaping and getattr(value, "__hash__", None) is None:
                return name
        return "an argument"

    def _new(self, shape: Any, args: Sequence[Any]) -> Family | None:
        """Built with watched arguments; the first of its kind is compared with Django's."""
        built = _trial.run(self._build, self._watched(args))
        if built.rows is None and built.update is None and self._shaping:
            self._most = 0  # an update with nothing to bind
            return None
        if built.rows is None and built.update is None and not all(map(_is_watched, args)):
            self._families[shape] = None  # None and flags shape it; other values are bound
            return None
        family = Family(built)
        kind = tuple(map(type, args))
        if kind not in self._compared:
            connection = connections[family.alias()]
            variant, params = family.bound(dict(zip(self._names, args, strict=True)), connection)
            self._check(variant, params, args)
            self._compared.add(kind)
        self._families[shape] = family
        return family

    def _watched(self, args: Sequence[Any]) -> list[Any]:
        return [
            Param(name, value) if _is_watched(value) and name not in self._shaping else value
            for name, value in zip(self._names, args, strict=True)
        ]

    def _wants_check(self) -> bool:
        if django_settings.DEBUG:
            self._unchecked -= 1
        return bool(django_settings.DEBUG)

    def _check(self, variant: Variant, params: Sequence[Any], args: Sequence[Any]) -> None:
        """Whether this is what Django makes of it. DbError where it is not."""
        sql, theirs = self._by_django(args, variant.alias)
        if sql == variant.sql and same(params, theirs):
            return
        raise DbError(
            "compiled: with these arguments Django makes another statement of this lambda."
            f"\n  compiled: {variant.sql} {list(params)!r}\n  Django:   {sql} {list(theirs)!r}\n",
            "What it reads besides its arguments is read once: pass all that changes as arguments.",
        )

    def _by_django(self, args: Sequence[Any], alias: str) -> tuple[str, Sequence[Any]]:
        return _trial.made_by_django(_trial.run(self._build, args), alias)


NEW: Final[Any] = object()


def _is_watched(value: Any) -> bool:
    return value is not None and value is not True and value is not False


def _is_sql(value: Any) -> bool:
    """A queryset or an expression: SQL of its own, and no value that could be bound."""
    return hasattr(value, "resolve_expression") and not isinstance(value, Q)


def _told(value: Any) -> Any:
    """A key for what shapes a query: of equal values two may say it otherwise, as 1 and 1.0 do, or
    one moment in two zones.
    """
    if isinstance(value, tuple):
        return type(value), tuple(map(_told, value))
    return type(value), value, repr(value) if isinstance(value, PLAIN) else None


def _has_instance(value: Any) -> bool:
    return isinstance(value, Model) or (isinstance(value, tuple) and any(map(_has_instance, value)))


def _names_of(signature: inspect.Signature) -> tuple[str, ...]:
    for each in signature.parameters.values():
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            raise DbError(
                f"compiled: the lambda takes {each}: nobody knows how many arguments.",
                "Name each argument.",
            )
    return tuple(signature.parameters)


def _refuse_clocks(build: Callable[..., Any]) -> None:
    code = getattr(build, "__code__", None)
    asked = CLOCKS.intersection(code.co_names if code is not None else ())
    if asked:
        raise DbError(
            f"compiled: the lambda asks {sorted(asked)[0]}(), once and for ever.",
            "Pass its result as an argument.",
        )
