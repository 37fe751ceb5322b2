"""Short error messages in place of pages of usage."""

import inspect
import re
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from facerec.backbones import Backbone
from facerec.data import ImageSource, PairSource
from facerec.losses import Loss

UNKNOWN_NAME = (
    re.compile(r"[Uu]nrecognized arguments: --(?P<name>[\w./]+)"),
    re.compile(r"does not accept option '(?P<name>[\w./]+)'"),
    re.compile(r"Option '(?P<name>[\w./]+)' is not accepted"),
    re.compile(r"import path string: (?P<name>[\w./]+)"),
)
GROUP = re.compile(r'Parser key "(?P<name>[\w.]+)":\s+Unable to load config')
FAMILIES: tuple[type[object], ...] = (Backbone, Loss, ImageSource, PairSource)


class FaceArgumentParser(LightningArgumentParser):
    """The parser of one command: an unknown name is answered with the nearest known one."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Print what is wrong in a few lines and exit with status 2."""
        text = "\n".join(line for line in str(message).splitlines() if line.strip())
        print(f"facerec: {text[:2000]}", file=sys.stderr)
        unknown = next((found["name"] for pattern in UNKNOWN_NAME if (found := pattern.search(text))), None)
        near = nearest(unknown, [*_options(self), *_class_names()]) if unknown else None
        if near:
            print(f"facerec: did you mean {near!r}?", file=sys.stderr)
        if group := GROUP.search(text):
            name = group["name"]
            print(
                f"facerec: {name} is a group of settings: give them by name, such as {name}.NAME=VALUE", file=sys.stderr
            )
        print("facerec COMMAND --help lists every setting.", file=sys.stderr)
        raise SystemExit(2)


def nearest(name: str, known: list[str]) -> str | None:
    """The known name most like ``name``; None if nothing is like it.

    An abbreviation comes first, then a name alike as a whole, then one alike in its last part, and at last the same for
    what ``name`` is a part of (``model.backbon.depth``: ``model.backbone``).
    """
    longer = [entry for entry in known if entry.startswith(name)]
    alike = longer or get_close_matches(name, known, n=1, cutoff=0.8)
    if alike:
        return alike[0]
    last_parts = {entry.rpartition(".")[2]: entry for entry in known}
    part = get_close_matches(name.rpartition(".")[2], list(last_parts), n=1, cutoff=0.7)
    if part:
        return last_parts[part[0]]
    return nearest(name.rpartition(".")[0], known) if "." in name else None


def _options(parser: Any) -> Iterator[str]:
    """Options of a parser and of its commands."""
    for action in parser._actions:
        names = (option.removeprefix("--") for option in action.option_strings if option.startswith("--"))
        yield from (name for name in names if not name.endswith(".help"))
        if isinstance(action.choices, dict):
            for command in action.choices.values():
                yield from _options(command)


def _class_names() -> Iterator[str]:
    """Names of the classes that YAML may name, and of their settings."""
    for family in FAMILIES:
        for known in _subclasses(family):
            yield known.__name__
            yield from (name for name in inspect.signature(known).parameters)


def _subclasses(family: type[object]) -> Iterator[type[object]]:
    for known in family.__subclasses__():
        yield known
        yield from _subclasses(known)
