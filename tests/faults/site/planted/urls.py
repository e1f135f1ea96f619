"""The example's addresses, and those of what is planted."""

from django.urls import include, path

from planted import views

urlpatterns = [
    path("shop/search/", views.search, name="search"),
    path("shop/pay/", views.pay),
    path("shop/waiting/", views.waiting),
    path("shop/table/", views.table, name="table"),
    path("shop/basket/", views.basket),
    path("shop/alike/", views.alike),
    path("shop/stock/", views.stock),
    path("shop/story/", views.story),
    path("alone/", include("planted.alone")),
    path("", include("pinstafacegramiqus.urls")),
]
