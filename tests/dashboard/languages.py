"""A site whose addresses begin with a language, the dashboard's too."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

from tests.dashboard import site

urlpatterns = i18n_patterns(
    path("page/", site.page),
    path("unhurried/", include("unhurried.urls")),
)
