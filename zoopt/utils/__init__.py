"""Import paths of the helpers of ZOOpt 0.4.2."""
