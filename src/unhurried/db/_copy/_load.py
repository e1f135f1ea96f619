"""One call of ``bulk_copy``: batch by batch, each row that is refused found and named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, Final

from django.db import DatabaseError, connections, transaction
from django.db.models import Model

from .._errors import CopyError, DbError
from ._columns import AUTO, MISSING, columns_of, keys_of, pk_fields, root, tables_of
from ._conflict import Conflict, resolved
from ._faults import is_of_a_row
from ._own import Numbered, OwnKeys, key_told
from ._plan import RowError
from ._roads import table_of
from ._rows import Source
from ._table import Table

#: What a row may raise on its way; drivers have errors of their own for integers of more than 64
#: bits, and for texts that are no Unicode (one half of a surrogate pair).
REFUSED: Final = (DatabaseError, OverflowError, UnicodeEncodeError)
BATCH: Final = 5000  # rows that are kept, so that one of them can be named


class Load:
    """One call: batch by batch, each in a savepoint of its own."""

    def __init__(
        self,
        model: type[Model],
        source: Source,
        alias: str,
        conflict: Conflict,
    ) -> None:
        self.source, self.alias, self.connection = source, alias, connections[alias]
        self.collects = False
        self.progress: Callable[[int], Any] | None = None
        self.pks: list[Any] | None = None
        self.errors: list[CopyError] = []
        self.count = self.seen = 0
        self.models, self.keys = tables_of(model), keys_of(model)
        self.pk = [root(field) for field in pk_fields(model)]
        self.conflict, self.unique = resolved(model, conflict, self.connection)
        self._chains: dict[tuple[int, ...], list[Table]] = {}

    def all(self) -> None:
        if self.pks is not None or len(self.models) > 1:
            self.reserves = True
            self.source.with_keys(self.keys)
        self.columns = [columns_of(each, self.source.given) for each in self.models]
        every = (c for columns in self.columns for c in columns if c.is_optional)
        self.optional = sorted({c.index for c in every if c.index is not None})
        self.road = self._chain(())[0].road
        self._own = OwnKeys(self.source, self._chain(()))
        takes_back = self.collects and self._can_take_back()
        for batch in self._batches():
            for left_out, part in self._parts(batch):
                self._store(self._chain(left_out), part)
            if self.progress is not None:
                self.progress(self.seen)
        for chain in self._chains.values():
            for table in chain:
                table.end()
        if takes_back:
            self._take_back()
        elif (error := self._own.first()) is not None:
            raise error from error.cause

    def _can_take_back(self) -> bool:
        """Whether all rows that will refer to none are this call's, and only inserted."""
        known = self.connection.vendor in ("postgresql", "sqlite")
        alone = len(self.models) == 1 and not self.unique
        return bool(self._own) and known and alone and self._own.are_whole()

    def _take_back(self) -> None:
        count, errors = self._own.take_back()
        self.count -= count
        self.errors += errors
        if self.pks is not None:
            gone = {each.row_number for each in errors}
            self.pks = [(number, pk) for number, pk in self.pks if number not in gone]

    reserves = False

    def _chain(self, left_out: tuple[int, ...]) -> list[Table]:
        """The tables, for rows that leave these places to the database."""
        found = self._chains.get(left_out)
        if found is None:
            width = len(self.source.given)
            found = self._chains[left_out] = []
            for model, columns in zip(self.models, self.columns, strict=True):
                kept = [c for c in columns if c.index is None or c.index not in left_out]
                more = (self.connection, self.conflict, self.unique)
                found.append(table_of(model, kept, width, *more))
            for table in found:
                table.begin()
        return found

    def _batches(self) -> Iterator[list[Numbered]]:
        batch: list[Numbered] = []
        for number, row in enumerate(self.source.raw):
            self.seen = number + 1
            try:
                batch.append((number, row, self.source.tuple_of(row)))
            except (TypeError, ValueError, DbError) as error:
                self._refused(CopyError(number, row, None, None, error))
            except RowError as error:
                self._refused(CopyError(number, row, None, None, _of_a_row(error.cause)))
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _parts(self, batch: list[Numbered]) -> list[tuple[tuple[int, ...], list[Numbered]]]:
        """By what they leave to the database."""
        if self.reserves:
            batch = self._with_keys(batch)
        if not self.optional:
            return [((), batch)]
        if self.conflict:
            return self._parts_in_order(batch)
        found: dict[tuple[int, ...], list[Numbered]] = {}
        for each in batch:
            found.setdefault(self._left_out(each), []).append(each)
        # Those that bring their keys first, as bulk_create has it: a key that is given wins.
        return sorted(found.items(), key=lambda part: len(part[0]))

    def _parts_in_order(
        self, batch: list[Numbered]
    ) -> list[tuple[tuple[int, ...], list[Numbered]]]:
        """Of rows that are the same, which one counts is a matter of their order."""
        if not self.unique:  # of those that are ignored none may take a key that is given
            batch = sorted(batch, key=self._has_no_key)
        return [(left_out, list(part)) for left_out, part in groupby(batch, self._left_out)]

    def _left_out(self, row: Numbered) -> tuple[int, ...]:
        values = row[2]
        return tuple([i for i in self.optional if values[i] is MISSING])

    def _has_no_key(self, row: Numbered) -> bool:
        places = [self.source.given.index(key) for key in self.keys if key in self.source.given]
        return any(row[2][place] is MISSING for place in places)

    def _with_keys(self, batch: list[Numbered]) -> list[Numbered]:
        """Keys are known before the rows are sent, in their order."""
        for key in self.keys:
            place = self.source.given.index(key)
            given = [each[2][place] for each in batch]
            without = [n for n, value in enumerate(given) if value is MISSING]
            if not without:
                continue
            most = max((value for value in given if isinstance(value, int)), default=0)
            for n, value in zip(without, self._new_keys(key, len(without), most), strict=True):
                number, row, values = batch[n]
                batch[n] = (number, row, (*values[:place], value, *values[place + 1 :]))
        return batch

    def _new_keys(self, key: Any, count: int, most: int) -> list[Any]:
        if not isinstance(key, AUTO):
            return [key.get_default() for _ in range(count)]
        table = next(each for each in self._chain(()) if each.model._meta.pk is key)
        return table.reserve(count, most)

    def _store(self, chain: list[Table], part: list[Numbered]) -> None:
        while part:
            try:
                self._kept(part, self._sent(chain, part))
                return
            except (RowError, *REFUSED) as error:
                place, table, why = self._located(chain, part, error)
            number, row, values = part[place]
            self._refused(self._told(table, number, row, values, why))
            self._store(chain, part[:place])
            part = part[place + 1 :]

    def _kept(self, part: list[Numbered], stored: int) -> None:
        self.count += stored
        if self._own:
            self._own.note(part)
        if self.pks is not None:
            places = [self.source.given.index(field) for field in self.pk]
            for number, _, values in part:
                pk = [key_told(f, values[n]) for f, n in zip(self.pk, places, strict=True)]
                self.pks.append((number, pk[0] if len(pk) == 1 else tuple(pk)))

    def _sent(self, chain: list[Table], part: list[Numbered]) -> int:
        rows = [values for _, _, values in part]
        stored, self.at = 0, chain[0]
        with transaction.atomic(using=self.alias):
            for table in chain:
                self.at = table
                stored = table.send(rows)
        return stored

    def _located(
        self, chain: list[Table], part: list[Numbered], error: Exception
    ) -> tuple[int, Table, Exception]:
        """The first row that can't be stored after those before it; halving where nobody says."""
        if isinstance(error, RowError):
            return error.place, self.at, _of_a_row(error.cause)
        _of_a_row(error)
        place, why = self.at.place_of(error), error
        if place is not None:
            return place, self.at, why
        good, bad, table = 0, len(part), self.at  # so many can be stored, so many can not
        while bad - good > 1:
            middle = (good + bad) // 2
            try:
                self._tried(chain, part[:middle])
                good = middle
            except REFUSED as other:
                bad, why, table = middle, _of_a_row(other), self.at
        return bad - 1, table, why

    def _tried(self, chain: list[Table], part: list[Numbered]) -> None:
        with transaction.atomic(using=self.alias):
            self._sent(chain, part)
            transaction.set_rollback(True, using=self.alias)

    def _told(
        self, table: Table, number: int, row: Any, values: tuple[Any, ...], error: Exception
    ) -> CopyError:
        found = table.field_of(error) or self._unready(table, values)
        index = next((c.index for c in table.columns if c.field is found), None)
        name = None if found is None else found.name
        return CopyError(number, row, name, None if index is None else values[index], error)

    def _unready(self, table: Table, values: tuple[Any, ...]) -> Any:
        """The first field whose value can't be made ready, if there is one."""
        for column in table.columns:
            if column.index is not None:
                alone = table_of(table.model, [column], len(values), self.connection)
                ready: list[Any] = []
                try:
                    alone.convert([values], ready)
                    "".join(map(str, ready[0])).encode()
                except (RowError, UnicodeEncodeError):
                    return column.field
                if any(type(each) is int and each.bit_length() > 63 for each in ready[0]):
                    return column.field
        return None

    def _refused(self, error: CopyError) -> None:
        if not self.collects:
            raise error from error.cause
        self.errors.append(error)


def _of_a_row(error: Exception) -> Exception:
    """Raises what no other rows would change: a lock, a lost server, a table that is not there."""
    if not is_of_a_row(error):
        raise error
    return error
