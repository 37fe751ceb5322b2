"""How often each pair counts in a resample: pairs drawn with replacement, or people.

By pair, genuine and impostor pairs are drawn apart. This takes the pairs as independent. They are not where a person is
in many pairs, and the interval is then too narrow (Bolle, Ratha and Pankanti, "Error analysis of pattern recognition
systems: the subsets bootstrap", CVIU 2004).

By person, a genuine pair counts m times if its person was drawn m times. Copies of a person are not paired with each
other. An impostor pair is weighted by the product of its two people's counts (pigeonhole bootstrap, Owen, Annals of
Applied Statistics 2007). This covers dependence through either person; the subsets bootstrap covers only one (Li et
al., CAIP 2009). The price: the noise of a single pair counts up to three times. Where most people are in one or two
pairs (LFW), the interval of the FAR is up to 1.7 times too wide, never too narrow. The interval by pair is better
there.

Shapes: P pairs.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facerec.arrays import as_array
from facerec.metrics.numbering import renumber
from facerec.settings import require_positive, require_within

LEAST_PEOPLE = 5


def check_resampling(resamples: int, level: float) -> None:
    """Refuse fewer than one resample and a level outside (0, 1).

    Raises:
        ValueError: naming the setting.
    """
    require_within("bootstrap", 1, math.inf, resamples=resamples)
    require_positive("bootstrap", level=level)
    require_within("bootstrap", 0.0, 1.0, high_excluded=True, level=level)


def check_people(count: int) -> None:
    """Refuse too few people to resample.

    Raises:
        ValueError: with the number of people.
    """
    if count < LEAST_PEOPLE:
        raise ValueError(f"{count} people: too few to resample, give at least {LEAST_PEOPLE}")


def number_people(people: ArrayLike, same_P: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The two people of each pair (P, 2), numbered from 0.

    Raises:
        ValueError: for another shape, too few people, or people who contradict the labels.
    """
    people_P2 = as_array(people)
    if people_P2.shape != (len(same_P), 2):
        raise ValueError(f"people {people_P2.shape}: give the two of each of the {len(same_P)} pairs, (P, 2)")
    names, numbers_P2 = renumber(people_P2)
    check_people(len(names))
    at_odds = int(np.count_nonzero((numbers_P2[:, 0] == numbers_P2[:, 1]) != same_P))
    if at_odds:
        raise ValueError(
            f"{at_odds} of {len(same_P)} pairs contradict their people: a genuine pair shows one person, an impostor "
            "pair two. Correct people or same."
        )
    return numbers_P2


def times_drawn(count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """How often each item comes up when ``count`` items are drawn with replacement from ``count``."""
    return np.bincount(generator.integers(count, size=count), minlength=count)


def draw_pairs(same_P: NDArray[np.bool_], generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """How often each pair counts (P,), one resample after the other."""
    kinds = [np.flatnonzero(same_P), np.flatnonzero(~same_P)]
    while True:
        weights_P = np.empty(len(same_P), dtype=np.int64)
        for places in kinds:
            weights_P[places] = times_drawn(len(places), generator)
        yield weights_P


def draw_people(people_P2: NDArray[np.int64], generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """How often each pair counts (P,), one resample after the other, of people numbered from 0."""
    count = int(people_P2.max()) + 1
    first_P, second_P = np.ascontiguousarray(people_P2.T)
    second_P = np.where(first_P == second_P, count, second_P)  # a genuine pair counts as often as its one person
    while True:
        times = np.append(times_drawn(count, generator), 1)
        weights_P = times[first_P]
        weights_P *= times[second_P]
        yield weights_P


def draw_both_kinds(draws: Iterator[NDArray[np.int64]], same_P: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The next resample in which genuine and impostor pairs count (P,)."""
    while True:
        weights_P = next(draws)
        counts_P = weights_P > 0
        if (counts_P & same_P).any() and (counts_P & ~same_P).any():
            return weights_P
