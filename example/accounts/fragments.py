"""What of a page is another for each of its readers; the rest of it is for all."""

from typing import Any

from django.http import HttpRequest

from unhurried.cache import fragment


@fragment("hello", audience="user")
def hello(request: HttpRequest) -> tuple[str, dict[str, Any]]:
    """The greeting at the top of each page."""
    return "accounts/_hello.html", {}
