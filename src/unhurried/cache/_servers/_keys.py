"""Names on a server: readable where it allows, else hashed, and never two things by one name."""

from __future__ import annotations

import re
import secrets
from functools import lru_cache
from hashlib import blake2b

READABLE = re.compile(r"[!-~]{1,160}", re.ASCII)  # memcached: 250 bytes, no blanks or controls
HASHED = "#"


@lru_cache(maxsize=4096)
def token_key(tag: str) -> bytes:
    """Where a server keeps a tag's token.

    Neither KEY_PREFIX nor VERSION is part of it: two releases that differ in them write the same
    tables. Sites that share a server and have tables of one name renew each other's tokens, which
    costs a computation; another database number, or server, keeps them apart.
    """
    return b"unhurried:t:" + _safe(tag)


def entry_key(prefix: str, version: int | str, key: str) -> bytes:
    """Where a server keeps an entry, beside and apart from all that Django's own API keeps."""
    return b"unhurried:e:" + _safe(f"{prefix}:{version}:{key}")


def _safe(name: str) -> bytes:
    if READABLE.fullmatch(name) and not name.startswith(HASHED):
        return name.encode("ascii")
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
    return f"{HASHED}{digest}".encode("ascii")


def new_token() -> bytes:
    """Eight random bytes: with 64 bits no token ever comes back."""
    return secrets.token_bytes(8)
