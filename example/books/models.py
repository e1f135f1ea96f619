"""The book shop of the talk."""

from django.db import models

from books.managers import BookManager


class Publisher(models.Model):
    """Who prints books."""

    name = models.CharField(max_length=80)
    city = models.CharField(max_length=60)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Author(models.Model):
    """Who writes books."""

    name = models.CharField(max_length=80)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Book(models.Model):
    """A book on the shelf; ``stock`` copies are left."""

    title = models.CharField(max_length=120)
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
    publisher = models.ForeignKey(Publisher, models.CASCADE, related_name="books")
    published = models.DateField()
    pages = models.PositiveIntegerField()
    stock = models.PositiveIntegerField(default=0)

    objects = BookManager()

    def __str__(self) -> str:
        return self.title

    @property
    def price(self) -> int:
        """In cents: this shop sells by the page."""
        return 3 * self.pages
