"""A site whose pages show messages, in each way that people write it, and in some that are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from django import template
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.safestring import mark_safe
from django.views.decorators.gzip import gzip_page
from jinja2 import DictLoader, Environment

from tests.books.models import Book
from unhurried.cache import cached_page

#: How often each page was made.
ran: Counter[str] = Counter()
#: Called where a message that begins with "meet" is shown.
meet: list[Callable[[], object]] = []
register = template.Library()


@register.filter
def breaks(value: object) -> str:
    if str(value).startswith("break"):
        raise RuntimeError("it breaks")
    if str(value).startswith("meet"):
        meet[0]()
    return str(value)


@register.inclusion_tag("_list.html", takes_context=True)
def show_messages(context: Any) -> Any:
    return {"messages": context["messages"]}


@register.inclusion_tag("shouted.html", takes_context=True)
def shout_messages(context: Any) -> Any:
    return {"shouted": render_to_string("_list.html", {}, context["request"])}


@register.simple_tag
def alert(message: object) -> str:
    return mark_safe(f"<b>{message}</b>")


LIST = (
    '{% if messages %}<ul class="{{ messages|length }}">{% for message in messages %}<li'
    '{% if message.tags %} class="{{ message.tags }}"{% endif %}>'
    "{% if message.level == DEFAULT_MESSAGE_LEVELS.ERROR %}!{% endif %}{{ message }}"
    "{% if not forloop.last %}, {% endif %}</li>{% endfor %}</ul>{% endif %}"
)
PLAIN = "{% for message in messages %}<p>{{ message }}</p>{% endfor %}"
BOOKS = "{% for book in books %}<i>{{ book.title }}</i>{% endfor %}"
BASE = "<body>{% block messages %}" + LIST + "{% endblock %}<main>{% block main %}{% endblock %}"
MAIN = "{% block main %}" + BOOKS + "{% endblock %}"
#: These are put into the page that is kept.
REGIONS = {
    "plain": PLAIN + BOOKS,
    "list": LIST + BOOKS,
    "empty": "{% for m in messages %}{{ m }}{% empty %}Nothing{% endfor %} new." + BOOKS,
    "otherwise": "{% if not messages %}Nothing{% else %}" + PLAIN + "{% endif %}" + BOOKS,
    "twice": "{{ messages|length }} new" + BOOKS + LIST + "of {{ messages|length }}",
    "child": '{% extends "base.html" %}' + MAIN,
    "grandchild": '{% extends "child.html" %}{% block main %}ü{{ block.super }}{% endblock %}',
    "super": '{% extends "base.html" %}{% block messages %}<div>{{ block.super }}</div>'
    "{% endblock %}" + MAIN,
    "overridden": '{% extends "base.html" %}{% block messages %}' + PLAIN + "{% endblock %}" + MAIN,
    "including": BOOKS + '{% include "_list.html" %}',
    "inside": BOOKS + '{% if messages %}{% include "_list.html" %}{% endif %}',
    "only": BOOKS + '{% include "_list.html" with messages=messages only %}',
    "each": BOOKS + '{% for m in messages %}{% include "_one.html" with message=m %}{% endfor %}',
    "named": BOOKS + "{% with all=messages %}{% if all %}{% for m in all %}{{ m }}{% endfor %}"
    "{% endif %}{% endwith %}",
    "around": "{% if books %}{% with a=1 %}{% autoescape off %}" + PLAIN + "{% endautoescape %}"
    "{% endwith %}{% endif %}" + BOOKS,
    "tag": "{% load messages_tags %}{% show_messages %}" + BOOKS,
    "tags": "{% load static i18n %}{% for m in messages %}{% spaceless %}<b>{{ m }}</b> <i>"
    '{% translate "Close" %}{% static "x.svg" %}</i>{% endspaceless %}{% endfor %}' + BOOKS,
    "looping": "{% for n in 'ab'|make_list %}" + PLAIN + "{% endfor %}" + BOOKS,
    "form": PLAIN + "{% csrf_token %}" + PLAIN + BOOKS,
    "greeting": "{% load unhurried %}{% phased with user %}{{ user }}{% endphased %}"
    + LIST
    + "{% phased with user %}{{ user }}{% endphased %}"
    + BOOKS,
    "later": '{% extends "base.html" %}' + MAIN,
    "async": '{% extends "base.html" %}' + MAIN,
    "shadowed": PLAIN + BOOKS,
    "breaks": "{% load messages_tags %}{% for m in messages %}{{ m|breaks }}{% endfor %}" + BOOKS,
}
#: These are not; what is said of it.
REFUSED = {
    "own-name": ("{% if messages %}{{ theme }}" + PLAIN + "{% endif %}", "reads theme"),
    "own-form": ("{% if messages %}<form>{% csrf_token %}</form>{% endif %}", "holds {% csrf_"),
    "own-tag": (
        "{% load messages_tags %}{% for m in messages %}{% alert m %}{% endfor %}",
        "holds {% alert %}",
    ),
    "phased-inside": (
        "{% load unhurried %}{% if messages %}{% phased with user %}{% endphased %}{% endif %}",
        "holds {% phased %}",
    ),
    "block-inside": (
        "{% if messages %}{% block a %}{% endblock %}{% endif %}",
        "holds {% block %}",
    ),
    "looped": ("{% for book in books %}" + PLAIN + "{% endfor %}", "looped.html:1 looks at"),
    "filtered": ("{% filter upper %}" + PLAIN + "{% endfilter %}", "filtered.html:1 looks at"),
    "shown-as-such": ("{% if messages %}{{ messages.used }}{% endif %}", "shows messages.used"),
    "set": (
        "{% load i18n %}{% if messages %}{% translate 'a' as b %}{% endif %}{{ b }}",
        "sets a variable",
    ),
    "upper-super": (
        '{% extends "base.html" %}{% block messages %}{{ block.super|upper }}{% endblock %}',
        "in a tag, a loop",
    ),
    "named-super": (
        '{% extends "base.html" %}{% block messages %}{% with a=block.super %}{{ a|upper }}'
        "{% endwith %}{% endblock %}",
        "in a tag, a loop",
    ),
    "shouted-tag": ("{% load messages_tags %}{% shout_messages %}", "in a tag, a loop"),
    "includes-any": ("{% if messages %}{% include name %}{% endif %}", "is known only then"),
    "from-python": ("{{ said }}", "messages_site.py"),
    "to-string": ("{{ part }}", "not as its template has made it"),
    "changed": (PLAIN, "not as its template has made it"),
}
TEMPLATES = {
    "base.html": BASE,
    "_list.html": LIST,
    "_one.html": "<p>{{ message }}</p>",
    "shouted.html": "{{ shouted|upper }}",
    "adds.html": PLAIN,
    **{f"{name}.html": text for name, text in REGIONS.items()},
    **{f"{name}.html": text for name, (text, _) in REFUSED.items()},
}


def given(request: HttpRequest, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {"books": Book.objects.order_by("pk"), "name": "_list.html"}
    if name == "from-python":
        found["said"] = [str(each) for each in messages.get_messages(request)]
    if name == "adds":
        messages.info(request, "for you")
    if name == "shadowed":
        found["messages"] = ["mine"]
    if name == "to-string":
        found["part"] = render_to_string("_list.html", {}, request).upper()
    return found


def view(name: str) -> Any:
    def page(request: HttpRequest) -> HttpResponse:
        ran[name] += 1
        if name == "later":
            return TemplateResponse(request, f"{name}.html", given(request, name))
        response = render(request, f"{name}.html", given(request, name))
        if name == "changed":
            response.content += b"!"
        return response

    async def apage(request: HttpRequest) -> HttpResponse:
        ran[name] += 1
        return TemplateResponse(request, f"{name}.html", {"books": []})

    found = apage if name == "async" else page
    found.__name__ = found.__qualname__ = name
    return found


def say(request: HttpRequest) -> HttpResponse:
    for said in request.POST.getlist("said"):
        messages.success(request, said)
    for said in request.POST.getlist("error"):
        messages.error(request, mark_safe(said))
    return redirect(request.POST.get("next", "/list/"))


def zipped(request: HttpRequest) -> HttpResponse:
    ran["zipped"] += 1
    return HttpResponse("x" * 500 + render_to_string("list.html", given(request, ""), request))


NAMES = [*REGIONS, *REFUSED]
PAGES = {name: cached_page(600)(view(name)) for name in NAMES}
PAGES["own"] = cached_page(600, audience="user")(view("plain"))
PAGES["adds"] = cached_page(600)(view("adds"))
PAGES["jinja"] = cached_page(600)(lambda request: render(request, "said.html", using="jinja2"))
PAGES["zipped"] = cached_page(600)(gzip_page(zipped))
urlpatterns = [
    *(path(f"{name}/", page) for name, page in PAGES.items()),
    *(path(f"bare/{name}/", view(name)) for name in NAMES),
    path("say/", say),
]


def environment(**options: Any) -> Any:
    """Jinja2's, with a template of its own."""
    found = Environment(**options)
    found.globals["get_messages"] = messages.get_messages
    said = "{% for each in get_messages(request) %}<p>{{ each }}</p>{% endfor %}"
    found.loader = DictLoader({"said.html": said})
    return found


SETTINGS: dict[str, Any] = {
    "ROOT_URLCONF": __name__,
    "DEBUG": False,
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.cached.Loader",
                        [("django.template.loaders.locmem.Loader", TEMPLATES)],
                    )
                ],
                "libraries": {"messages_tags": __name__},
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ],
            },
        },
        {
            "BACKEND": "django.template.backends.jinja2.Jinja2",
            "NAME": "jinja2",
            "DIRS": [],
            "OPTIONS": {"environment": f"{__name__}.environment"},
        },
    ],
}
