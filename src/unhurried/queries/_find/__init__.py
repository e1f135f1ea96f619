"""Who asks, for what, how often, and the line to change."""
