"""Import paths of Pareto optimization of ZOOpt 0.4.2."""
