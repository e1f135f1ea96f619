"""A site that has included the dashboard in a namespace of its own."""

from django.urls import include, path

urlpatterns = [
    path("staff/", include(([path("unhurried/", include("unhurried.urls"))], "staff"))),
]
