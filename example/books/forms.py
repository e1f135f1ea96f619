"""The form for a new book, with its check as people write it, and those for many."""

import csv
import io
from copy import copy
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.forms.renderers import BaseRenderer
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from books.models import Author, Book, Publisher

COLUMNS = ("title", "author", "publisher", "published", "pages", "stock")
MOST = 2_000_000  # bytes of a file


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


class LongSelect(forms.Select):
    """A drop-down list, to the letter as Django's, which renders a template for each option."""

    def render(
        self, name: str, value: Any, attrs: Any = None, renderer: BaseRenderer | None = None
    ) -> SafeString:
        chosen = set(self.format_value(value))
        bare = copy(self)
        bare.choices = ()
        frame = forms.Select.render(bare, name, value, attrs, renderer)
        options = format_html_join(
            "\n\n",
            '  <option value="{}"{}>{}</option>',
            (
                (key, mark_safe(" selected" if str(key) in chosen else ""), label)
                for key, label in self.choices
            ),
        )
        before, end, after = frame.rpartition("\n</select>")
        return mark_safe(f"{before}\n{options}\n{end}{after}")


class QuickBookForm(FastBookForm):
    """And its long lists in a tenth of the time."""

    class Meta(FastBookForm.Meta):
        widgets = FastBookForm.Meta.widgets | {"author": LongSelect, "publisher": LongSelect}


class ImportForm(forms.Form):
    """A CSV of books; once it is clean, ``file`` is a list of rows, whose values are texts."""

    file = forms.FileField(
        label="A CSV in UTF-8",
        help_text=f"Its first line is {','.join(COLUMNS)}",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )
    LONGEST: ClassVar[dict[str, Any]] = {
        "title": Book._meta.get_field("title").max_length,
        "author": Author._meta.get_field("name").max_length,
        "publisher": Publisher._meta.get_field("name").max_length,
        "pages": 9,
        "stock": 9,
    }

    def clean_file(self) -> list[dict[str, str]]:
        text = _text(self.cleaned_data["file"])
        reader = csv.DictReader(io.StringIO(text, newline=""), restkey="too many", strict=True)
        try:
            rows = list(reader)
        except csv.Error as error:
            raise forms.ValidationError(f"After line {reader.line_num}: {error}.") from error
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise forms.ValidationError(f"Its first line must be {','.join(COLUMNS)}.")
        for number, row in enumerate(rows, 1):
            self._check(number, row)
        return rows

    def _check(self, number: int, row: dict[str, str]) -> None:
        """Each value fits into its column, which SQLite would not mind."""
        if "too many" in row or None in row.values():
            raise forms.ValidationError(f"Row {number} has not {len(COLUMNS)} values.")
        for name, longest in self.LONGEST.items():
            if len(row[name]) > longest:
                raise forms.ValidationError(
                    f"Row {number}: {name} has more than {longest} letters."
                )


def _text(file: UploadedFile) -> str:
    if file.size is None or file.size > MOST:
        raise forms.ValidationError(f"It has more than {MOST:,} bytes.")
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise forms.ValidationError("It is not UTF-8.") from error
    if "\0" in text:
        raise forms.ValidationError("There is a NUL in it.")
    return text


class SinceForm(forms.Form):
    """The day that a report begins with."""

    DEFAULT: ClassVar[date] = date(1987, 9, 5)
    day = forms.DateField(
        label="Published since",
        required=False,
        initial=DEFAULT,
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def since(self) -> date:
        """The default for what is no day."""
        return (self.is_valid() and self.cleaned_data["day"]) or self.DEFAULT
