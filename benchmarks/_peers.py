"""Each peer set up as its own documentation says, with a transport that counts and drops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import _site


def application(name: str) -> Callable[..., Any]:
    _SET_UP[name]()
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def base() -> None:
    _site.configure()


def unhurried() -> None:
    _site.configure("unhurried", middleware=("unhurried.middleware.UnhurriedMiddleware",))


def prometheus_client() -> None:
    _site.configure(middleware=("_peers.PrometheusMiddleware",))


class PrometheusMiddleware:
    """What people write by hand: one counter and one histogram, labelled by route."""

    def __init__(self, get_response: Callable[..., Any]) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram

        registry = CollectorRegistry()
        self.get_response = get_response
        self.count = Counter("requests", "requests", ["route", "status"], registry=registry)
        self.time = Histogram("seconds", "seconds", ["route"], registry=registry)

    def __call__(self, request: Any) -> Any:
        import time

        began = time.perf_counter()
        response = self.get_response(request)
        route = request.resolver_match.route
        self.count.labels(route, response.status_code).inc()
        self.time.labels(route).observe(time.perf_counter() - began)
        return response


def django_prometheus() -> None:
    _site.configure(
        "django_prometheus",
        middleware=("django_prometheus.middleware.PrometheusBeforeMiddleware",),
    )
    from django.conf import settings

    settings.MIDDLEWARE.append("django_prometheus.middleware.PrometheusAfterMiddleware")


def opentelemetry() -> None:
    from opentelemetry import trace
    from opentelemetry.instrumentation.django import DjangoInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

    class Drop(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Drop()))
    trace.set_tracer_provider(provider)
    _site.configure()
    DjangoInstrumentor().instrument()


def sentry() -> None:
    import sentry_sdk
    from sentry_sdk.transport import Transport

    class Drop(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            pass

    sentry_sdk.init(dsn="http://key@127.0.0.1/1", traces_sample_rate=1.0, transport=Drop)
    _site.configure()


def silk() -> None:
    _site.configure("silk", middleware=("silk.middleware.SilkyMiddleware",))


_SET_UP = {
    "base": base,
    "unhurried": unhurried,
    "prometheus_client": prometheus_client,
    "django-prometheus": django_prometheus,
    "OpenTelemetry": opentelemetry,
    "Sentry": sentry,
    "silk": silk,
}
