"""The kernels in plain Python, written to be read.

Every class here has a compiled twin that draws the same random numbers in the same order and
agrees with it bit for bit. The kernels know encoded rows of floats or packed bits. They know
nothing of user units and budgets, and only the order of the objective's values.
"""

from zoopt._native.reference import matrices
from zoopt._native.reference.archive import Archive
from zoopt._native.reference.codes import MEMORY, row_hash
from zoopt._native.reference.columns import (
    CONTINUOUS,
    HUGE_LOG_INTEGER,
    LOG_INTEGER,
    ORDERED,
    UNORDERED,
    code_of,
    number_at,
)
from zoopt._native.reference.members import NOBODY, Member
from zoopt._native.reference.population import Population
from zoopt._native.reference.seen import SeenPoints

__all__ = [
    "CONTINUOUS",
    "HUGE_LOG_INTEGER",
    "LOG_INTEGER",
    "MEMORY",
    "NOBODY",
    "ORDERED",
    "UNORDERED",
    "Archive",
    "Member",
    "Population",
    "SeenPoints",
    "code_of",
    "matrices",
    "number_at",
    "row_hash",
]
