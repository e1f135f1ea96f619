"""Which frame a page stands in: under /fast/ one that is kept for all, its greeting for each."""

import os

from django.http import HttpRequest

#: How the greeting gets into it: auto, phased, esi, ssi, client.
COMPOSITION = os.environ.get("PINSTA_COMPOSITION", "auto")


def layout(request: HttpRequest) -> dict[str, str]:
    frame = "kept.html" if request.path.startswith("/fast/") else "base.html"
    return {"layout": frame, "composition": COMPOSITION}
