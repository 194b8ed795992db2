"""Old import paths of the RACOS family."""
