"""What ``startproject`` gives, and what sites add: for ``override_settings``."""

from .templates import SOURCES

HERE = "tests.cache.audience_site"
STARTED = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
SITE = {
    "ROOT_URLCONF": f"{HERE}.urls",
    "MIDDLEWARE": [*STARTED, f"{HERE}.middleware.Holding", f"{HERE}.middleware.Nosy"],
    "STATIC_URL": "/static/",
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    ("django.template.loaders.locmem.Loader", SOURCES),
                    "django.template.loaders.app_directories.Loader",
                ],
                "context_processors": [
                    *(
                        f"django.template.context_processors.{name}"
                        for name in "csrf debug i18n media request static tz".split()
                    ),
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                    f"{HERE}.middleware.nonce",
                ],
            },
        }
    ],
}
