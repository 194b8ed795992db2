"""Choose the kernels: the compiled module, or its plain-Python twin where it is missing.

``BACKEND`` says which is in use. ``ZOOPT_NO_NATIVE=1`` asks for the twin without a warning.
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
    "Population",
    "row_hash",
]

if TYPE_CHECKING:
    from zoopt._native.reference import Population, row_hash
    from zoopt._native.reference_archive import Archive

    BACKEND: str
elif os.environ.get("ZOOPT_NO_NATIVE") == "1":
    from zoopt._native.reference import Population, row_hash
    from zoopt._native.reference_archive import Archive

    BACKEND = "python"
else:
    try:
        from zoopt._native.archive import Archive
        from zoopt._native.kernels import Population, row_hash

        BACKEND = "cython"
    except ImportError as error:
        from zoopt._native.reference import Population, row_hash
        from zoopt._native.reference_archive import Archive

        BACKEND = "python"
        warnings.warn(
            f"zoopt's compiled kernels are not available ({error}); plain Python serves, with the "
            "same results but much slower. Reinstall zoopt where a C compiler is present, or set "
            "ZOOPT_NO_NATIVE=1 to choose this.",
            RuntimeWarning,
            stacklevel=2,
        )
