"""Reads the pickles of insightface's ``.bin`` files, which come from strangers, without running what they ask for.

A pickle is a program: it names functions and calls them. This reader knows only the names that lists of bytes, booleans
and NumPy arrays of them need. Even these stand for our own few lines, never for functions of NumPy or Python.
"""

import pickle
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

ONE_BYTE = {"u1": np.uint8, "b1": np.bool_, "i1": np.int8}


class ForbiddenPickleError(ValueError):
    """A pickle that asks for more than bytes, booleans and arrays of them."""


class StandIn:
    """Our own function in the place of a known name. It has no attributes that a pickle could set.

    Args:
        build: the function.
    """

    __slots__ = ("_build",)

    def __init__(self, build: Callable[..., Any]) -> None:
        self._build = build

    def __call__(self, *arguments: Any) -> Any:
        """Call the function, as the pickle asks."""
        return self._build(*arguments)

    def __setstate__(self, state: object) -> None:
        raise ForbiddenPickleError("it sets the state of a function")


class PickledType:
    """The element type of a pickled array. Types of more than one byte are refused.

    Args:
        code: NumPy's code, such as ``u1``; bytes in a file of Python 2.
        _: copying and alignment, which do not matter here.
    """

    __slots__ = ("code",)

    def __init__(self, code: str | bytes, *_: object) -> None:
        text = code.decode("ascii", "replace") if isinstance(code, bytes) else str(code)
        self.code = text.lstrip("|")
        if self.code not in ONE_BYTE:
            raise ForbiddenPickleError(f"it holds an array of {text!r} where bytes or booleans are due")

    def __setstate__(self, state: object) -> None:
        """Ignore byte order and the like, which one byte does not have."""


class PickledArray:
    """The content of a pickled array of bytes or booleans, flat."""

    __slots__ = ("data", "kind")

    def __init__(self, *_: object) -> None:
        self.data, self.kind = b"", PickledType("u1")

    def __setstate__(self, state: Any) -> None:
        if not (isinstance(state, tuple) and len(state) == 5):
            raise ForbiddenPickleError("it holds an array that is not written as NumPy writes one")
        _, _, kind, _, data = state
        self.fill(data, kind)

    def fill(self, data: object, kind: object) -> None:
        """Set the bytes and their type."""
        if not isinstance(data, (bytes, bytearray)) or not isinstance(kind, PickledType):
            raise ForbiddenPickleError("it holds an array that is not of plain bytes")
        self.data, self.kind = bytes(data), kind

    def array(self) -> NDArray[Any]:
        """The elements (N,), in their order in memory."""
        return np.frombuffer(self.data, dtype=ONE_BYTE[self.kind.code])


def _from_buffer(data: object, kind: object, *_: object) -> PickledArray:
    array = PickledArray()
    array.fill(data, kind)
    return array


def _scalar(kind: object, data: object) -> Any:
    return _from_buffer(data, kind).array()[0].item()


def _encode(text: object, encoding: object) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
        raise ForbiddenPickleError(f"it encodes {type(text).__name__} as {encoding!r}")
    return text.encode("latin1")


_ARRAY = StandIn(PickledArray)
KNOWN = {
    ("numpy", "ndarray"): _ARRAY,
    ("numpy", "dtype"): StandIn(PickledType),
    ("_codecs", "encode"): StandIn(_encode),
}
KNOWN["__builtin__", "bytes"] = StandIn(lambda: b"")  # empty bytes in a pickle of Python 3 for Python 2
for _core in ("numpy.core", "numpy._core"):  # before and since NumPy 2
    KNOWN[(f"{_core}.multiarray", "_reconstruct")] = _ARRAY
    KNOWN[(f"{_core}.multiarray", "scalar")] = StandIn(_scalar)
    KNOWN[(f"{_core}.numeric", "_frombuffer")] = StandIn(_from_buffer)


class _Unpickler(pickle._Unpickler):  # type: ignore[name-defined,misc,unused-ignore]
    """Python's own unpickler. In the one in C, ten bytes that name a high place in its memo take gigabytes."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN:
            raise ForbiddenPickleError(
                f"refused, since it asks to run {module}.{name}: a set of pairs needs bytes and booleans alone"
            )
        return KNOWN[module, name]


def load_bytes_and_booleans(file: BinaryIO) -> Any:
    """Unpickle lists and tuples of bytes, booleans, numbers and arrays of bytes or booleans, from Python 2 or 3.

    Returns:
        The content of the pickle; each array is a :class:`PickledArray`.

    Raises:
        ForbiddenPickleError: naming the class or function that it asks for.
        ValueError: for a file that is no pickle, or is truncated.

    Example:
        >>> import io, os
        >>> load_bytes_and_booleans(io.BytesIO(pickle.dumps(([b"a face"], [True]))))
        ([b'a face'], [True])
        >>> load_bytes_and_booleans(io.BytesIO(pickle.dumps(os.getcwd)))
        Traceback (most recent call last):
        facerec.data.formats.unpickle.ForbiddenPickleError: refused, since it asks to run ...
    """
    try:
        return _Unpickler(file, encoding="bytes").load()
    except ForbiddenPickleError:
        raise
    except Exception as error:  # broken bytes can make any instruction fail in any way
        raise ValueError(f"is truncated or no pickle at all ({error or type(error).__name__})") from error
