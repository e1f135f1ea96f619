"""Every address of the example site."""

from django.contrib.auth.views import LoginView, LogoutView
from django.contrib.staticfiles.views import serve
from django.urls import include, path

from pinstafacegramiqus import views

urlpatterns = [
    path("", views.front, name="front"),
    # One site three times: {% url 'site:pin' … %} stays on the side of the page it stands on; on
    # pages of no side, it leads to the one named last.
    path("fast/", include("pinstafacegramiqus.fast_urls", namespace="fast")),
    path("fixed/", include("pinstafacegramiqus.fixed_urls", namespace="fixed")),
    path("slow/", include("pinstafacegramiqus.slow_urls", namespace="slow")),
    path("unhurried/", include("unhurried.urls")),
    path("login/", LoginView.as_view(template_name="login.html"), name="login"),
    path("login/<token>/", views.login_by_link, name="login_by_link"),
    path("logout/", LogoutView.as_view(), name="logout"),
    # Fine for one small style sheet on loopback; a real site has WhiteNoise or nginx here.
    path("static/<path:path>", serve, {"insecure": True}),
]
