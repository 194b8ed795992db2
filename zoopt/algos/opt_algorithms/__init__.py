"""Old import paths of the optimization algorithms."""
