"""Old import paths of helpers."""
