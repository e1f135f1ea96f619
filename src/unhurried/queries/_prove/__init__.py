"""A remedy tried out: the page asked again, with it and without."""
