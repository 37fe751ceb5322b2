"""A sweep as its file describes it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

from facerec.data.sources import PeopleFold
from facerec.settings import require_choice
from facerec.sweeps.nested import with_settings
from facerec.sweeps.space import Point, Setting, grid, read_space, values_at

METHODS = ("grid", "random", "tpe")
VALIDATION_EER, DEV_ERROR = MEASURES = ("validation EER", "dev error")
REPEATED = re.compile(r"(seed_everything|data\.fold)(\.|$)")
KEYS = ("name", "method", "trials", "seed", "search", "repeat", "fixed", "budget", "prune", "measure")


class Variant(NamedTuple):
    """Settings in which repeats differ, besides seed and fold.

    Attributes:
        number: from 1.
        settings: by their full names.
    """

    number: int
    settings: tuple[tuple[str, Any], ...]


class Repeat(NamedTuple):
    """One of the trainings that a trial is the mean of.

    Attributes:
        seed: ``seed_everything``.
        fold: the fold of the people that validates; None leaves people where the sources put them.
        variant: settings of this repeat alone, such as those that name its test people.

    Example:
        >>> Repeat(0, PeopleFold(2, of=5)).options
        ['--seed_everything=0', '--data.fold.index=2', '--data.fold.of=5']
    """

    seed: int
    fold: PeopleFold | None = None
    variant: Variant | None = None

    @property
    def name(self) -> str:
        """For files."""
        fold = f"_fold_{self.fold.index}" if self.fold else ""
        return f"seed_{self.seed}{fold}" + (f"_settings_{self.variant.number}" if self.variant else "")

    @property
    def options(self) -> list[str]:
        """Of ``facerec fit``."""
        fold = [f"--data.fold.index={self.fold.index}", f"--data.fold.of={self.fold.of}"] if self.fold else []
        own = [f"--{name}={json.dumps(value)}" for name, value in self.variant.settings] if self.variant else []
        return [f"--seed_everything={self.seed}", *fold, *own]


@dataclass(frozen=True)
class Sweep:
    """A sweep.

    Attributes:
        name: of its folder.
        base: configuration that every trial starts from.
        space: settings that are searched.
        method: ``grid``, ``random`` or ``tpe``.
        trials: number of trials.
        repeats: trainings of each trial, in their order.
        fixed: settings, by full names, of every trial and of the best configuration.
        budget: settings of the trials alone: what makes them shorter than a full training.
        machine: settings of this machine, such as ``data.root``.
        seed: of what is drawn.
        prune_after: trials that must have come as far before one is stopped early; None stops none.
        measure: what a training is judged by: ``validation EER``, or ``dev error``, the share of dev images that are
            classified wrong.
    """

    name: str
    base: dict[str, Any]
    space: tuple[Setting, ...]
    method: str = "grid"
    trials: int = 1
    repeats: tuple[Repeat, ...] = (Repeat(0),)
    fixed: dict[str, Any] = field(default_factory=dict)
    budget: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    prune_after: int | None = None
    measure: str = VALIDATION_EER

    @property
    def heading(self) -> str:
        """What a column of the measure is called."""
        return self.measure.replace("validation", "val")

    @property
    def runs(self) -> int:
        """Number of trainings."""
        return self.trials * len(self.repeats)

    @property
    def variants(self) -> list[Variant]:
        """The settings in which repeats differ, besides seed and fold."""
        return list({repeat.variant.number: repeat.variant for repeat in self.repeats if repeat.variant}.values())

    def settings(self, point: Point) -> dict[str, Any]:
        """The configuration of a trial. Seed and fold are options of each repeat."""
        return with_settings(self.base, self.fixed, values_at(self.space, point), self.budget, self.machine)

    def full_settings(self, point: Point) -> dict[str, Any]:
        """The configuration of a full training: without the budget of the trials."""
        return with_settings(self.base, self.fixed, values_at(self.space, point), self.machine)

    def identity(self) -> dict[str, Any]:
        """What must stay for the trials of a study to be comparable, as plain values by name."""
        return {
            "base": self.base,
            "search": {setting.name: repr(setting) for setting in self.space},
            "method": self.method,
            "repeat": [_identity(repeat) for repeat in self.repeats],
            "fixed": self.fixed,
            "budget": self.budget,
            "seed": self.seed,
            **({} if self.measure == VALIDATION_EER else {"measure": self.measure}),
        }


def read_sweep(given: Any, name: str, base: Mapping[str, Any], machine: Mapping[str, Any] | None = None) -> Sweep:
    """A sweep from the values of its file.

    Args:
        given: the values.
        name: of the sweep, if the file gives none.
        base: configuration that the trials start from.
        machine: settings of this machine, by full names.

    Raises:
        ValueError: naming the entry that is wrong.

    Example:
        >>> given = {"search": {"model.loss.init_args.scale": [16, 32]}, "repeat": {"seeds": 2}}
        >>> sweep = read_sweep(given, "scale", base={})
        >>> sweep.trials, sweep.runs, sweep.settings({"model.loss.init_args.scale": "32"})
        (2, 4, {'model': {'loss': {'init_args': {'scale': 32}}}})
    """
    if not isinstance(given, dict):
        raise ValueError("a sweep file holds entries such as search: and repeat:")
    if unknown := [key for key in given if key not in KEYS]:
        raise ValueError(f"no entry {unknown[0]!r}: choose among config, {', '.join(KEYS)}")
    name = str(given.get("name", name))
    if not name or any(letter in name for letter in "/\\:") or name.startswith("."):
        raise ValueError(f"name: {name!r} names no folder: give letters, digits and _")
    space, method = read_space(given.get("search")), given.get("method", "grid")
    measure = given.get("measure", VALIDATION_EER)
    require_choice("sweep.", METHODS, method=method)
    require_choice("sweep.", MEASURES, measure=measure)
    if measure != VALIDATION_EER and given.get("prune") is not None:
        raise ValueError(f"prune: trials are stopped early by their {VALIDATION_EER}, not by their {measure}")
    fixed, budget = _named(given, "fixed"), _named(given, "budget")
    if repeated := [key for key in (*(setting.name for setting in space), *fixed, *budget) if REPEATED.match(key)]:
        raise ValueError(f"{repeated[0]} is what repeats differ in: give repeat: {{seeds: 3, folds: 5}}")
    _require_kept([list(fixed), [setting.name for setting in space], list(budget), list(machine or {})])
    return Sweep(
        name=name,
        base=dict(base),
        space=space,
        method=method,
        trials=_trials(given.get("trials"), method, space),
        repeats=_repeats(given.get("repeat"), base),
        fixed=fixed,
        budget=budget,
        machine=dict(machine or {}),
        seed=_whole(given.get("seed", 0), "seed", least=0),
        prune_after=_prune_after(given.get("prune")),
        measure=measure,
    )


def _require_kept(groups: Sequence[Sequence[str]]) -> None:
    """Refuse a setting that a later one would replace together with all around it."""
    before: list[str] = []
    for names in groups:
        for name in names:
            if lost := [other for other in (*before, *names) if other.startswith(f"{name}.")]:
                raise ValueError(f"{name} would replace {lost[0]}: put the value into {name} itself")
        before += names


def _trials(trials: Any, method: str, space: tuple[Setting, ...]) -> int:
    if method == "grid":
        combinations = len(grid(space))
        return combinations if trials is None else min(combinations, _whole(trials, "trials", least=1))
    if trials is None:
        raise ValueError(f"trials: method {method} needs their number")
    return _whole(trials, "trials", least=1)


def _repeats(given: Any, base: Mapping[str, Any]) -> tuple[Repeat, ...]:
    """Variants change fastest, then folds: the first repeats of a trial are of other people already."""
    given = {} if given is None else given
    if not isinstance(given, dict) or not given.keys() <= {"seeds", "folds", "settings"}:
        raise ValueError(f"repeat: {given}: give numbers of seeds and of folds, such as {{seeds: 3, folds: 5}}")
    seed, own_fold = int(base.get("seed_everything") or 0), (base.get("data") or {}).get("fold")
    seeds = range(seed, seed + _whole(given.get("seeds", 1), "repeat.seeds", least=1))
    folds: Sequence[PeopleFold | None] = [PeopleFold(**own_fold) if own_fold else None]
    if given.get("folds") is not None:
        of = _whole(given["folds"], "repeat.folds", least=2)
        folds = [PeopleFold(index, of) for index in range(1, of + 1)]
    variants = _variants(given.get("settings"))
    return tuple(Repeat(*each) for each in product(seeds, folds, variants))


def _variants(given: Any) -> Sequence[Variant | None]:
    if given is None:
        return [None]
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) and one for one in given):
        raise ValueError(f"repeat.settings: {given}: give a list of settings by their full names, one for each repeat")
    if len({frozenset(one) for one in given}) > 1:
        raise ValueError("repeat.settings: each must give values to the same settings")
    return [Variant(number, tuple(sorted(one.items()))) for number, one in enumerate(given, start=1)]


def _identity(repeat: Repeat) -> str:
    """A repeat with all that it is told by."""
    own = f" {json.dumps(dict(repeat.variant.settings))}" if repeat.variant else ""
    return repeat.name + (f"_of_{repeat.fold.of}" if repeat.fold else "") + own


def _named(given: Mapping[str, Any], key: str) -> dict[str, Any]:
    values = given.get(key) or {}
    if not isinstance(values, dict):
        raise ValueError(f"{key}: give settings by their full names, such as {{trainer.max_epochs: 30}}")
    return {str(name): value for name, value in values.items()}


def _prune_after(given: Any) -> int | None:
    if given is None:
        return None
    if not isinstance(given, dict) or given.keys() != {"after"}:
        raise ValueError(f"prune: {given}: give the number of trials to compare with, {{after: 5}}")
    return _whole(given["after"], "prune.after", least=2)


def _whole(value: Any, name: str, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}={value!r}: give a whole number, at least {least}")
    return value
