"""The tasks, solvers and statistics of `benchmarks/hpo.py`."""
