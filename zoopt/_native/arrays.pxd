# Rows and packed bits as numpy arrays, by numpy's C interface. A module that cimports this calls
# _import_array() once.

from cpython.object cimport PyObject

cdef extern from "numpy/arrayobject.h":
    enum:
        NPY_DOUBLE
        NPY_UINT8
        NPY_ARRAY_WRITEABLE
        NPY_ARRAY_OWNDATA
    int _import_array() except -1
    bint PyArray_Check(object thing) noexcept nogil
    bint PyArray_CHKFLAGS(PyObject *array, int flags) noexcept nogil
    object PyArray_SimpleNew(int n_axes, Py_ssize_t *shape, int kind)
    void *PyArray_DATA(PyObject *array) noexcept nogil
    void PyArray_CLEARFLAGS(PyObject *array, int flags) noexcept nogil


cdef inline double *data_of(object row) noexcept:
    return <double *>PyArray_DATA(<PyObject *>row)


cdef inline object frozen(object array):
    """Make an array read-only and return it."""
    PyArray_CLEARFLAGS(<PyObject *>array, NPY_ARRAY_WRITEABLE)
    return array
