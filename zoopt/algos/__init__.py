"""Import paths of the algorithms of ZOOpt 0.4.2: thin adapters over the current solvers."""
