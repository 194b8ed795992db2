"""Old import paths of Pareto optimization."""
