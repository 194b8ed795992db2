"""Old import paths of noise handling."""
