"""A music club: the shapes of model that the book shop has not, in an app of its own."""
