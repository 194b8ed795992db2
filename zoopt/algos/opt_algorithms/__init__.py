"""Import paths of the optimization algorithms of ZOOpt 0.4.2."""
