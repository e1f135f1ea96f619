"""A project of its own, with two databases and no more of us than a line of INSTALLED_APPS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import unhurried

#: The tree that is tested, wherever another may be installed.
OURS = str(Path(unhurried.__file__).parent.parent)
FILES = {
    "manage.py": """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
""",
    "shop/__init__.py": "",
    "shop/settings.py": """
import os, sys
from pathlib import Path
import django
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend"}}
BASE_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BASE_DIR / "site-packages"))
SECRET_KEY = "x"
DEBUG = os.environ.get("SHOP_DEBUG", "1") == "1"
ALLOWED_HOSTS = ["localhost"]
ROOT_URLCONF = "shop.urls"
USE_TZ = True
SQLITE = "django.db.backends.sqlite3"
DATABASES = {
    "default": {"ENGINE": SQLITE, "NAME": BASE_DIR / "db.sqlite3"},
    "log": {"ENGINE": SQLITE, "NAME": BASE_DIR / "log.sqlite3"},
}
if port := os.environ.get("SHOP_POSTGRES"):
    DATABASES["default"] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "postgres",
        "HOST": "127.0.0.1",
        "PORT": port,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "shop",
]
INSTALLED_APPS += ["unhurried"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": ["django.contrib.auth.context_processors.auth"]},
}]
UNHURRIED = {"STORE": BASE_DIR / "store"}
LOGIN_URL = "/login/"
FORCE_SCRIPT_NAME = os.environ.get("SHOP_BELOW")
""",
    "shop/models.py": """
from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=20)

    class Meta:
        ordering = ["name"]


class Book(models.Model):
    title = models.CharField(max_length=20)
    author = models.ForeignKey(Author, models.CASCADE, related_name="books")
""",
    "shop/views.py": """
import socket
import threading

from django.contrib.auth.decorators import login_required
from django.core.mail import send_mail
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.generic import ListView

from shop.models import Author, Book


def feed(request):
    books = Book.objects.order_by("pk")[:50]
    return render(request, "feed.html", {"books": books})


def counts(request):
    authors = Author.objects.all()
    return HttpResponse("\\n".join(f"{a.name} {a.books.count()}" for a in authors))


def shown(request):
    return render(request, "counts.html", {"authors": Author.objects.filter(pk__lte=4)})


def keys(request):
    names = []
    for book in Book.objects.order_by("pk"):
        author = Author.objects.get(pk=book.author_id)
        names.append(author.name)
    return HttpResponse(",".join(names))


def titles(request):
    lines = []
    for author in Author.objects.all():
        for book in author.books.filter(title__startswith="book"):
            lines.append(f"{author.name} {book.title}")
    return HttpResponse("\\n".join(lines))


def saves(request):
    for author in Author.objects.all():
        author.name = author.name.upper()
        author.save()
    return HttpResponse("done")


class Shelf(ListView):
    queryset = Book.objects.order_by("pk")
    template_name = "feed.html"
    context_object_name = "books"


def healthy(request):
    return HttpResponse(str(Book.objects.count()))


def greeting(request):
    return render(request, "greeting.html", {"authors": Author.objects.order_by("pk")})


def looking(request):
    return render(request, "greeting.html", {"mine": request.user.is_authenticated})


def data(request):
    return JsonResponse({"books": Book.objects.count()})


def boom(request):
    raise ZeroDivisionError("nothing is left")


def needs(request):
    try:
        socket.create_connection(("127.0.0.1", 6379))
    except OSError as error:
        raise RuntimeError(f"Error 111 connecting to 127.0.0.1:6379. {error}") from None


@login_required
def mine(request):
    return HttpResponse(request.user.username)


def mails(request):
    send_mail("Hello", "", "a@example.com", ["b@example.com"])
    return healthy(request)


def moved(request):
    return redirect("/feed/")


def both(request):
    Author.objects.create(name="new")
    Author.objects.using("log").create(name="seen")
    return HttpResponse(f"{Author.objects.count()} {Author.objects.using('log').count()}")


def threaded(request):
    caught = []

    def write():
        try:
            Author.objects.create(name="from a thread")
        except Exception as error:
            caught.append(type(error).__name__)

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    return HttpResponse(",".join(caught))
""",
    "shop/templates/feed.html": """
{% for book in books %}{{ book.title }} by {{ book.author.name }}
{% endfor %}""",
    "shop/templates/greeting.html": """
<p>{% for author in authors %}{{ author.name }}{% endfor %}</p>
<p>Hello, {{ user.username }}</p>
""",
    "shop/templates/counts.html": """
{% for author in authors %}
{{ author.name }} {{ author.books.count }}
{% endfor %}
""",
    "site-packages/shelves.py": """
from django.http import HttpResponse


def shelf(model, relation):
    def view(request):
        return HttpResponse("".join(str(getattr(row, relation)) for row in model.objects.all()))

    return view
""",
    "shop/urls.py": """
import shelves
from django.urls import path

from shop import models, views

urlpatterns = [path("shelf/", views.Shelf.as_view())]
NAMES = "feed counts shown keys titles saves healthy boom needs mine moved both threaded"
for name in f"{NAMES} greeting looking data mails".split():
    urlpatterns.append(path(f"{name}/", getattr(views, name)))
urlpatterns.append(path("library/", shelves.shelf(models.Book, "author")))
""",
    "fill.py": """
import django
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
for alias in ("default", "log"):
    call_command("migrate", run_syncdb=True, verbosity=0, database=alias)
from shop.models import Author, Book
authors = Author.objects.bulk_create([Author(name=f"author {n}") for n in range(8)])
Book.objects.bulk_create([Book(title=f"book {n}", author=authors[n % 8]) for n in range(24)])
User.objects.create_user("jacob")
""",
    "several.py": """
import contextlib, io, json, sys
from django.core.management import execute_from_command_line
answers = []
for arguments in json.load(sys.stdin):
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            execute_from_command_line(["manage.py", "unhurried", "diagnose", *arguments])
        except SystemExit as exit:
            code = exit.code
    answers.append([code, out.getvalue(), err.getvalue()])
json.dump(answers, sys.stdout)
""",
}  # fmt: skip


class Shop:
    """The project in a folder, its rows, and its command."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("NO_COLOR", "COLUMNS"))},
            "DJANGO_SETTINGS_MODULE": "shop.settings",
            "PYTHONPATH": os.pathsep.join([str(folder), OURS]),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        }

    def make(self) -> None:
        for name, text in FILES.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.lstrip("\n"))
        done = self.python("fill.py")
        assert done.returncode == 0, done.stderr

    def python(
        self, *arguments: str, said: str | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            input=said,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def diagnose(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        argv = ("manage.py", "unhurried", "diagnose", *arguments)
        return self.python(*argv, **environment)

    def several(self, runs: list[list[str]]) -> list[subprocess.CompletedProcess[str]]:
        """``diagnose`` with each of these arguments, one after the other in one process."""
        done = self.python("several.py", said=json.dumps(runs))
        assert done.returncode == 0, done.stderr
        answers = zip(runs, json.loads(done.stdout), strict=True)
        return [subprocess.CompletedProcess(run, *answer) for run, answer in answers]

    def state(self) -> list[str]:
        """All rows of both databases."""
        code = """
import django
django.setup()
from django.apps import apps
for alias in ("default", "log"):
    for model in apps.get_models():
        for row in model.objects.using(alias).order_by("pk").values_list():
            print(alias, model.__name__, row)
"""
        done = self.python("-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()
