"""Those of the suite of rule 5, with django.contrib.postgres."""

from tests.services.db_suite import *  # noqa: F403

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "unhurried",
    "tests.services.contrib_shelf",
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
