"""Import path of sequential random embedding of ZOOpt 0.4.2."""
