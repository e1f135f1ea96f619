"""Which frame a page stands in: under /fast/ one that is kept for all, its greeting for each."""

import os

from django.http import HttpRequest

#: How what is for each gets into it: auto, phased, esi, ssi, client.
COMPOSITION = os.environ.get("PINSTA_COMPOSITION", "auto")


def layout(request: HttpRequest) -> dict[str, str]:
    frame = "kept.html" if request.path.startswith("/fast/") else "base.html"
    counting = "phased" if COMPOSITION == "auto" else COMPOSITION  # auto keeps what is for all
    return {"layout": frame, "composition": COMPOSITION, "counting": counting}
