"""A view that fails: what of it is an answer, and what an old page is better than."""

from __future__ import annotations

from typing import Final

from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase

#: Exceptions that are answers: Django makes 4xx of them, and the old page is not better.
ANSWERS: Final = (
    Http404,
    PermissionDenied,
    BadRequest,
    SuspiciousOperation,
    MultiPartParserError,
)


class Failed(Exception):  # noqa: N818 - the view has failed, and says so politely
    """A response of the 5xx: like an exception, but it can be shown where nothing else is."""

    def __init__(self, response: HttpResponseBase) -> None:
        super().__init__(f"it answered {response.status_code}")
        self.response = response
