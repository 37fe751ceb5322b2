"""What a sweep tries: for each setting values to choose among, or a range."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from facerec.reports.comparison import short_names
from facerec.sweeps.nested import without_init_args

if TYPE_CHECKING:
    from optuna import Trial

RANGE = {"low", "high", "log", "int"}
Point = dict[str, Any]
"""What a trial has for each setting: the label of a choice, or a number."""


@dataclass(frozen=True)
class Choices:
    """A setting with values to choose among.

    Attributes:
        name: full name of the setting.
        values: by label, in the order of the file.
    """

    name: str
    values: dict[str, Any]

    def suggest(self, trial: Trial) -> str:
        """Label of the value that a trial takes."""
        return str(trial.suggest_categorical(self.name, list(self.values)))

    def settings(self, drawn: Any) -> dict[str, Any]:
        """The setting, with the value of a label."""
        return {self.name: self.values[drawn]}

    @property
    def ends(self) -> list[Any]:
        """Every label: what must be checked before the sweep."""
        return list(self.values)

    def __str__(self) -> str:
        return f"{self.name}: {', '.join(self.values)}"


@dataclass(frozen=True)
class Recipes(Choices):
    """Named groups of settings to choose among. Each may change several settings, or none.

    Attributes:
        name: of the column in tables; no setting is called so.
        values: by label, settings by their full names.
    """

    def settings(self, drawn: Any) -> dict[str, Any]:
        """The settings of a label."""
        return dict(self.values[drawn])


@dataclass(frozen=True)
class Range:
    """A setting with any value between two numbers.

    Attributes:
        name: full name of the setting.
        low: smallest value.
        high: largest value.
        log: whether its logarithm is spread evenly.
        int: whether it is a whole number.
    """

    name: str
    low: float
    high: float
    log: bool = False
    int: bool = False

    def suggest(self, trial: Trial) -> float:
        """The number that a trial takes."""
        if self.int:
            return trial.suggest_int(self.name, round(self.low), round(self.high), log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    def settings(self, drawn: Any) -> dict[str, Any]:
        """The setting, with the number."""
        return {self.name: drawn}

    @property
    def ends(self) -> list[Any]:
        """Both ends: what must be checked before the sweep."""
        return [self.low, self.high]

    def __str__(self) -> str:
        kind = ", whole numbers" if self.int else ""
        return f"{self.name}: {self.low:g} to {self.high:g}{kind}{', logarithmic' if self.log else ''}"


Setting = Choices | Range


def read_space(search: Any) -> tuple[Setting, ...]:
    """The settings that are searched.

    Args:
        search: for each full name a list of values, or a range ``{low:, high:, log:, int:}``. A value that is a
            dictionary goes by the name of its class, or stands in ``{name: LABEL, value: VALUE}``. Values that are all
            ``{name: LABEL, settings: {...}}`` change several settings at once, under a name of their own.

    Raises:
        ValueError: naming the setting.

    Example:
        >>> loss = [{"class_path": "ArcFace"}, {"name": "plain", "value": {"class_path": "Softmax"}}]
        >>> for setting in read_space({"model.loss": loss, "model.optimizer.init_args.lr": {"low": 0.01, "high": 0.3}}):
        ...     print(setting)
        model.loss: ArcFace, plain
        model.optimizer.init_args.lr: 0.01 to 0.3
    """
    if not isinstance(search, dict) or not search:
        raise ValueError("search: give settings by their full names, each with a list of values or a range")
    return tuple(_read(str(name), given) for name, given in search.items())


def _read(name: str, given: Any) -> Setting:
    where = f"search.{name}"
    if isinstance(given, list) and given:
        if any(_is_recipe(value) for value in given):
            return _recipes(name, given, where)
        labels = _distinct([_label(value, where) for value in given], where)
        return Choices(name, dict(zip(labels, map(_plain, given), strict=True)))
    if isinstance(given, dict) and {"low", "high"} <= given.keys() <= RANGE:
        return _range(name, given, where)
    raise ValueError(f"{where}: give a list of values, or a range {{low: 0.01, high: 0.3, log: true, int: false}}")


def _distinct(labels: list[str], where: str) -> list[str]:
    """Labels, of which no two are the same."""
    if again := next((label for label in labels if labels.count(label) > 1), None):
        raise ValueError(f"{where}: two values are called {again!r}. Give each a name of its own: {{name: LABEL, ...}}")
    return labels


def _is_recipe(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"name", "settings"}


def _recipes(name: str, given: Sequence[Any], where: str) -> Recipes:
    for value in given:
        if not _is_recipe(value) or not isinstance(value["settings"], dict):
            raise ValueError(f"{where}: {value}: give each {{name: LABEL, settings: {{NAME: VALUE}}}}")
    if "." in name:
        raise ValueError(f"{where}: groups of settings need a name that is no setting's, such as search.recipe")
    labels = _distinct([str(value["name"]) for value in given], where)
    return Recipes(name, dict(zip(labels, (value["settings"] for value in given), strict=True)))


def _range(name: str, given: Mapping[str, Any], where: str) -> Range:
    low, high, log = given["low"], given["high"], bool(given.get("log", False))
    numbers = [end for end in (low, high) if isinstance(end, (int, float)) and math.isfinite(end)]
    if len(numbers) < 2 or not low < high or (log and low <= 0):
        asked = "two positive numbers in order" if log else "two numbers in order"
        raise ValueError(f"{where}: low={low}, high={high}: give {asked}")
    is_whole = bool(given.get("int", False))
    if is_whole and not (float(low).is_integer() and float(high).is_integer()):
        raise ValueError(f"{where}: low={low}, high={high}: give whole numbers with int: true")
    return Range(name, low, high, log, is_whole)


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"name", "value"}


def _plain(value: Any) -> Any:
    return value["value"] if _is_named(value) else value


def _label(value: Any, where: str) -> str:
    """What a value is called in tables and figures."""
    if _is_named(value):
        return str(value["name"])
    if isinstance(value, dict):
        if "class_path" not in value:
            raise ValueError(f"{where}: a value that is a dictionary needs a name: {{name: LABEL, value: {{...}}}}")
        return str(value["class_path"]).rpartition(".")[2]
    return value if isinstance(value, str) else json.dumps(value)


def grid(space: Sequence[Setting]) -> list[Point]:
    """Every combination of the values, the last setting changing fastest.

    Raises:
        ValueError: for a range, which has no end of values.

    Example:
        >>> grid(read_space({"a": [1, 2], "b": [True]}))
        [{'a': '1', 'b': 'true'}, {'a': '2', 'b': 'true'}]
    """
    for setting in space:
        if isinstance(setting, Range):
            raise ValueError(
                f"search.{setting.name}: a grid needs a list of values. For a range: method: random or tpe"
            )
    names = [setting.name for setting in space]
    return [dict(zip(names, drawn, strict=True)) for drawn in product(*(setting.ends for setting in space))]


def edges(space: Sequence[Setting]) -> list[Point]:
    """Points that have every value, and both ends of each range, at least once: what to check before the sweep."""
    first = {setting.name: setting.ends[0] for setting in space}
    return [first, *(first | {setting.name: end} for setting in space for end in setting.ends[1:])]


def values_at(space: Sequence[Setting], point: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the settings at a point, by their full names.

    Raises:
        ValueError: if two entries of the search give values to the same one.
    """
    values: dict[str, Any] = {}
    for setting in space:
        own = setting.settings(point[setting.name])
        taken = set(map(without_init_args, values))
        if again := next((name for name in own if without_init_args(name) in taken), None):
            raise ValueError(f"search: {again} gets two values in one trial ({point_text(point)}): search it once")
        values |= own
    return values


def point_text(point: Mapping[str, Any]) -> str:
    """What a trial tries, in a line.

    Example:
        >>> point_text({"model.loss": "ArcFace", "model.optimizer.init_args.lr": 0.0512345})
        'loss ArcFace, lr 0.05123'
    """
    names = short_names(list(point))
    return ", ".join(f"{name} {drawn_text(drawn)}" for name, drawn in zip(names, point.values(), strict=True))


def drawn_text(drawn: Any) -> str:
    """The label of a choice, or a number of a range with four digits."""
    return f"{drawn:.4g}" if isinstance(drawn, float) else str(drawn)
