"""ZOOptSearch, a searcher for Ray Tune."""

from zoopt.distributed.tune.search import ZOOptSearch

__all__ = ["ZOOptSearch"]
