"""How much is worth a word: below this a site is fine, whatever its shares."""

from __future__ import annotations

from typing import Final

SHARE: Final = 0.05  # of users' time
DELAY: Final = 0.040  # seconds per request, of the requests that have it
OF_ALL: Final = 0.010  # seconds per request, of all
ERRORS: Final = 0.01  # of a route's requests
TRIFLE: Final = 0.02  # of users' time; less is not worth a finding, though there be many


def matters(share: float, delay: float, total: float = 0.0) -> bool:
    """Whether a share of users' time is felt: the half of a page of 70 ms is not.

    ``total``: the share of all places of this kind, which may be many and small.
    """
    return delay >= DELAY and (share >= SHARE or (total >= SHARE and share >= TRIFLE))


def matters_to_all(share: float, delay: float) -> bool:
    """The same for what all requests have: the network, the machine."""
    return share >= SHARE and delay >= OF_ALL
