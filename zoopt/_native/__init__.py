"""Choose the kernels: the compiled modules or, if these are missing, their plain-Python twins.

``BACKEND`` names those in use. ``ZOOPT_NO_NATIVE=1`` selects the twins without a warning.
"""

import os
import warnings
from typing import TYPE_CHECKING

from zoopt._native.reference import (
    CONTINUOUS,
    HUGE_LOG_INTEGER,
    LOG_INTEGER,
    NOBODY,
    ORDERED,
    UNORDERED,
    Member,
)

__all__ = [
    "BACKEND",
    "CONTINUOUS",
    "HUGE_LOG_INTEGER",
    "LOG_INTEGER",
    "NOBODY",
    "ORDERED",
    "UNORDERED",
    "Archive",
    "Member",
    "Population",
    "SeenPoints",
    "matrices",
    "row_hash",
]

if TYPE_CHECKING:
    from zoopt._native.reference import Archive, Population, SeenPoints, matrices, row_hash

    BACKEND: str
elif os.environ.get("ZOOPT_NO_NATIVE") == "1":
    from zoopt._native.reference import Archive, Population, SeenPoints, matrices, row_hash

    BACKEND = "python"
else:
    try:
        from zoopt._native import matrices
        from zoopt._native.archive import Archive
        from zoopt._native.population import Population
        from zoopt._native.seen import SeenPoints, row_hash

        BACKEND = "cython"
    except ImportError as error:
        from zoopt._native.reference import Archive, Population, SeenPoints, matrices, row_hash

        BACKEND = "python"
        warnings.warn(
            f"zoopt's compiled kernels are not available ({error}). Plain Python is used instead: "
            "the results are the same, but runs are much slower. Reinstall zoopt where a C "
            "compiler is present, or set ZOOPT_NO_NATIVE=1 to choose plain Python without this "
            "warning.",
            RuntimeWarning,
            stacklevel=2,
        )
