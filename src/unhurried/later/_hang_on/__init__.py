"""``@hang_on``: a page that takes long answers at once, and the result comes at the same URL."""
