"""Search with zoopt's solvers in Ray Tune.

``search``
    `ZOOptSearch`, the searcher for users.
``space``, ``domains``
    Tune's configurations and domains as points and dimensions of a `zoopt.Space`.
``scanning``, ``templates``, ``reading``
    Spaces read into templates of configurations, templates filled with values, and the values of
    configurations read back.
``points``
    Points that the user wants tried first, or has evaluated already.
``state``
    Saving and restoring a search.
``trials``
    The results of trials, and trials that never return after a restore.
"""

try:
    import ray.tune.search  # noqa: F401
except ImportError as error:
    raise ImportError(
        f'ZOOptSearch needs Ray Tune: pip install "zoopt[tune]" ({error})', name=error.name
    ) from error

from zoopt.distributed.tune.search import ZOOptSearch

__all__ = ["ZOOptSearch"]
