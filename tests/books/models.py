"""The slides' books, as small as the tests need them."""

from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Book(models.Model):
    title = models.CharField(max_length=100)
    author = models.ForeignKey(Author, models.CASCADE)

    def __str__(self) -> str:
        return self.title


class Shop(models.Model):
    name = models.CharField(max_length=100)

    def __str__(self) -> str:
        return self.name


class Stock(models.Model):
    """So many copies of a book in a shop."""

    shop = models.ForeignKey(Shop, models.CASCADE)
    book = models.ForeignKey(Book, models.CASCADE)
    copies = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.copies} of {self.book} in {self.shop}"
