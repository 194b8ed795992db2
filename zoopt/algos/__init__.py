"""Old import paths of algorithms: thin adapters over the solvers of today."""
