"""Caches in front of the site that put pages together: whom to believe, what to tell them."""
