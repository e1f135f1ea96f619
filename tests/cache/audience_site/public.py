"""Pages that are the same for all who ask, in the ways of an ordinary site: none may be refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib.sitemaps import Sitemap
from django.contrib.sitemaps.views import sitemap
from django.contrib.sites.shortcuts import get_current_site
from django.contrib.syndication.views import Feed
from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import cache_control
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import condition, conditional_page, require_GET, require_safe
from django.views.decorators.vary import vary_on_headers
from django.views.generic import ListView, TemplateView, View
from rest_framework import generics, permissions, renderers, serializers

from tests.books.models import Book

PAGES: dict[str, tuple[Callable[..., Any], dict[str, Any], str]] = {}


def public(title: str = "", query: str = "", **options: Any) -> Callable[[Any], Any]:
    def note(view: Any) -> Any:
        PAGES[title or view.__name__] = view, options, query
        return view

    return note


def said(*words: object) -> HttpResponse:
    return HttpResponse(" ".join(map(str, words)))


def page(name: str, **context: Any) -> Callable[..., Any]:
    def view(request: Any) -> Any:
        return render(request, name, context)

    return view


@public()
def nothing(request):
    return said("Hello")


public("with all context processors")(page("plain.html"))
public("static and url tags")(page("links.html"))
public("translations and dates")(page("translated.html", day=datetime(2026, 1, 2, tzinfo=UTC)))
public("who holds the user and looks not")(page("with_user.html"))
public("a fragment of the query")(page("next_page.html", number=2))


@public(query="?page=2", params=["page"])
def paginated(request):
    books = Paginator(Book.objects.order_by("pk"), 10).get_page(request.GET.get("page"))
    return render(request, "pages.html", {"page": books})


@public()
def paginated_without_a_page(request):
    return said(Paginator(Book.objects.order_by("pk"), 10).get_page(request.GET.get("page")))


class Search(forms.Form):
    q = forms.CharField(required=False)


@public(query="?q=dune", params=["q"])
def searched(request):
    form = Search(request.GET)
    assert form.is_valid()
    return render(request, "search.html", {"form": form, "q": form.cleaned_data["q"]})


@public()
def empty_form(request):
    form = Search(request.POST or None, request.FILES or None)
    return said(form)


@public()
def by_method(request):
    if request.method == "POST":
        return said("Saved")
    return said(request.path, request.path_info, request.resolver_match.view_name)


@public()
def its_address(request):
    return said(request.build_absolute_uri(), request.build_absolute_uri("/"), request.get_host())


@public(query="?b=2&a=1", params=["a", "b"])
def its_whole_address(request):
    return said(request.get_full_path(), request.GET.urlencode(), request.META["QUERY_STRING"])


@public()
def its_scheme(request):
    return said(request.scheme, request.is_secure(), get_current_site(request).domain)


@public()
def its_name(request):
    return said(repr(request))


@public()
def what_it_set_itself(request):
    request.books = list(Book.objects.all())
    return said(request.books, hasattr(request, "books"))


@public()
def what_it_replaced(request):
    request.tenant = "all"
    return said(request.tenant)


@public()
def reversed_addresses(request):
    return said(reverse("admin:index"), gettext("Home"), get_object_or_404)


@public()
@require_GET
def required_get(request):
    return said("ok")


@public()
@require_safe
@xframe_options_deny
@csrf_exempt
@cache_control(max_age=600, public=True)
def decorated(request):
    return said("ok")


@public()
@csrf_protect
def protected(request):
    return said("ok")


@public()
@gzip_page
def zipped(request):
    return said("long " * 200)


@public()
@condition(etag_func=lambda request: "abc", last_modified_func=lambda request: datetime.now(UTC))
def conditional(request):
    return said("ok")


@public()
@conditional_page
def conditional_by_itself(request):
    return said("ok")


@public(vary=["header:X-Requested-With"])
@vary_on_headers("X-Requested-With")
def by_a_header(request):
    return said(request.headers.get("x-requested-with"))


@public()
@vary_on_headers("Accept-Language", "Accept-Encoding")
def by_what_is_in_each_key(request):
    return said("ok")


@public(vary=["cookie:theme"])
def by_a_cookie(request):
    return said(request.COOKIES.get("theme"))


@public(audience="user")
def by_user(request):
    return said(request.user.username, request.user.has_perm("x.y"), request.user)


@public(audience="session")
def by_session(request):
    return said(request.session.get("cart"), request.user)


@public(audience=lambda request: str(request.user.is_staff))
def by_staff(request):
    return said("Edit" if request.user.is_staff else "")


@public(vary=[lambda request: request.tenant.name])
def by_tenant(request):
    return said(request.tenant.name)


@public(vary=[lambda request: str(request.COOKIES.get("theme") == "dark")])
def by_half_a_cookie(request):
    return said(request.COOKIES.get("theme") == "dark")


@public()
class Books(ListView):
    queryset = Book.objects.order_by("pk")
    paginate_by = 10
    template_name = "list.html"


@public()
class About(TemplateView):
    template_name = "plain.html"


@public()
class Plain(View):
    async def get(self, request):
        return said(self.request.path)


@public()
async def awaited(request):
    return JsonResponse({"books": [book.title async for book in Book.objects.all()]})


@public()
def rendered_later(request):
    return TemplateResponse(request, "plain.html")


@public()
class News(Feed):
    title = "News"
    link = "/news/"

    def items(self):
        return ["a"]

    def item_link(self, item):
        return f"/{item}/"


@public()
def site_map(request):
    class Static(Sitemap):
        protocol = "https"

        def items(self):
            return ["/"]

        def location(self, item):
            return item

    return sitemap(request, {"static": Static()})


class BookSerializer(serializers.ModelSerializer):
    class Meta:
        model = Book
        fields = ["title"]


class RestBooks(generics.ListAPIView):
    queryset = Book.objects.order_by("pk")
    serializer_class = BookSerializer
    permission_classes = [permissions.AllowAny]
    renderer_classes = [renderers.JSONRenderer]


class RestBooksOfAll(RestBooks):
    authentication_classes = []


public("REST, of no user", vary=["header:Accept"])(RestBooksOfAll)
public("REST, by user", vary=["header:Accept"], audience="user")(RestBooks)
public("REST, both renderers", vary=["header:Accept"])(
    type("Both", (RestBooksOfAll,), {"renderer_classes": generics.ListAPIView.renderer_classes})
)
