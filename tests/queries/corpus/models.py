"""A book shop with every kind of relation that Django has."""

from __future__ import annotations

from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.functional import cached_property


class Country(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Publisher(models.Model):
    name = models.CharField(max_length=50)
    country = models.ForeignKey(Country, models.CASCADE)

    def __str__(self) -> str:
        return self.name


class Author(models.Model):
    name = models.CharField(max_length=50)
    country = models.ForeignKey(Country, models.CASCADE)
    biography = models.TextField(default="")
    visits = models.IntegerField(default=0)

    def __str__(self) -> str:
        return self.name

    @property
    def latest(self) -> str:
        book = self.book_set.order_by("-year").first()  # loop: latest
        return book.title if book else "nothing"

    def shelf(self) -> list[str]:
        return [book.title for book in self.book_set.all()]  # loop: shelf


class Passport(models.Model):
    author = models.OneToOneField(Author, models.CASCADE)
    number = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.number


class Profile(models.Model):
    author = models.OneToOneField(Author, models.CASCADE, related_name="profile")
    motto = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.motto


class Category(models.Model):
    name = models.CharField(max_length=50)
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")

    def __str__(self) -> str:
        return self.name

    def path(self) -> str:
        if self.parent is None:  # loop: up the tree
            return self.name
        return f"{self.parent.path()}/{self.name}"


class Tag(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class BookQuerySet(models.QuerySet):
    def recent(self) -> BookQuerySet:
        return self.filter(year__gte=2000)

    def cheap(self) -> BookQuerySet:
        return self.recent().exclude(price__gt=1000)


class NoveltyManager(models.Manager):
    def get_queryset(self) -> models.QuerySet:
        return super().get_queryset().filter(year__gte=2000)


class Book(models.Model):
    title = models.CharField(max_length=50)
    year = models.IntegerField()
    price = models.IntegerField(default=10)
    summary = models.TextField(default="")
    author = models.ForeignKey(Author, models.CASCADE)
    editor = models.ForeignKey(Author, models.CASCADE, null=True, related_name="edited")
    publisher = models.ForeignKey(Publisher, models.CASCADE, related_name="books")
    category = models.ForeignKey(Category, models.SET_NULL, null=True)
    tags = models.ManyToManyField(Tag)
    fans = models.ManyToManyField(Author, related_name="+")
    notes = GenericRelation("corpus.Note")

    objects = BookQuerySet.as_manager()
    novelties = NoveltyManager()

    def __str__(self) -> str:
        return self.title

    @property
    def byline(self) -> str:
        return f"{self.title} by {self.author.name}"  # loop: byline

    def may_edit(self, user: object) -> bool:
        found = Right.objects.filter(user=user, publisher_id=self.publisher_id)
        return found.exists()  # loop: may edit


class Novel(Book):
    genre = models.CharField(max_length=20, default="crime")

    def __str__(self) -> str:
        return self.title


class Classic(Book):
    class Meta:
        proxy = True


class Signed(models.Model):
    author = models.ForeignKey(Author, models.CASCADE)

    class Meta:
        abstract = True

    @cached_property
    def signature(self) -> str:
        return self.author.name  # loop: signature


class Article(Signed):
    title = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.title


class Review(models.Model):
    book = models.ForeignKey(Book, models.CASCADE)
    reviewer = models.ForeignKey(Author, models.CASCADE, related_name="+")
    stars = models.IntegerField(default=3)

    def __str__(self) -> str:
        return f"{self.stars} for {self.book.title}"  # loop: str


class Shelf(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Loan(models.Model):
    book = models.ForeignKey(Book, models.CASCADE, related_name="+")
    # as in a legacy database: the shelf may be gone
    shelf = models.ForeignKey(Shelf, models.DO_NOTHING, db_constraint=False)
    borrower = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.borrower


class Right(models.Model):
    user = models.ForeignKey("auth.User", models.CASCADE)
    publisher = models.ForeignKey(Publisher, models.CASCADE)

    def __str__(self) -> str:
        return f"right {self.pk}"


class Note(models.Model):
    text = models.CharField(max_length=50)
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.PositiveBigIntegerField()
    target = GenericForeignKey()

    def __str__(self) -> str:
        return self.text
