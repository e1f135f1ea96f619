"""CSS and JavaScript, served by the app itself, so that nothing needs ``collectstatic``.

The address holds a hash of the content, so browsers may keep it for ever.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

FOLDER: Final = Path(__file__).resolve().parent.parent / "static" / "unhurried"
_JS, _CSS = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
#: name -> (file, content type); nothing else is served.
FILES: Final = {
    "page.css": ("page.css", _CSS),
    "verdict.css": ("verdict.css", _CSS),
    "page.js": ("page.js", _JS),
    "charts.js": ("charts.js", _JS),
    "badge.css": ("badge.css", _CSS),
    "fragment.js": ("fragment.js", _JS),
    "regions.js": ("regions.js", _JS),
    "hang_on.js": ("hang_on.js", _JS),
    "hang_on.css": ("hang_on.css", _CSS),
    "vitals.js": ("vitals.js", _JS),
    "icon.svg": ("icon.svg", "image/svg+xml"),
    "uplot.css": ("vendor/uplot.css", _CSS),
    "uplot.js": ("vendor/uplot.js", _JS),
}
FOREVER: Final = "public, max-age=31536000, immutable"


def url(name: str) -> str:
    return f"{reverse('unhurried:asset', args=[name])}?v={_content(name)[1]}"


@login_not_required  # pages for all have some of them
@require_safe
@gzip_page
def serve(request: HttpRequest, name: str) -> HttpResponse:
    if name not in FILES:
        raise Http404(f"There is no asset {name}; there are {', '.join(FILES)}.")
    content, version = _content(name)
    response = HttpResponse(content, content_type=FILES[name][1])
    # During a deploy a page of one version may ask a process of the other.
    response["Cache-Control"] = FOREVER if request.GET.get("v") == version else "no-cache"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@cache
def _content(name: str) -> tuple[bytes, str]:
    content = (FOLDER / FILES[name][0]).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:12]
