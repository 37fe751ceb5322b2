"""Which classes a file from elsewhere may name.

A checkpoint describes its model by names of classes and their settings. To build a class, Python imports its module,
and an import runs code. So the names are looked at first, against the types of the settings that they stand for. A name
is taken if its class is of the right family, and

- its module belongs to facerec, torch, torchvision, lightning or timm, or
- the program has imported it already, as it has your own subclass of ``Backbone``, or
- you name its module: ``--trust MODULE``, or ``trust=["MODULE"]`` in Python.
"""

import collections.abc
import datetime
import enum
import inspect
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from torch import nn

TRUSTED = ("facerec", "torch", "torchvision", "lightning", "timm")
PLAIN = (str, int, float, complex, bytes, list, tuple, dict, set, frozenset, NoneType, os.PathLike, Path, enum.Enum)
PLAIN_TOO = (datetime.date, datetime.timedelta)
DEPTH = 50  # of settings in settings
MOST_VALUES = 100_000  # one list can be in another a thousand times, and so on


def require_trusted(
    kind: type, settings: Mapping[str, Any], origin: str | Path, trust: Sequence[str] = (), part: str = ""
) -> None:
    """Refuse settings that name a class that facerec should not import, or one of the wrong family.

    Args:
        kind: class that the settings are for.
        settings: arguments of that class; classes in them are ``{class_path: ..., init_args: {...}}``.
        origin: file of the settings, for messages.
        trust: modules that may be imported, beside those of facerec and its libraries.
        part: name of these settings in the file, for messages.

    Raises:
        ValueError: naming the file, the setting, the class, and the way out.

    Example:
        >>> from facerec.recognizer import FaceRecognizer
        >>> require_trusted(FaceRecognizer, {"backbone": {"class_path": "facerec.backbones.ResNet"}}, "best.ckpt")
        >>> require_trusted(FaceRecognizer, {"backbone": {"class_path": "theirs.Net"}}, "best.ckpt")
        Traceback (most recent call last):
        ValueError: best.ckpt names the class theirs.Net as backbone, and importing it would run its code. If you ...
    """
    _Names(str(origin), (*TRUSTED, *trust)).arguments(kind, settings, part)


class _Slot(NamedTuple):
    """What may stand in the place of a setting.

    Attributes:
        families: base classes of the objects that it takes.
        takes_text: whether plain text is one of its values.
        takes_function: whether it takes a function, of which only its result may be known.
    """

    families: tuple[type, ...] = ()
    takes_text: bool = False
    takes_function: bool = False

    @property
    def is_for_objects(self) -> bool:
        return bool(self.families) or self.takes_function


class _Names:
    """Looks at every name of a class in nested settings."""

    def __init__(self, origin: str, trusted: tuple[str, ...]) -> None:
        self.origin, self.trusted = origin, trusted
        self.values = 0

    def arguments(self, kind: type, settings: Any, where: str, depth: int = 0) -> None:
        """Look at the arguments of a class."""
        if not isinstance(settings, Mapping):
            return
        slots = _slots_of(kind)
        for name, value in settings.items():
            self.value(slots.get(name, _Slot()), value, f"{where}.{name}" if where else str(name), depth + 1)

    def value(self, slot: _Slot, value: Any, where: str, depth: int) -> None:
        """Look at one argument, and all that is in it."""
        self.values += 1
        if depth > DEPTH or self.values > MOST_VALUES:
            raise ValueError(f"{self.origin} has too many settings in settings: facerec did not write it")
        if isinstance(value, str):
            if slot.is_for_objects and ("." in value or not slot.takes_text):
                self.named(slot, value, where)
        elif isinstance(value, Mapping) and "class_path" in value:
            found = self.named(slot, value["class_path"], where)
            for part in ("init_args", "dict_kwargs"):
                self.arguments(found, value.get(part), where, depth)
        elif isinstance(value, Mapping):
            # Arguments of the one class that is due, or objects by name
            own = {name: one for family in slot.families for name, one in _slots_of(family).items()}
            for name, entry in value.items():
                self.value(own.get(name, slot), entry, f"{where}.{name}", depth + 1)
        elif isinstance(value, (list, tuple, set)):
            for entry in value:
                self.value(slot, entry, where, depth + 1)

    def named(self, slot: _Slot, path: Any, where: str) -> type:
        """The class of a name, imported if that is allowed."""
        families = slot.families or (nn.Module,)
        found = self._found(families, path, where)
        if not (inspect.isclass(found) and issubclass(found, families)):
            due = " or ".join(family.__name__ for family in families)
            raise ValueError(f"{self.origin} names {path} as {where}, and it is no {due}")
        return found

    def _found(self, families: tuple[type, ...], path: Any, where: str) -> Any:
        if not isinstance(path, str) or not path or not all(part.isidentifier() for part in path.split(".")):
            raise ValueError(f"{self.origin} names the class {path!r} as {where}: that is no name of a class")
        module, _, name = path.rpartition(".")
        if not module:
            known = (subclass for family in families for subclass in _subclasses(family))
            return next((subclass for subclass in known if subclass.__name__ == name), None)
        loaded = getattr(sys.modules.get(module), name, None)
        if inspect.isclass(loaded) and issubclass(loaded, families):
            return loaded
        if not any(module == one or module.startswith(f"{one}.") for one in self.trusted):
            package = module.partition(".")[0]
            raise ValueError(
                f"{self.origin} names the class {path} as {where}, and importing it would run its code. If you trust "
                f'{package}, give --trust {package}, or trust=["{package}"] in Python'
            )
        if "__main__" in module.split("."):
            raise ValueError(f"{self.origin} names the class {path} as {where}: that is a program")
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise ValueError(f"{self.origin} names the class {path} as {where}, which is not there: {error}") from error


def _slots_of(kind: type) -> dict[str, _Slot]:
    """What each argument of a class may be. An argument whose type is unknown takes plain values, and modules."""
    try:
        hints = get_type_hints(kind.__init__)  # type: ignore[misc]
    except Exception:  # a type that is not there at run time; resolving it can raise anything
        return {}
    return {name: _slot_of(hint) for name, hint in hints.items()}


def _slot_of(hint: Any) -> _Slot:
    leaves = list(_leaves(hint))
    families = tuple(leaf for leaf in dict.fromkeys(leaves) if inspect.isclass(leaf) and not _is_plain(leaf))
    return _Slot(families, str in leaves, collections.abc.Callable in leaves)


def _leaves(hint: Any) -> Iterator[Any]:
    """The types that a type is made of; for a function, what it returns, and a module if that is unknown."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is collections.abc.Callable:
        yield origin
        inner = inner[-1:] or (nn.Module,)  # of a function that may return anything, such as a part of a transform
    if origin is Literal:
        yield str
    elif origin is None or not inner:
        yield hint
    else:
        for one in inner:
            yield from _leaves(one)


def _is_plain(leaf: type) -> bool:
    return leaf is object or issubclass(leaf, (*PLAIN, *PLAIN_TOO)) or leaf.__module__ in ("typing", "collections.abc")


def _subclasses(family: type) -> Iterator[type]:
    yield family
    inner: list[type] = family.__subclasses__()
    for known in inner:
        yield from _subclasses(known)
