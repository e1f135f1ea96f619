"""A remedy as an edit of the source, and its diff."""
