"""The rows, the two users, and the three ways in which sites write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .setup import Tool

ROWS = 8  # in each table
LONG = "with a name as long as those of real things mostly are, and more"


def create(count: int = ROWS) -> None:
    """Tables and rows, where `migrate` has not run."""
    from django.db import connection

    from .models import PARTS

    with connection.schema_editor() as editor:
        for model in PARTS:
            editor.create_model(model)
    fill(count)


def fill(count: int = ROWS) -> None:
    from .models import PARTS

    for model in PARTS:
        for _ in range(count):
            model.objects.create(name=f"OLD {LONG}")


def save(part: Any, name: str) -> None:
    part.name = name
    part.save()


def update(part: Any, name: str) -> None:
    type(part).objects.filter(pk=part.pk).update(name=name)


def sql(part: Any, name: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {part._meta.db_table} SET name = %s WHERE id = %s", [name, part.pk])


#: Forms of a write, by the name people know them by.
WRITES: dict[str, Callable[[Any, str], None]] = {
    "save()": save,
    "update()": update,
    "raw SQL": sql,
}


def write(tool: Tool, part: Any, name: str, how: str = "save()", *, of: str = "value") -> None:
    """A write, and what the tool asks people to do beside it, for what `of` keeps of the row."""
    WRITES[how](part, name)
    if tool.written:
        tool.written(of, 0 if of == "body" else part.pk)


def parts() -> list[Any]:
    """The rows of the first table, read past every tool."""
    from django.db import connection

    from .models import PARTS

    with connection.cursor() as cursor:
        cursor.execute("SELECT id, name FROM part_0 ORDER BY id")
        return [PARTS[0].from_db("default", ["id", "name"], row) for row in cursor.fetchall()]


def login(name: str) -> str:
    """Makes a user and a session; the cookie that a browser would send."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client(HTTP_HOST="bench")
    client.force_login(User.objects.create(username=name))
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
