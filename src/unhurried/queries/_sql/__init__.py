"""What a statement says, without what it is about."""
