"""A shelf with each kind of relation there is; and a few tables that only SQL knows."""

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models


class Note(models.Model):
    text = models.CharField(max_length=100)
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.PositiveIntegerField()
    on = GenericForeignKey()

    def __str__(self) -> str:
        return self.text


class Author(models.Model):
    name = models.CharField(max_length=100, unique=True)
    rank = models.IntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Book(models.Model):
    title = models.CharField(max_length=100)
    author = models.ForeignKey(Author, models.CASCADE)
    tags = models.ManyToManyField(Tag)
    notes = GenericRelation(Note)

    def __str__(self) -> str:
        return self.title


class Novel(Book):
    hero = models.CharField(max_length=100)


# The log is written by a trigger on authors, pages go with their sheet, the list is a view.
TABLES = """
DROP TABLE IF EXISTS races_log;
CREATE TABLE races_log (message varchar(100));
DROP TABLE IF EXISTS races_page;
DROP TABLE IF EXISTS races_sheet;
CREATE TABLE races_sheet (id integer PRIMARY KEY);
CREATE TABLE races_page (
    id integer PRIMARY KEY, sheet integer REFERENCES races_sheet (id) ON DELETE CASCADE);
CREATE VIEW races_list AS
    SELECT title, name FROM races_book b JOIN races_author a ON a.id = author_id
"""

SQLITE = """
CREATE TRIGGER races_logs AFTER UPDATE ON races_author
    BEGIN INSERT INTO races_log VALUES ('was ' || OLD.name)@ END
"""

POSTGRES = """
CREATE FUNCTION races_log() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO races_log VALUES ('was ' || OLD.name)@ RETURN NULL@ END $$;
CREATE TRIGGER races_logs AFTER UPDATE ON races_author FOR EACH ROW EXECUTE FUNCTION races_log();
CREATE FUNCTION races_rename() RETURNS integer LANGUAGE plpgsql AS $$
    BEGIN UPDATE races_book SET title = title || ' by function'@ RETURN 1@ END $$;
CREATE PROCEDURE races_renames() LANGUAGE plpgsql AS $$
    BEGIN UPDATE races_book SET title = title || ' by procedure'@ END $$;
CREATE MATERIALIZED VIEW races_counted AS SELECT count(*) AS n FROM races_book;
CREATE TABLE races_whole (id integer, kind integer) PARTITION BY LIST (kind);
CREATE TABLE races_part PARTITION OF races_whole FOR VALUES IN (1)
"""


def statements(vendor: str) -> list[str]:
    """One by one; ``@`` is a semicolon within one."""
    text = f"{TABLES};{SQLITE if vendor == 'sqlite' else POSTGRES}"
    return [each.replace("@", ";") for each in text.split(";") if each.strip()]


def fill() -> None:
    """What each scenario finds."""
    for model in (Note, Novel, Book, Tag, Author):
        model.objects.all().delete()
    author = Author.objects.create(name="Guido")
    books = [Book.objects.create(title=title, author=author) for title in ("first", "second")]
    tags = [Tag.objects.create(name=name) for name in ("old", "new")]
    books[0].tags.add(tags[0])
    Note.objects.create(text="kept", on=books[0])
    Novel.objects.create(title="third", author=author, hero="Ada")
    with connection.cursor() as cursor:
        for table in ("races_log", "races_page", "races_sheet"):
            cursor.execute(f"DELETE FROM {table}")
        cursor.execute("INSERT INTO races_sheet VALUES (1)")
        cursor.execute("INSERT INTO races_page VALUES (1, 1), (2, 1)")
        if connection.vendor == "postgresql":
            cursor.execute("REFRESH MATERIALIZED VIEW races_counted")
