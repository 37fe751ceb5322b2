"""Typed records as plain JSON values, and back.

Dataclasses and named tuples become objects, an interval becomes [low, high], and a number that is not finite becomes
null. Reading needs no second schema: the annotations of the records say what a file must hold.
"""

import inspect
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from facerec.metrics import Interval

ARRAYS = (np.ndarray, NDArray)  # what an annotation NDArray[...] is made of: the first until numpy 2.4
SCALARS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def to_plain(value: object) -> Any:
    """A record as what ``json.dumps`` takes.

    Example:
        >>> to_plain({"interval": Interval(0.1, 0.2), "tar": float("nan")})
        {'interval': [0.1, 0.2], 'tar': None}
    """
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict") and not isinstance(value, Interval):
        return to_plain(value._asdict())
    if isinstance(value, Mapping):
        return {name: to_plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [to_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return to_plain(value.item())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_plain(kind: Any, value: Any, place: str = "") -> Any:
    """The record of a type that :func:`to_plain` gave; null is NaN where a number belongs.

    A key that the type does not have is passed over, so that a file may grow without a new version.

    Args:
        kind: a dataclass, a named tuple, or an annotation of one of their fields.
        value: what ``json.loads`` gave.
        place: of the value in the file, for the message.

    Raises:
        ValueError: naming the first place where a key is missing or a value has another type.

    Example:
        >>> from_plain(Interval, [0.1, 0.2])
        Interval(low=0.1, high=0.2)
        >>> from_plain(list[float], [0.5, "x"], "cmc")
        Traceback (most recent call last):
        ValueError: cmc[1] is 'x', not a number
    """
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        [known] = [option for option in get_args(kind) if option is not NoneType]
        return None if value is None else from_plain(known, value, place)
    if kind in SCALARS:
        return _scalar(kind, value, place)
    if kind is Interval:
        return Interval(*_numbers(value, place, count=2))
    if origin is list:
        [entry_kind] = get_args(kind)
        _require(isinstance(value, list), place, value, "a list")
        return [from_plain(entry_kind, entry, f"{place}[{index}]") for index, entry in enumerate(value)]
    if origin is dict:
        entry_kind = get_args(kind)[1]
        _require(isinstance(value, dict), place, value, "an object")
        return {name: from_plain(entry_kind, entry, _below(place, name)) for name, entry in value.items()}
    if origin in ARRAYS:
        return np.array(_numbers(value, place))
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        return _record(kind, value, place)
    return value


def _record(kind: Any, value: Any, place: str) -> Any:
    """A dataclass or named tuple from an object."""
    _require(isinstance(value, dict), place or "it", value, "an object")
    parameters = inspect.signature(kind).parameters
    missing = [name for name, given in parameters.items() if given.default is given.empty and name not in value]
    if missing:
        raise ValueError(f"{_below(place, missing[0])} is missing")
    hints = get_type_hints(kind)
    known = [name for name in parameters if name in value]
    return kind(**{name: from_plain(hints[name], value[name], _below(place, name)) for name in known})


def _scalar(kind: type, value: Any, place: str) -> Any:
    if kind is float and value is None:
        return math.nan
    fits = type(value) is kind or (kind is float and type(value) is int)
    _require(fits, place, value, SCALARS[kind])
    return kind(value)


def _numbers(value: Any, place: str, count: int | None = None) -> list[float]:
    fits = isinstance(value, list) and count in (None, len(value))
    _require(fits, place, value, "a list of numbers" if count is None else f"{count} numbers")
    return [_scalar(float, entry, f"{place}[{index}]") for index, entry in enumerate(value)]


def _require(fits: bool, place: str, value: Any, expected: str) -> None:
    if not fits:
        raise ValueError(f"{place} is {value!r:.60}, not {expected}")


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
