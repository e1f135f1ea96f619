"""A site whose pages try to say who asked for them, and one whose pages say nothing."""
