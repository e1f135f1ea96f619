"""Arguments of several verbs: what is refused, and in which words."""

from __future__ import annotations

from argparse import ArgumentTypeError
from urllib.parse import urlsplit


def base(text: str) -> str:
    found = urlsplit(text)
    if found.scheme not in ("http", "https") or not found.netloc or found.path.strip("/"):
        raise ArgumentTypeError(f"{text!r} is nothing like https://example.com.")
    return text.rstrip("/")


def positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r} is no whole number from 1.")
    return int(text)


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.05 <= value <= 3600:
        raise ArgumentTypeError(f"{text!r} is no number of seconds from 0.05 to 3600.")
    return value
