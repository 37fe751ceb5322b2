"""The trainings that a trial of a sweep is the mean of: their seeds, folds of people, and settings of their own."""

import json
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from facerec.data.sources import PeopleFold


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
        >>> Repeat(1, variant=Variant(1, (("init_from", "runs/a"), ("model.image_size", [64, 64])))).options
        ['--seed_everything=1', '--init_from=runs/a', '--model.image_size=[64, 64]']
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
        own = self.variant.settings if self.variant else ()
        texts = [f"--{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in own]
        return [f"--seed_everything={self.seed}", *fold, *texts]

    @property
    def identity(self) -> str:
        """All that it is told by."""
        own = f" {json.dumps(dict(self.variant.settings))}" if self.variant else ""
        return self.name + (f"_of_{self.fold.of}" if self.fold else "") + own


def read_repeats(given: Any, base: Mapping[str, Any]) -> tuple[Repeat, ...]:
    """The repeats of a sweep file.

    Variants change fastest, then folds: the first repeats of a trial are of other people already.

    Args:
        given: the value of ``repeat``.
        base: configuration that the trials start from.

    Raises:
        ValueError: naming what is wrong.
    """
    given = {} if given is None else given
    if not isinstance(given, dict) or not given.keys() <= {"seeds", "folds", "settings"}:
        raise ValueError(f"repeat: {given}: give numbers of seeds and of folds, such as {{seeds: 3, folds: 5}}")
    seed, own_fold = int(base.get("seed_everything") or 0), (base.get("data") or {}).get("fold")
    seeds = range(seed, seed + whole_number(given.get("seeds", 1), "repeat.seeds", least=1))
    folds: Sequence[PeopleFold | None] = [PeopleFold(**own_fold) if own_fold else None]
    if given.get("folds") is not None:
        of = whole_number(given["folds"], "repeat.folds", least=2)
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


def whole_number(value: Any, name: str, least: int) -> int:
    """A whole number of a sweep file.

    Raises:
        ValueError: naming it, for another value or one below ``least``.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name}={value!r}: give a whole number, at least {least}")
    return value
