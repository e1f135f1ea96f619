"""Calls to others: connecting, sending and waiting for the headers of the answer.

``http.client`` carries urllib, urllib3, requests, boto3 and http-based RPC; httpx and aiohttp bring
their own sockets and are not seen. Reading the body is the caller's own time.
"""

from __future__ import annotations

from http.client import HTTPConnection

from .._record import HTTP
from .._wraps import charged, wrap

WHY = (
    "http.client has no hook; request, endheaders (urllib3 2) and getresponse are its public verbs."
)
COST = "about 1 us a call inside a unit of work"


def install() -> None:
    for method in ("request", "endheaders", "getresponse"):
        wrap(HTTPConnection, method, charged(HTTP), why=WHY, cost=COST)
