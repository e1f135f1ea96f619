"""Sphinx: MyST Markdown, furo; every dead reference is an error (make docs)."""

from unhurried import __version__

project = "unhurried"
author = "the unhurried developers"
copyright = "2026, the unhurried developers"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["colon_fence"]
html_theme = "furo"
exclude_patterns = ["_build"]
