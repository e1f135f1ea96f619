"""The fixed pages, kept: one line each, and nobody who writes knows of it; writes come later."""

from django.urls import path

from accounts.fixed import user_detail
from books.fast import api, catalogue, import_books, inventory
from books.fixed import book_list, create_book
from books.forms import QuickBookForm
from inbox.fast import mark_received, message_list
from pins.fast import pin_detail, pins_with
from pins.fixed import feed, tag_detail
from reports.fast import yearly_report
from unhurried.cache import cached_page

# Every page greets whom it knows; the greeting is a fragment (kept.html), so all share the pages.
kept = cached_page(600)

app_name = "site"
urlpatterns = [
    path("feed/", kept(feed), name="feed"),
    path("pin/<int:pk>/", kept(pin_detail), name="pin"),
    path("pins/with/<key>/<value>/", kept(pins_with), name="pins_with"),
    path("user/<username>/", kept(user_detail), name="user"),
    path("tag/<slug>/", kept(tag_detail), name="tag"),
    path("books/", kept(book_list), name="books"),
    path("books/create/", kept(create_book), {"form_class": QuickBookForm}, name="create_book"),
    path("books/import/", import_books, name="import_books"),
    path("books/catalogue/", kept(catalogue), name="catalogue"),
    path("books/api/", kept(api), name="books_api"),
    path("books/inventory/", kept(inventory), name="inventory"),
    path("messages/", message_list, name="messages"),
    path("messages/received/", mark_received, name="mark_received"),
    path("report/", yearly_report, name="report"),
]
