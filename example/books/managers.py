"""What is asked of books in SQL: ``sql/book.sql`` says it."""

from dataclasses import dataclass

from unhurried.db import SQLManager


@dataclass
class InventoryRow:
    """A publisher's books; ``value`` in cents."""

    publisher: str
    city: str
    titles: int
    stock: int
    value: int
    author: str


class BookManager(SQLManager):
    """``Book.objects.inventory(since)``, and all that a manager has."""

    sql = "sql/book.sql"
