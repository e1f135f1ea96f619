"""The site as people write it."""

from django.urls import path

from accounts.views import user_detail
from books.views import (
    api,
    book_list,
    catalogue,
    create_book,
    import_books,
    inventory,
)
from inbox.views import mark_received, message_list
from pins.views import feed, pin_detail, pins_with, tag_detail
from reports.views import yearly_report

app_name = "site"
urlpatterns = [
    path("feed/", feed, name="feed"),
    path("pin/<int:pk>/", pin_detail, name="pin"),
    path("pins/with/<key>/<value>/", pins_with, name="pins_with"),
    path("user/<username>/", user_detail, name="user"),
    path("tag/<slug>/", tag_detail, name="tag"),
    path("books/", book_list, name="books"),
    path("books/create/", create_book, name="create_book"),
    path("books/import/", import_books, name="import_books"),
    path("books/catalogue/", catalogue, name="catalogue"),
    path("books/api/", api, name="books_api"),
    path("books/inventory/", inventory, name="inventory"),
    path("messages/", message_list, name="messages"),
    path("messages/received/", mark_received, name="mark_received"),
    path("report/", yearly_report, name="report"),
]
