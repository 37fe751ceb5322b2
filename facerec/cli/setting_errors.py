"""What is wrong with a setting, in a line or two: jsonargparse's messages in the words of a user."""

import inspect
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from torchvision.transforms.v2 import Transform

from facerec.backbones import Backbone
from facerec.cli.arguments import given, values_of
from facerec.cli.config_files import FOLLOWS, follows, is_text, line_of
from facerec.data import ImageSource, PairSource
from facerec.losses import Loss
from facerec.optim import Schedule

UNKNOWN_OPTION = re.compile(r"[Uu]nrecognized arguments: --(?P<name>[\w./]+)")
UNKNOWN_SETTING = (
    re.compile(r"Group '(?P<group>[\w.]+)' does not accept option '(?P<name>[\w./]+)'"),
    re.compile(r"does not accept option '(?P<name>[\w./]+)'"),
    re.compile(r"Option '(?P<name>[\w./]+)' is not accepted"),
)
LINKED = (re.compile(r"argument \S+ --> (?P<name>[\w.]+):"), re.compile(r'Linked "(?P<name>[\w.]+)" must be given'))
MISSING = re.compile(r"arguments are required: (?P<names>[\w., ]+)")
GROUP = re.compile(r'Parser key "(?P<name>[\w.]+)":\s+Unable to load config (?P<value>\S+)')
KEY = re.compile(r'^(?:Parser key "|--)(?P<key>[\w.]+)"?:')
UNKNOWN_CLASS = re.compile(r"Expected a dot import path string: (?P<name>\S+)")
BAD_CLASS = (
    re.compile(r"Problem with given class_path '(?P<name>[^']+)':\s+(?P<why>.+)$"),
    re.compile(r"Import path (?P<name>\S+) (?P<why>does not correspond to .+)$"),
)
OWN = re.compile(r"Union subtypes.*?^ *- (?P<own>[\w.]+=[^\n]+: [^\n]+)$", re.DOTALL | re.MULTILINE)
"""A message of a class of facerec, among those of the other types that a setting may have."""
VALUE = re.compile(r"(?:Given|Got) value: (?P<value>[^\n]*)")
SUBTYPES = re.compile(r"Subtypes: \[(?P<types>.*)\]")
EXPECTED = re.compile(r"Expected an? (?P<types>.*?)\. Got value")
FAMILIES: dict[str, type[object]] = {
    "model.backbone": Backbone,
    "model.loss": Loss,
    "model.schedule": Schedule,
    "data.train": ImageSource,
    "data.dev": ImageSource,
    "data.val_pairs": PairSource,
    "data.test_pairs": PairSource,
    "data.transforms": Transform,
}
EXAMPLES = {
    "model.backbone": "{class_path: ResNet, init_args: {depth: 18}}",
    "model.loss": "{class_path: ArcFace, init_args: {scale: 32.0, angular_margin: 0.3}}",
    "model.optimizer": "{class_path: torch.optim.SGD, init_args: {lr: 0.05, momentum: 0.9}}",
    "data.root": "DIR",
}
"""A value for each setting that a configuration must have."""
HOMES = {"data.transforms": "torchvision.transforms.v2"}
"""Modules of the classes of a setting, where others have classes of the same names."""
FEW = 12
TYPE_NAMES = {"NoneType": "null", "bool": "true or false", "tuple": "a list such as [1, 2]", "list": "a list"}


def explain(message: str, known: Sequence[str], arguments: Sequence[str]) -> str:
    r"""A message of the parser in the words of a user. A message of another kind stays as it is.

    Args:
        message: what jsonargparse says.
        known: names of the settings that could be given where the error is.
        arguments: the command and its options.

    Example:
        >>> text = "Option 'margin' is not accepted"
        >>> explain(text, ["scale", "angular_margin", "margin_warmup"], ["fit"])
        "no setting 'margin': did you mean 'angular_margin'?"
        >>> explain('Parser key "checkpoint.mode":  Expected a Literal[\'min\', \'max\']. Got value: low', [], ["fit"])
        "checkpoint.mode=low: expected 'min' or 'max'"
    """
    configs = values_of(arguments, "config")
    message = own_message(message)
    if found := UNKNOWN_OPTION.search(message):
        return f"{message}{_suggestion(found['name'], known)}"
    if found := _first(UNKNOWN_SETTING, message):
        return _unknown_setting(".".join(part for part in found.groups() if part), known, configs)
    if found := _first(LINKED, message):
        return follows(found["name"], FOLLOWS.get(found["name"], "other settings"))
    if found := MISSING.search(message):
        return _missing([name.removeprefix(f"{arguments[0]}.") for name in found["names"].split(", ")], arguments)
    if found := GROUP.search(message):
        name = found["name"]
        return f"{name}={found['value']}: {name} is a group of settings: give them by name, such as {name}.NAME=VALUE"
    if key := KEY.search(message):
        rest = message[key.end() :].strip()
        return _wrong_value(key["key"], message, configs) or f"{key['key']}: {rest}"
    return message


def own_message(message: str) -> str:
    r"""The message of a class of facerec, among those of the other types that its setting may have.

    Example:
        >>> own_message("Union subtypes\n  - data.fold.index=6: must be in [1, 5]\n  - Expected a NoneType")
        'data.fold.index=6: must be in [1, 5]'
    """
    found = OWN.search(message)
    return found["own"] if found else message


def _first(patterns: Sequence[re.Pattern[str]], text: str) -> re.Match[str] | None:
    return next((found for pattern in patterns if (found := pattern.search(text))), None)


def _unknown_setting(name: str, known: Sequence[str], configs: Sequence[str]) -> str:
    """That there is no such setting, where it is given, and the nearest one."""
    place = line_of(configs, name)
    start = f"{place}: " if place else ""
    return f"{start}no setting {name!r}{_suggestion(name, known)}"


def _suggestion(name: str, known: Sequence[str]) -> str:
    """The nearest known name as a question; else all names, where they are few."""
    if near := nearest(name, [entry for entry in known if entry != name]):
        return f": did you mean {near!r}?"
    return f". Here there are {', '.join(known)}" if 0 < len(known) <= FEW else ""


def _missing(names: Sequence[str], arguments: Sequence[str]) -> str:
    """The settings that every configuration must have, with an example of each."""
    configs = values_of(arguments, "config")
    has_data = given(arguments, "data") or line_of(configs, "data") is not None
    names = [*names, *(["data.root"] if configs and not has_data else [])]
    lines, section = [], ""
    for name in names:
        above, _, setting = name.partition(".")
        lines += [f"  {above}:"] if above != section else []
        lines.append(f"    {setting}: {EXAMPLES.get(name, 'VALUE')}")
        section = above
    where = f"{' and '.join(configs)}: " if configs and not any(map(is_text, configs)) else ""
    return "\n".join([f"{where}missing {', '.join(names)}. Add, for example:", *lines])


def _wrong_value(key: str, message: str, configs: Sequence[str]) -> str | None:
    """That a value is not of the type of its setting, or names no class; None if the message says something else."""
    value = VALUE.search(message)
    types = SUBTYPES.search(message) or EXPECTED.search(message)
    unknown = UNKNOWN_CLASS.search(message)
    bad = _first(BAD_CLASS, message)
    if value and types:
        place = line_of(configs, key, value["value"])
        start = f"{place}: " if place else ""
        return f"{start}{key}={value['value']}: expected {_type_names(types['types'])}"
    if unknown:
        return f"{key}={unknown['name']}: no such class{_class_suggestion(key.removesuffix('.help'), unknown['name'])}"
    home = f". Name a class of {HOMES[key]}" if key in HOMES else ""
    return f"{key}={bad['name']}: {bad['why']}{home}" if bad else None


def _class_suggestion(key: str, name: str) -> str:
    """The nearest class for a setting, or all of them."""
    family = next((base for start, base in FAMILIES.items() if key.startswith(start)), None)
    families = [family] if family else FAMILIES.values()
    names = sorted({known.__name__ for base in families for known in classes_of(base)})
    lower = {entry.lower(): entry for entry in names}
    near = get_close_matches(name.lower(), lower, n=1, cutoff=0.7)
    if near:
        return f": did you mean {lower[near[0]]!r}?"
    return f". Choose one of {', '.join(names)}, or give the full path of a class" if family else ""


def _type_names(types: str) -> str:
    """Types as jsonargparse prints them, in words.

    Example:
        >>> _type_names("<class 'int'>, typing.Literal['auto'], <class 'NoneType'>")
        "int, 'auto' or null"
    """
    plain = re.sub(r"<class '([^']*)'>", r"\1", types)
    plain = re.sub(r"\b\w+\.(?=\w)", "", plain)  # module paths
    plain = re.sub(r"Literal\[([^\]]*)\]", r"\1", plain)
    names = [TYPE_NAMES.get(name, name) for name in re.split(r", (?![^\[]*\])", plain)]
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name most like ``name``; None if nothing is like it.

    The same name inside a group comes first. Then come a name whose end it is (``margin``: ``angular_margin``), one
    that it abbreviates, one alike as a whole, and one alike in its last part. At last comes the same for what ``name``
    is a part of (``model.backbon.depth``: ``model.backbone``).
    """
    inside = [entry for entry in known if entry.endswith(f".{name}")]
    ended = [entry for entry in known if entry.endswith(f"_{name}")]
    longer = [entry for entry in known if entry.startswith(name)]
    alike = inside or ended or longer or get_close_matches(name, known, n=1, cutoff=0.8)
    if alike:
        return alike[0]
    last_parts = {entry.rpartition(".")[2]: entry for entry in known}
    part = get_close_matches(name.rpartition(".")[2], list(last_parts), n=1, cutoff=0.7)
    if part:
        return last_parts[part[0]]
    return nearest(name.rpartition(".")[0], known) if "." in name else None


def classes_of(family: type[object]) -> list[type[object]]:
    """The classes of a family that can be named.

    Example:
        >>> "ArcFace" in [known.__name__ for known in classes_of(Loss)]
        True
    """
    return [known for known in _subclasses(family) if not inspect.isabstract(known)]


def class_settings() -> Iterator[str]:
    """Names of the classes that YAML may name, and of their settings."""
    for family in dict.fromkeys(FAMILIES.values()):
        for known in _subclasses(family):
            yield known.__name__
            yield from inspect.signature(known).parameters


def _subclasses(family: type[object]) -> Iterator[type[object]]:
    for known in family.__subclasses__():
        yield known
        yield from _subclasses(known)
