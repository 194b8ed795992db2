"""Several searches on Ray that show each other their best points."""

from zoopt.distributed.islands.driver import IslandsResult, minimize_islands

__all__ = ["IslandsResult", "minimize_islands"]
