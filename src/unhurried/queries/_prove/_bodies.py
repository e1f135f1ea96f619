"""Bodies made comparable: what differs from one answer to the next though the page is the same.

CSRF tokens, nonces of the content security policy, session keys, and times within seconds of now.
"""

from __future__ import annotations

import re
import string
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from django.utils import timezone

CHARACTERS: Final = string.ascii_letters + string.digits
SECRET: Final = 32  # characters of a CSRF secret; a token is a mask and the masked secret
NEAR: Final = timedelta(seconds=5)

_TOKEN: Final = re.compile(rb"\b[A-Za-z0-9]{64}\b")
_FIELD: Final = re.compile(
    rb"(<input[^>]*name=[\"']csrfmiddlewaretoken[\"'][^>]*value=[\"'])[^\"']*"
)
_NONCE: Final = re.compile(r"'nonce-([^']+)'")
_ISO: Final = re.compile(
    rb"datetime\.datetime\([^()]*(?:\([^()]*\))?[^()]*\)|"
    rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?|"
    rb"\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d(?: GMT| [+-]\d{4})?|"
    rb"\b\d{10}(?:\.\d{1,9}|\d{3})?\b|\b\d\d:\d\d:\d\d(?:\.\d{1,6})?\b"
)


def decoded(body: bytes, encoding: str) -> bytes:
    """As it was before a middleware packed it; gzip pads its head by chance."""
    if encoding in ("gzip", "deflate"):
        return zlib.decompress(body, 47 if encoding == "gzip" else 15)
    return body


def normalised(body: bytes, response: Any = None, request: Any = None) -> bytes:
    """The body with everything that belongs to this one answer taken out."""
    body = _FIELD.sub(rb"\1(csrf)", body)
    secret = request.META.get("CSRF_COOKIE") if request is not None else None
    if secret:
        body = _TOKEN.sub(lambda found: _token(found[0], secret), body)
    for once in _once(response, request):
        body = body.replace(once.encode(), b"(once)")
    return _ISO.sub(_time, body)


def _token(token: bytes, secret: str) -> bytes:
    mask, masked = token[:SECRET].decode(), token[SECRET:].decode()
    pairs = zip(masked, mask, strict=True)
    plain = "".join(CHARACTERS[CHARACTERS.index(x) - CHARACTERS.index(y)] for x, y in pairs)
    return b"(csrf)" if plain == secret[-SECRET:] else token


def _once(response: Any, request: Any) -> Iterator[str]:
    for name in ("Content-Security-Policy", "Content-Security-Policy-Report-Only"):
        yield from _NONCE.findall(response.headers.get(name, "") if response is not None else "")
    session = request.__dict__.get("session") if request is not None else None
    key = getattr(session, "session_key", None)
    if key:
        yield key


def _time(found: re.Match[bytes]) -> bytes:
    text = found[0].decode()
    return b"(now)" if any(abs(at - datetime.now(UTC)) < NEAR for at in _read(text)) else found[0]


def _read(text: str) -> Iterator[datetime]:
    """The moments a text may mean."""
    zones = (UTC, timezone.get_current_timezone(), timezone.get_default_timezone())
    if text.startswith("datetime"):
        text = _of_python(text)
    try:
        if text.isdigit() or text.replace(".", "", 1).isdigit():
            seconds = float(text)
            yield datetime.fromtimestamp(seconds / (1000 if len(text) == 13 else 1), UTC)
            return
        for zone in zones:
            at = _date(text, datetime.now(zone).date())
            yield at if at.tzinfo is not None else at.replace(tzinfo=zone)
    except (ValueError, OverflowError):
        return


def _of_python(text: str) -> str:
    """``datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=…)`` as parameters print; zones are tried."""
    numbers = re.findall(r"[ (](\d+)(?=[,)])", text)[:6]
    year, month, day, hour, minute, second = map(int, [*numbers, 0, 0, 0, 0, 0, 0][:6])
    return f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"


def _date(text: str, today: date) -> datetime:
    if len(text) < 19:  # a time of day
        return datetime.fromisoformat(f"{today}T{text}")
    if "," in text[:4]:
        form = "%a, %d %b %Y %H:%M:%S"
        return datetime.strptime(
            text[:-4].strip() if text.endswith("GMT") else text[:25].strip(), form
        )
    return datetime.fromisoformat(text.replace(",", "."))


def difference(before: bytes, after: bytes) -> str:
    """The first line that differs, in plain words."""
    old, new = (
        before.decode(errors="replace").split("\n"),
        after.decode(errors="replace").split("\n"),
    )
    for number, (was, is_now) in enumerate(zip(old, new, strict=False), 1):
        if was != is_now:
            return f"line {number} reads {_piece(is_now, was)} instead of {_piece(was, is_now)}"
    return f"it has {len(new)} lines instead of {len(old)}"


def _piece(line: str, other: str) -> str:
    pairs = enumerate(zip(line, other, strict=False))
    start = next((i for i, (a, b) in pairs if a != b), min(len(line), len(other)))
    return repr(line[max(start - 10, 0) : start + 30].strip())
