"""Old import path of sequential random embedding."""
