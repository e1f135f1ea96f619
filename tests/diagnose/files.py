"""A site whose files Django sends itself."""

from django.http import HttpResponse
from django.urls import path
from django.views.static import serve

urlpatterns = [
    path("static/<path:path>", serve, {"document_root": "."}),
    path("static-news/", lambda request: HttpResponse("news")),
]
