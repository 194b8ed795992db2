"""Running a search: the loop, executors, callbacks and the result."""
