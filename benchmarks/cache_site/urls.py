"""The pages, kept by the tool of this process if it keeps pages."""

from __future__ import annotations

from django.urls import path

from . import views
from .setup import current, same

keep = current[0].wrap if current[0].keeps == "pages" else same

urlpatterns = [
    path("value/<int:pk>/", keep(views.value_page)),
    path("slow/<int:pk>/", keep(views.slow_page)),
    path("page/<int:number>/", keep(views.page)),
    path("hello/", keep(views.hello)),
    path("plain/<int:number>/", views.plain),
]
