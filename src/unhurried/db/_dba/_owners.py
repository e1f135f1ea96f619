"""Which model a table is of, and which of its lines an index comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db import router
from django.db.models import Field, Index, Model

from ._asking import Look, Row

#: How the names end that Django gives to a field's own indexes.
_MADE: Final = re.compile(r"_[0-9a-f]{8}(?:_like)?\Z")
OF_MIGRATION = "in a migration with atomic = False:"


@dataclass(frozen=True, slots=True)
class Owner:
    """A table: of ``model``, unless it is nobody's. ``name`` is SQL, quoted."""

    look: Look
    schema: str
    table: str
    model: type[Model] | None

    @property
    def label(self) -> str:
        """``books.Book``; of what is no model's, the table."""
        if self.model is not None:
            return self.model._meta.label
        return self.table if self.schema == "public" else f"{self.schema}.{self.table}"

    @property
    def name(self) -> str:
        return self.qualified(self.table)

    def qualified(self, name: str) -> str:
        """In this table's schema, as SQL."""
        return f"{self.look.quoted(self.schema)}.{self.look.quoted(name)}"

    def fields(self, columns: Sequence[str]) -> list[Field[Any, Any]]:
        """The model's own for these columns; fewer where a column is none's."""
        if self.model is None:
            return []
        known = {field.column: field for field in self.model._meta.local_concrete_fields}
        return [known[column] for column in columns if column in known]

    def column(self, name: str) -> str:
        """``books.Book.title``."""
        found = self.fields([name])
        return f"{self.label}.{found[0].name if found else name}"

    def add_index(self, columns: Sequence[str]) -> tuple[str, ...]:
        """The lines that make one; SQL where no model can say it, or one says it already."""
        fields = self.fields(columns)
        named = ", ".join(map(self.look.quoted, columns))
        sql = f"CREATE INDEX CONCURRENTLY ON {self.name} ({named});"
        if self.model is None or len(fields) != len(columns) or self._is_automatic:
            return (sql,)
        if len(fields) == 1 and is_indexed(fields[0]):
            return (f"{self.label}.{fields[0].name} has db_index=True, the database no index:", sql)
        return self._in_meta(self.model, fields)

    def _in_meta(self, model: type[Model], fields: Sequence[Field[Any, Any]]) -> tuple[str, ...]:
        index = Index(fields=[field.name for field in fields])
        index.set_name_with_model(model)
        said = f"models.Index(fields={_listed(index.fields)}, name={_text(index.name)})"
        return (
            f"{model.__name__}.Meta: indexes = [{said}]",
            OF_MIGRATION,
            f"AddIndexConcurrently({_text(model._meta.model_name)}, {said})",
        )

    def drop_index(self, index: Row) -> tuple[str, ...]:
        """The line that goes, and the operation; SQL where no line of a model's has made it."""
        if self.model is not None and not self._is_automatic:
            meta = self.model._meta
            if index["name"] in {each.name for each in meta.indexes}:
                return (
                    f"{meta.object_name}.Meta.indexes: without {index['name']!r}".replace("'", '"'),
                    OF_MIGRATION,
                    f"RemoveIndexConcurrently({_text(meta.model_name)}, {_text(index['name'])})",
                )
            fields = self.fields(plain_columns(index))
            if len(fields) == len(index["columns"]) == 1 and is_made_by(fields[0], index):
                return self._without_db_index(self.model, fields[0], index)
        return (f"DROP INDEX CONCURRENTLY {self.qualified(index['name'])};",)

    def _without_db_index(
        self, model: type[Model], field: Field[Any, Any], index: Row
    ) -> tuple[str, ...]:
        """A field for text has two indexes, and one of Meta's has no second one for LIKE."""
        said = f"{self.label}.{field.name}: db_index=False"
        if not index["for_like"]:
            return (f"{said}, and makemigrations",)
        return (f"{said}, and in its place", *self._in_meta(model, [field]))

    @property
    def _is_automatic(self) -> bool:
        """Whether nobody has written the model: that of a ManyToManyField."""
        return self.model is not None and bool(self.model._meta.auto_created)


class Owners:
    """Those of a database's tables."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.models = models_by_table(look.alias)

    def of(self, row: Row) -> Owner:
        schema, table = row["schema"], row["table"]
        return Owner(self.look, schema, table, self.models.get((schema, table)) or self._any(row))

    def _any(self, row: Row) -> type[Model] | None:
        """A ``db_table`` without a schema is wherever the search path leads."""
        return self.models.get(("", row["table"]))


def models_by_table(alias: str) -> Mapping[tuple[str, str], type[Model]]:
    """By (schema, table); the schema is empty where the model names none."""
    found: dict[tuple[str, str], type[Model]] = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy or not router.allow_migrate_model(alias, model):
            continue
        schema, _, table = model._meta.db_table.strip('"').rpartition('"."')
        found.setdefault((schema, table), model)
    return found


def is_made_by(field: Field[Any, Any], index: Row) -> bool:
    """Whether it is the index of a field's ``db_index``, or its second one, for LIKE."""
    plain = index["method"] == "btree" and index["predicate"] is None
    return is_indexed(field) and plain and _MADE.search(index["name"]) is not None


def is_indexed(field: Field[Any, Any]) -> bool:
    """Whether the field itself makes an index: ``db_index``, which is a foreign key's default."""
    return bool(getattr(field, "db_index", False))


def plain_columns(index: Row) -> list[str]:
    """The columns of an index that are columns, and not expressions."""
    texts = zip(index["columns"], index["numbers"], strict=True)
    return [unquoted(text) for text, number in texts if number]


def unquoted(text: str) -> str:
    """A name as it is in the catalogue, of how PostgreSQL writes it."""
    return text[1:-1].replace('""', '"') if text[:1] == '"' else text


def _listed(names: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, names))}]"


def _text(name: str | None) -> str:
    return f'"{name}"'
