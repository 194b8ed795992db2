"""Import paths of noise handling of ZOOpt 0.4.2."""
