"""The ten causes of slide 10, each with the signal that tells it from the others."""
