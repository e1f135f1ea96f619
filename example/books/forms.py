"""The form for a new book, with its check as people write it."""

from django import forms

from books.models import Book


class BookForm(forms.ModelForm):
    """Author and publisher are drop-down lists of the whole tables."""

    class Meta:
        model = Book
        fields = ("title", "author", "publisher", "published", "pages", "stock")
        widgets = {"published": forms.DateInput(attrs={"type": "date"})}

    def clean_title(self) -> str:
        """Every book is read to see whether one has this title."""
        title = self.cleaned_data["title"]
        for book in Book.objects.all():
            if book.title.lower() == title.lower():
                raise forms.ValidationError(f"There is a book called {title!r}: choose another.")
        return title


class FastBookForm(BookForm):
    """The same form, with the database asked for the one title (SQLite folds a to z only)."""

    def clean_title(self) -> str:
        title = self.cleaned_data["title"]
        if Book.objects.filter(title__iexact=title).exists():
            raise forms.ValidationError(f"There is a book called {title!r}: choose another.")
        return title
