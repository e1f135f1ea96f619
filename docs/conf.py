"""Sphinx: MyST Markdown, furo; every dead reference is an error (make docs)."""

from unhurried import __version__

project = "unhurried"
author = "the unhurried developers"
copyright = "2026, the unhurried developers"
version = release = __version__
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 2
html_theme = "furo"
exclude_patterns = ["_build"]
