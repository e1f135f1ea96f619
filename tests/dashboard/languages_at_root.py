"""As ``languages``, with the dashboard at the root of each."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

from tests.dashboard import site

urlpatterns = i18n_patterns(
    path("page/", site.page),
    path("", include("unhurried.urls")),
    prefix_default_language=False,
)
