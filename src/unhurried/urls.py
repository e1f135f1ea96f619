"""The dashboard: ``path("unhurried/", include("unhurried.urls"))``, wherever you like it."""

from django.urls import path

from unhurried.cache.reading import edge_probe, fragment_view
from unhurried.dashboard import (
    _access,
    _assets,
    _cache_views,
    _dba_views,
    _later_views,
    _query_views,
    _views,
    _vitals_views,
)
from unhurried.measure.sinks import prometheus

app_name = "unhurried"
urlpatterns = [
    path("", _views.front, name="front"),
    path("routes/", _views.routes, name="routes"),
    path("routes/<slug:slug>/", _views.route, name="route"),
    path("queries/", _query_views.queries, name="queries"),
    path("cache/", _cache_views.cache, name="cache"),
    path("cache/<slug:slug>/", _cache_views.kept, name="kept"),
    path("later/", _later_views.later, name="later"),
    path("later/dead/<str:alias>/<int:pk>/", _later_views.bury, name="bury"),
    path("dba/", _dba_views.dba, name="dba"),
    path("yours/", _views.yours, name="yours"),
    path("metrics", prometheus.make_view(_access.may), name="metrics"),
    path("data/total.json", _views.data_total, name="data_total"),
    path("data/yours.json", _views.data_yours, name="data_yours"),
    path("data/route/<slug:slug>.json", _views.data_route, name="data_route"),
    path("f/<str:name>/<str:signed>/", fragment_view, name="fragment"),
    path("vitals", _vitals_views.vitals, name="vitals"),
    path("badge/<slug:state>/", _views.badge, name="badge"),
    path("edge/<str:signed>/", edge_probe, name="edge"),
    path("assets/<str:name>", _assets.serve, name="asset"),
]
