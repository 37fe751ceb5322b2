"""A sweep as its file describes it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from facerec.settings import require_choice
from facerec.sweeps.nested import with_settings, without_init_args
from facerec.sweeps.repeats import Repeat, Variant, read_repeats, whole_number
from facerec.sweeps.space import Point, Setting, edges, grid, read_space, values_at

METHODS = ("grid", "random", "tpe")
VALIDATION_EER, DEV_ERROR = MEASURES = ("validation EER", "dev error")
REPEATED = re.compile(r"(seed_everything|data\.fold)(\.|$)")
KEYS = ("name", "method", "trials", "seed", "search", "repeat", "fixed", "budget", "prune", "measure")


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
            "repeat": [repeat.identity for repeat in self.repeats],
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
    for point in edges(space):
        searched = list(values_at(space, point))
        if repeated := [key for key in (*searched, *fixed, *budget) if REPEATED.match(key)]:
            raise ValueError(f"{repeated[0]} is what repeats differ in: give repeat: {{seeds: 3, folds: 5}}")
        _require_tried(searched, budget, "budget")
        _require_tried(searched, machine or {}, "--set")
        _require_kept([list(fixed), searched, list(budget), list(machine or {})])
    return Sweep(
        name=name,
        base=dict(base),
        space=space,
        method=method,
        trials=_trials(given.get("trials"), method, space),
        repeats=read_repeats(given.get("repeat"), base),
        fixed=fixed,
        budget=budget,
        machine=dict(machine or {}),
        seed=whole_number(given.get("seed", 0), "seed", least=0),
        prune_after=_prune_after(given.get("prune")),
        measure=measure,
    )


def _require_tried(searched: Sequence[str], later: Mapping[str, Any], place: str) -> None:
    """Refuse a setting that gives every trial the same value of what is searched."""
    given = set(map(without_init_args, later))
    if undone := [name for name in searched if without_init_args(name) in given]:
        raise ValueError(f"{undone[0]} is searched, and {place} gives it one value for all trials: take it out of one")


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
        return combinations if trials is None else min(combinations, whole_number(trials, "trials", least=1))
    if trials is None:
        raise ValueError(f"trials: method {method} needs their number")
    return whole_number(trials, "trials", least=1)


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
    return whole_number(given["after"], "prune.after", least=2)
