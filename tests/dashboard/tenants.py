"""A site that has included the dashboard below a parameter."""

from django.urls import include, path

urlpatterns = [path("<slug:tenant>/unhurried/", include("unhurried.urls"))]
