"""Whether one network is better than another on the same pairs: paired bootstrap, and McNemar's test.

Both networks are measured on each resample, so what makes a person hard for both cancels out.
:mod:`facerec.metrics.resampling` says how people and pairs are drawn. Where each network was trained with several
seeds, :mod:`facerec.metrics.seeds` says how much their luck adds.

Shapes: P pairs, S seeds, R resamples, K rates: the EER and a TAR for each FAR.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from facerec.arrays import as_array
from facerec.metrics.intervals import Interval, percentile_interval
from facerec.metrics.repeated import DrawnRates, FoldScores, draw_rates
from facerec.metrics.resampling import check_resampling
from facerec.metrics.seeds import stretch_for_seeds


class Difference(NamedTuple):
    """A rate of two networks on the same pairs, the mean over seeds.

    Attributes:
        first: rate of the first network.
        second: rate of the second.
        interval: of the first rate minus the second.

    Example:
        >>> from facerec.metrics import Difference
        >>> found = Difference(0.10, 0.12, Interval(-0.05, 0.01))
        >>> round(found.difference, 2), found.is_significant
        (-0.02, False)
    """

    first: float
    second: float
    interval: Interval

    @property
    def difference(self) -> float:
        """The first rate minus the second."""
        return self.first - self.second

    @property
    def is_significant(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval.low > 0.0 or self.interval.high < 0.0

    def units_needed(self, units: int) -> int | None:
        """About how many people (or pairs) give an interval that leaves out 0, if the difference stays.

        The width of an interval falls with the root of their number.

        Args:
            units: number of people (or pairs) of this interval.

        Returns:
            The number; None without a difference.
        """
        if self.difference == 0.0:
            return None
        reach = self.interval.high - self.difference if self.difference < 0 else self.difference - self.interval.low
        return math.ceil(units * (reach / self.difference) ** 2 - 1e-9)


class PairedDifferences(NamedTuple):
    """Differences of one paired bootstrap.

    Attributes:
        equal_error_rate: of the EER.
        tar: of the true accept rate at each FAR asked for.
        units: number of people, or of pairs, that were resampled.

    Example:
        See :func:`facerec.metrics.paired_bootstrap`.

        >>> from facerec.metrics import Difference, PairedDifferences
        >>> PairedDifferences(Difference(0.1, 0.2, Interval(-0.2, 0.0)), [], 40).units
        40
    """

    equal_error_rate: Difference
    tar: list[Difference]
    units: int


def paired_bootstrap(
    first: ArrayLike,
    second: ArrayLike,
    same: ArrayLike,
    people: ArrayLike | None = None,
    fars: Sequence[float] = (),
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    description: str = "paired bootstrap",
) -> PairedDifferences:
    """Intervals of the differences between two networks on the same pairs.

    Use people if they appear in many pairs, and pairs if each person appears once or twice. With one run of each
    network the interval says nothing of other seeds. With several it holds for the mean over all seeds.

    Args:
        first: score of each pair by the first network (P,), or one row for each seed (S, P).
        second: the same by the second network, in the same shape.
        same: whether each pair shows one person (P,).
        people: the two people of each pair (P, 2), as whole numbers, to resample people; by default pairs are.
        fars: false accept rates for the true accept rates.
        resamples: how many to draw. One in which a kind of pair is missing is drawn again.
        level: coverage aimed at.
        seed: seed of the resampling.
        description: text of the progress bar, shown if it takes more than two seconds.

    Raises:
        ValueError: if the shapes differ, or see :func:`facerec.metrics.bootstrap`.

    Example:
        The first network parts the pairs better in all of 20 people.

        >>> from facerec.metrics import paired_bootstrap
        >>> same = [1, 0] * 20
        >>> people = [[person, (person + other) % 20] for person in range(20) for other in (0, 1)]
        >>> second = [0.5 + 0.01 * (place * 7 % 20) for place in range(40)]
        >>> first = [score + 0.1 * kind for score, kind in zip(second, same)]
        >>> found = paired_bootstrap(first, second, same, people, resamples=200).equal_error_rate
        >>> found.difference < 0, found.is_significant
        (True, True)
    """
    return paired_bootstrap_over_folds(
        [scores_of_two(first, second, same, people)], fars, resamples, level, seed, description
    )


def scores_of_two(first: ArrayLike, second: ArrayLike, same: ArrayLike, people: ArrayLike | None) -> FoldScores:
    """The scores of two networks on one fold, see :func:`paired_bootstrap` for the arguments.

    Raises:
        ValueError: if the shapes differ.
    """
    rows = [np.atleast_2d(as_array(scores)) for scores in (first, second)]
    if rows[0].shape != rows[1].shape or rows[0].ndim != 2:
        raise ValueError(
            f"first {rows[0].shape} and second {rows[1].shape}: give a score of both networks for the same pairs, "
            "(P,), or (S, P) for the same seeds"
        )
    return FoldScores(np.stack(rows), same, people)


def paired_bootstrap_over_folds(
    folds: Sequence[FoldScores],
    fars: Sequence[float] = (),
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    description: str = "paired bootstrap",
) -> PairedDifferences:
    """Intervals of the differences between two networks that were tested on several folds of people.

    The rates are means over the folds. The networks of a fold were trained on other people.

    Args:
        folds: scores of both networks (2, S, P) on each fold; all with the same seeds.
        fars: false accept rates for the true accept rates.
        resamples: how many to draw.
        level: coverage aimed at.
        seed: of the resampling.
        description: text of the progress bar, shown if it takes more than two seconds.

    Raises:
        ValueError: see :func:`facerec.metrics.paired_bootstrap`.

    Example:
        >>> from facerec.metrics import FoldScores, paired_bootstrap_over_folds
        >>> same = [1, 0] * 10
        >>> people = [[person, (person + other) % 10] for person in range(10) for other in (0, 1)]
        >>> second = [0.5 + 0.01 * (place * 7 % 20) for place in range(20)]
        >>> first = [score + 0.1 * kind for score, kind in zip(second, same)]
        >>> fold = FoldScores([[first], [second]], same, people)
        >>> found = paired_bootstrap_over_folds([fold, fold], resamples=100)
        >>> found.units, found.equal_error_rate.is_significant
        (20, True)
    """
    check_resampling(resamples, level)
    drawn = draw_rates(folds, fars, resamples, seed, description)
    if len(drawn.observed) != 2:
        raise ValueError(f"scores of {len(drawn.observed)} networks: give those of two, (2, S, P)")
    found = [difference_between(drawn, 0, 1, place, level) for place in range(1 + len(fars))]
    return PairedDifferences(found[0], found[1:], drawn.units)


def difference_between(
    drawn: DrawnRates, first_network: int, second_network: int, place: int = 0, level: float = 0.95
) -> Difference:
    """The difference of a rate of two networks that were drawn together, with its interval.

    Where no resample shows a difference, the interval is what 0 errors leave.

    Args:
        drawn: rates of some networks.
        first_network: place of the first.
        second_network: place of the second.
        place: 0 for the EER, from 1 for the TARs.
        level: coverage aimed at.

    Example:
        See :func:`facerec.metrics.paired_bootstrap`, which is this of two networks.

        >>> from facerec.metrics import DrawnRates, difference_between
        >>> drawn = DrawnRates(np.array([[[0.2]], [[0.3]]]), np.full((100, 2, 1, 1), [[[0.2]], [[0.3]]]), 40, 40)
        >>> round(difference_between(drawn, 0, 1).difference, 3)
        -0.1
    """
    rates_2S = drawn.observed[[first_network, second_network], place]
    values_RS = drawn.values[:, first_network, place] - drawn.values[:, second_network, place]
    first, second = rates_2S.mean(axis=1).tolist()
    if (values_RS == 0.0).all():
        bound = 1.0 - (0.5 * (1.0 - level)) ** (1.0 / drawn.rarer)
        return Difference(first, second, Interval(-bound, bound))
    middle, stretch = first - second, stretch_for_seeds(values_RS, rates_2S[0] - rates_2S[1], level)
    ends = percentile_interval(values_RS.mean(axis=1), level)
    return Difference(
        first, second, Interval(*(min(1.0, max(-1.0, middle + stretch * (end - middle))) for end in ends))
    )


class McNemar(NamedTuple):
    """Pairs on which the decisions of two networks differ, and how likely so uneven a split is by chance.

    Attributes:
        only_first: pairs that the first network alone decides right.
        only_second: pairs that the second alone decides right.
        p_value: of the exact test, two-sided.

    Example:
        See :func:`facerec.metrics.mcnemar`.

        >>> from facerec.metrics import McNemar
        >>> McNemar(9, 1, 0.0215).only_first
        9
    """

    only_first: int
    only_second: int
    p_value: float


def mcnemar(first_right: ArrayLike, second_right: ArrayLike) -> McNemar:
    """McNemar's exact test of two networks' decisions on the same pairs (Psychometrika 1947).

    It takes the pairs as independent. Where people appear in many pairs its p-value is too small.

    Args:
        first_right: whether the first network decides each pair right (P,).
        second_right: the same of the second (P,).

    Raises:
        ValueError: if the lengths differ.

    Example:
        >>> from facerec.metrics import mcnemar
        >>> found = mcnemar([True] * 9 + [False], [False] * 9 + [True])
        >>> found.only_first, found.only_second, round(found.p_value, 4)
        (9, 1, 0.0215)
    """
    one_P, other_P = as_array(first_right).astype(bool), as_array(second_right).astype(bool)
    if one_P.shape != other_P.shape or one_P.ndim != 1:
        raise ValueError(f"first_right {one_P.shape} and second_right {other_P.shape}: give one of each for every pair")
    only_first, only_second = int(np.count_nonzero(one_P & ~other_P)), int(np.count_nonzero(other_P & ~one_P))
    return McNemar(only_first, only_second, _both_tails(min(only_first, only_second), only_first + only_second))


def _both_tails(least: int, count: int) -> float:
    """Chance that ``count`` tosses of a coin split as unevenly as ``least`` and the rest."""
    logs = [math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1) for k in range(least + 1)]
    return min(1.0, 2.0 * math.fsum(math.exp(log - count * math.log(2.0)) for log in logs))
