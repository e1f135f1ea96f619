"""No pages, and none of ours."""

from __future__ import annotations

urlpatterns: list[object] = []
