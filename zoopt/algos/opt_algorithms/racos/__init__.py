"""Import paths of the RACOS family of ZOOpt 0.4.2."""
