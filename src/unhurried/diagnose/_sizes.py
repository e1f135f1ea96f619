"""How much is worth a word: below this a site is fine, whatever its shares."""

from __future__ import annotations

from typing import Final

SHARE: Final = 0.05  # of users' time
DELAY: Final = 0.040  # seconds per request, of the requests that have it
OF_ALL: Final = 0.25  # of that, where all requests have it: the network, the machine
ERRORS: Final = 0.01  # of a route's requests
TRIFLE: Final = 0.02  # of users' time; less is not worth a finding, though there be many
