# Points as 64-bit hashes, and the set of those that were seen. The twin is reference/codes.py.
#
# The set is two hash tables with open addressing, the present generation and the one before it.
# A code is never 0, which marks an empty place. Tables are at most half full.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Calloc, PyMem_Free
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

cdef struct Codes:
    uint64_t *now
    uint64_t *before
    uint64_t mask  # number of places less 1; that number is a power of two
    uint64_t mask_before
    Py_ssize_t n  # codes of the present generation


cdef inline uint64_t scrambled(uint64_t z) noexcept nogil:
    """Spread the bits of a number, as SplitMix64 does."""
    z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EB
    return z ^ (z >> 31)


cdef inline uint64_t mix(Py_ssize_t column, double value) noexcept nogil:
    """Hash one coordinate; the hash of a row is the sum over its coordinates."""
    cdef uint64_t z
    value = value + 0.0  # turns -0.0 into 0.0
    memcpy(&z, &value, sizeof(double))
    return scrambled(z + <uint64_t>(column + 1) * <uint64_t>0x9E3779B97F4A7C15)


cdef inline uint64_t mix_bit(Py_ssize_t k) noexcept nogil:
    """Hash one bit; the hash of a subset is the exclusive or over its bits."""
    return scrambled(<uint64_t>(k + 1) * <uint64_t>0x9E3779B97F4A7C15)


cdef inline uint64_t hash_of(const double[::1] row) noexcept nogil:
    cdef uint64_t code = 0
    cdef Py_ssize_t k
    for k in range(row.shape[0]):
        code += mix(k, row[k])
    return code if code != 0 else 1


cdef inline uint64_t *new_table(Py_ssize_t n_places) except NULL:
    cdef uint64_t *table = <uint64_t *>PyMem_Calloc(n_places, sizeof(uint64_t))
    if table == NULL:
        raise MemoryError
    return table


cdef inline int make_codes(Codes *codes) except -1:
    codes.now = new_table(1024)
    codes.before = new_table(1)
    codes.mask = 1023
    codes.mask_before = 0
    codes.n = 0
    return 0


cdef inline void free_codes(Codes *codes) noexcept:
    PyMem_Free(codes.now)
    PyMem_Free(codes.before)


cdef inline bint stands_in(uint64_t *table, uint64_t mask, uint64_t code) noexcept nogil:
    cdef uint64_t place = code & mask
    while table[place] != 0:
        if table[place] == code:
            return True
        place = (place + 1) & mask
    return False


cdef inline bint is_seen(Codes *codes, uint64_t code) noexcept nogil:
    return stands_in(codes.now, codes.mask, code) or stands_in(
        codes.before, codes.mask_before, code
    )


cdef inline bint add_to_present(Codes *codes, uint64_t code) noexcept nogil:
    """Add a code to the present generation; False if it was there."""
    cdef uint64_t place = code & codes.mask
    while codes.now[place] != 0:
        if codes.now[place] == code:
            return False
        place = (place + 1) & codes.mask
    codes.now[place] = code
    codes.n += 1
    return True


cdef inline bint add_code(Codes *codes, uint64_t code) noexcept nogil:
    """Add a code; False if it was seen before. The caller makes room afterwards."""
    if stands_in(codes.before, codes.mask_before, code):
        return False
    return add_to_present(codes, code)


cdef inline int make_room(Codes *codes) except -1:
    """Keep the present table at most half full."""
    cdef uint64_t *old = codes.now
    cdef uint64_t i, n_places = codes.mask + 1
    if 2 * <uint64_t>codes.n <= n_places:
        return 0
    codes.now = new_table(2 * n_places)
    codes.mask = 2 * n_places - 1
    codes.n = 0
    for i in range(n_places):
        if old[i] != 0:
            add_to_present(codes, old[i])
    PyMem_Free(old)
    return 0


cdef inline int begin_generation(Codes *codes, Py_ssize_t n_kept) except -1:
    """Forget the generation before the present one, and begin another with room for n_kept."""
    cdef Py_ssize_t n_places = 64
    while n_places < 4 * n_kept:
        n_places *= 2
    cdef uint64_t *fresh = new_table(n_places)
    PyMem_Free(codes.before)
    codes.before = codes.now
    codes.mask_before = codes.mask
    codes.now = fresh
    codes.mask = n_places - 1
    codes.n = 0
    return 0


cdef inline bytes table_bytes(uint64_t *table, uint64_t mask):
    return PyBytes_FromStringAndSize(<char *>table, (mask + 1) * sizeof(uint64_t))


cdef inline uint64_t *table_of_bytes(bytes data) except NULL:
    cdef uint64_t *table = new_table(PyBytes_GET_SIZE(data) // sizeof(uint64_t))
    memcpy(table, PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    return table


cdef inline tuple codes_state(Codes *codes):
    """Return what a pickle keeps of the set."""
    now = table_bytes(codes.now, codes.mask)
    return codes.n, now, table_bytes(codes.before, codes.mask_before)


cdef inline int restore_codes(Codes *codes, tuple state) except -1:
    cdef bytes now = state[1]
    cdef bytes before = state[2]
    free_codes(codes)
    codes.now = codes.before = NULL
    codes.now = table_of_bytes(now)
    codes.before = table_of_bytes(before)
    codes.n = state[0]
    codes.mask = PyBytes_GET_SIZE(now) // sizeof(uint64_t) - 1
    codes.mask_before = PyBytes_GET_SIZE(before) // sizeof(uint64_t) - 1
    return 0
