"""Fingerprints of Python objects: the same in every process, and different for different objects.

A fingerprint covers the class of an object and its state as pickle would write it. It leaves out
addresses, the order of sets and the paths of modules, which change from process to process. For a
function, it covers the bytecode, the constants, the defaults and the values in the closure.
"""

import copyreg
import dis
import functools
import hashlib
import math
import struct
import types
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from zoopt.core.texts import brief

__all__ = ["fingerprint", "name_of"]

#: Attributes that say where a class or an object comes from, and not what it is.
ORIGINS = frozenset(
    {
        *("__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "_abc_impl"),
        *("__firstlineno__", "__static_attributes__"),
        *("__annotate_func__", "__annotations_cache__"),
    }
)

#: Methods that make an object.
MAKERS = frozenset({"__init__", "__new__", "__post_init__", "__setstate__", "__set_name__"})

#: Objects nested deeper than this count by their class where state may change.
DEPTH = 4

Methods = (types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType)


def fingerprint(thing: Any, *, lenient: bool = False) -> str:
    """Return 32 hexadecimal digits that identify an object by its class and state.

    Parameters
    ----------
    thing : object
    lenient : bool
        For functions and objects that a run calls and that may change their state during the run.
        Lists, dictionaries and sets count by their class, and methods by their code and class.
        Variables that a function assigns, and attributes that a method assigns, do not count.

    Raises
    ------
    TypeError
        If the state of the object or of a part cannot be read, because it cannot be pickled.

    Examples
    --------
    >>> fingerprint({"a", "b"}) == fingerprint({"b", "a"})
    True
    >>> fingerprint(lambda v: v + 1) == fingerprint(lambda v: v + 2)
    False
    """
    try:
        return _Marker(lenient).digest(thing).hex()
    except RecursionError:
        raise TypeError(f"{brief(thing)} is nested too deeply") from None


def name_of(kind: Any) -> str:
    """Return the name of a class; a class of zoopt keeps it if it moves to another module.

    Examples
    --------
    >>> from zoopt import SRacos
    >>> name_of(SRacos)
    'zoopt:SRacos'
    """
    module = str(kind.__module__)
    room = "zoopt" if module.split(".")[0] == "zoopt" else module
    return f"{room}:{kind.__qualname__}"


def _hashed(words: Iterable[bytes | memoryview]) -> bytes:
    """Hash words together with their lengths."""
    digest = hashlib.blake2b(digest_size=16)
    for word in words:
        digest.update(struct.pack("<q", len(word)))
        digest.update(word)
    return digest.digest()


class _Marker:
    """Digests one object and its parts."""

    def __init__(self, lenient: bool) -> None:
        self._lenient = lenient
        #: Depths of the objects that contain the present one, by id.
        self._above: dict[int, int] = {}
        #: Digests by id, each with its object, so that the id is not reused.
        self._known: dict[int, tuple[bytes, Any]] = {}

    def digest(self, thing: Any) -> bytes:
        if thing is None or type(thing) in (bool, int, float, str, bytes):
            return _hashed(_plain(thing))
        ident = id(thing)
        if ident in self._known:
            return self._known[ident][0]
        if ident in self._above:
            return _hashed([b"above", str(len(self._above) - self._above[ident]).encode()])
        self._above[ident] = len(self._above)
        try:
            digest = _hashed(self._words(thing))
        finally:
            del self._above[ident]
        self._known[ident] = digest, thing
        return digest

    def _words(self, thing: Any) -> Iterator[bytes | memoryview]:
        kind = type(thing)
        if self._lenient and isinstance(thing, (list, dict, set)):
            yield name_of(kind).encode()
        elif kind in (list, tuple):
            yield kind.__name__.encode()
            yield from map(self.digest, thing)
        elif kind in (dict, types.MappingProxyType):
            yield b"dict"
            yield from self._pairs(thing.items())
        elif isinstance(thing, (set, frozenset)):
            yield name_of(kind).encode()
            yield from sorted(map(self.digest, thing))
            yield from self._pairs(getattr(thing, "__dict__", {}).items())
        elif kind is np.ndarray or isinstance(thing, np.generic):
            yield from self._array(np.asarray(thing), kind)
        elif isinstance(thing, type):
            yield from self._class(thing)
        elif kind is types.FunctionType:
            yield from self._function(thing)
        elif kind is types.CodeType:
            yield from self._code(thing)
        elif kind is functools.partial:
            yield from (b"partial", self.digest(thing.func), self.digest(thing.args))
            yield from self._pairs(thing.keywords.items())
        elif kind is functools._lru_cache_wrapper:
            yield from (b"cached", self.digest(thing.__wrapped__))
        elif kind is types.MethodType:
            owner = type(thing.__self__) if self._lenient else thing.__self__
            yield from (b"method", self.digest(thing.__func__), self.digest(owner))
        elif kind in (types.BuiltinFunctionType, types.MethodWrapperType):
            yield from (b"builtin", thing.__qualname__.encode(), self.digest(thing.__self__))
        elif kind in Methods:
            yield from (b"method", thing.__name__.encode(), self.digest(thing.__objclass__))
        elif kind is types.ModuleType:
            yield from (b"module", thing.__name__.encode())
        elif hasattr(thing, "detach") and hasattr(thing, "__array__"):  # a tensor
            yield from (name_of(kind).encode(), str(thing.dtype).encode())
            yield from self._array(np.asarray(thing.detach().cpu()), kind)
        else:
            yield from self._object(thing)

    def _pairs(self, items: Iterable[tuple[Any, Any]]) -> list[bytes]:
        """Return digests of keys and values; order does not count, as with ``==``."""
        return sorted(
            self.digest(key) + self.digest(value) for key, value in items if not _is_origin(key)
        )

    def _array(self, array: Any, kind: type) -> Iterator[bytes | memoryview]:
        yield from (kind.__name__.encode(), str(array.dtype.descr).encode())
        yield str(array.shape).encode()
        if array.dtype.hasobject:
            yield from map(self.digest, array.ravel().tolist())
        elif array.dtype.names is not None:  # bytes between the fields are not data
            yield from (self.digest(np.ascontiguousarray(array[n])) for n in array.dtype.names)
        else:
            yield np.ascontiguousarray(array).reshape(-1).view(np.uint8).data

    def _class(self, thing: type) -> Iterator[bytes | memoryview]:
        yield from (b"class", name_of(thing).encode())
        if "<locals>" in thing.__qualname__:  # other classes may have this name
            yield from map(self.digest, thing.__bases__)
            yield from self._pairs(
                (key, value)
                for key, value in vars(thing).items()
                if type(value) not in (types.MemberDescriptorType, types.GetSetDescriptorType)
            )

    def _function(self, thing: Any) -> Iterator[bytes]:
        yield from (b"function", thing.__qualname__.encode())
        yield from (self.digest(thing.__code__), self.digest(thing.__defaults__))
        yield from self._pairs((thing.__kwdefaults__ or {}).items())
        assigned = _assigned(thing.__code__) if self._lenient else frozenset()
        for name, cell in zip(thing.__code__.co_freevars, thing.__closure__ or (), strict=True):
            if name not in assigned:
                yield self.digest(_content(cell))
        if not self._lenient:
            yield from self._pairs(vars(thing).items())

    def _code(self, code: types.CodeType) -> Iterator[bytes]:
        yield from (b"code", code.co_code, getattr(code, "co_exceptiontable", b""))
        n_arguments = code.co_argcount + code.co_kwonlyargcount
        for part in (
            (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags),
            code.co_varnames[:n_arguments],
            code.co_names,
            code.co_consts,
        ):
            yield self.digest(part)

    def _object(self, thing: Any) -> Iterator[bytes]:
        if self._lenient:
            yield name_of(type(thing)).encode()
            if len(self._above) <= DEPTH:
                own, assigned = getattr(thing, "__dict__", {}), _assigned_by_methods(type(thing))
                yield from self._pairs((k, v) for k, v in own.items() if k not in assigned)
            return
        try:
            reduce = copyreg.dispatch_table.get(type(thing))
            reduced: Any = thing.__reduce_ex__(4) if reduce is None else reduce(thing)
        except RecursionError:
            raise
        except Exception as error:
            if not isinstance(thing, (property, staticmethod, classmethod)):
                raise TypeError(f"the state of {brief(thing)} cannot be read: {error}") from None
            reduced = type(thing).__name__
        yield name_of(type(thing)).encode()
        if isinstance(reduced, str):
            yield reduced.encode()
            return
        make, arguments, state, items, pairs = (list(reduced) + [None] * 4)[:5]
        yield from (self.digest(make), self.digest(arguments), self.digest(state))
        yield from () if items is None else map(self.digest, items)
        if isinstance(thing, OrderedDict):
            yield from map(self.digest, list(pairs or ()))
        else:
            yield from self._pairs(pairs or ())


def _plain(thing: Any) -> Iterator[bytes]:
    yield type(thing).__name__.encode()
    if isinstance(thing, float):
        yield struct.pack("<d", math.nan if thing != thing else thing)
    elif isinstance(thing, bytes):
        yield thing
    elif type(thing) is int:
        yield hex(thing).encode()
    else:
        yield str(thing).encode(errors="surrogatepass")


def _assigned(code: types.CodeType) -> frozenset[str]:
    """Return the names of enclosing variables that a function assigns."""
    stores = ("STORE_DEREF", "DELETE_DEREF")
    return frozenset(i.argval for i in dis.get_instructions(code) if i.opname in stores)


def _assigned_by_methods(kind: type) -> frozenset[str]:
    """Return the names of the attributes that methods assign after an object was made."""
    methods = (
        function
        for base in kind.__mro__
        for name, function in vars(base).items()
        if isinstance(function, types.FunctionType) and name not in MAKERS
    )
    stores = ("STORE_ATTR", "DELETE_ATTR")
    instructions = (i for method in methods for i in dis.get_instructions(method))
    return frozenset(i.argval for i in instructions if i.opname in stores)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return "empty"


def _is_origin(key: Any) -> bool:
    return type(key) is str and key in ORIGINS
