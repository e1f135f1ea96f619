"""A site that has not included the dashboard."""

from django.urls import path

from tests.dashboard import site

urlpatterns = [path("page/", site.page)]
