"""The same pages, their queries put right: compare ``fixed.py`` with the ``views.py`` beside it."""

from django.urls import path

from accounts.fixed import user_detail
from books.fixed import book_list, create_book
from inbox.fixed import mark_received, message_list
from pins.fixed import feed, pin_detail, tag_detail
from reports.fixed import yearly_report

app_name = "site"
urlpatterns = [
    path("feed/", feed, name="feed"),
    path("pin/<int:pk>/", pin_detail, name="pin"),
    path("user/<username>/", user_detail, name="user"),
    path("tag/<slug>/", tag_detail, name="tag"),
    path("books/", book_list, name="books"),
    path("books/create/", create_book, name="create_book"),
    path("messages/", message_list, name="messages"),
    path("messages/received/", mark_received, name="mark_received"),
    path("report/", yearly_report, name="report"),
]
