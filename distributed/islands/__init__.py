"""Run several searches on Ray that exchange their best points.

``minimize``
    `minimize_islands`, the function for users, and its result.
``archipelago``
    The driver: starts islands, delivers their mail, restarts lost ones.
``island``
    The actor that runs one search and pauses at each exchange.
``mailbox``
    The points that islands have shown, kept in a file.
"""

from zoopt.distributed.islands.minimize import IslandsResult, minimize_islands

__all__ = ["IslandsResult", "minimize_islands"]
