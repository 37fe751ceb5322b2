"""Confidence intervals of the verification numbers, by bootstrap over pairs or over people.

:mod:`facerec.metrics.resampling` says how resamples are drawn. :mod:`facerec.metrics.intervals` says what the interval
is where no resample shows an error. The n of that bound is what was resampled. By person it is the number of people. By
pair it is the genuine pairs for the TAR, all pairs for the accuracy, and the rarer kind for the EER.

Shapes: P pairs, R resamples.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from facerec.arrays import as_array
from facerec.metrics.checks import check_scores
from facerec.metrics.curve import Floats
from facerec.metrics.drawn_counts import DrawnCounts
from facerec.metrics.folds import weighted_folds
from facerec.metrics.intervals import Interval, percentile_interval, rate_interval
from facerec.metrics.resampling import check_resampling, draw_both_kinds, draw_pairs, draw_people, number_people
from facerec.metrics.weighted import WeightedPairs

MOST_DRAWN = 20_000  # pairs that are drawn one by one; of more, only the counts that a number needs


class Intervals(NamedTuple):
    """Percentile intervals of one bootstrap, widened to the exact bound where no resample shows an error.

    Attributes:
        equal_error_rate: of the equal error rate.
        tar: of the true accept rate at each FAR asked for.
        accuracy: of the accuracy over folds; None without folds.
        resamples: how many were drawn.
        at_threshold: of the shares of impostor pairs accepted and of genuine pairs rejected at the threshold asked for;
            None without one.

    Example:
        >>> from facerec.metrics import bootstrap
        >>> found = bootstrap([0.9, 0.8, 0.3, 0.4, 0.2, 0.1], [1, 1, 1, 0, 0, 0], resamples=100)
        >>> found.resamples, found.tar, found.accuracy
        (100, [], None)
        >>> found.equal_error_rate.low < 1 / 3 < found.equal_error_rate.high
        True
    """

    equal_error_rate: Interval
    tar: list[Interval]
    accuracy: Interval | None
    resamples: int
    at_threshold: tuple[Interval, Interval] | None = None


def bootstrap(
    scores: ArrayLike,
    same: ArrayLike,
    people: ArrayLike | None = None,
    folds: ArrayLike | None = None,
    fars: Sequence[float] = (),
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    description: str = "bootstrap",
    threshold: float | None = None,
) -> Intervals:
    """Intervals of the verification numbers; the scores are sorted once for all resamples.

    Of more than 20,000 pairs without people and folds, only counts are drawn: see :mod:`facerec.metrics.drawn_counts`.

    Use the interval by person if people appear in many pairs, the interval by pair if each appears once or twice.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).
        people: the two people of each pair (P, 2), as whole numbers, to resample people; by default pairs are.
        folds: fold of each pair (P,), for the accuracy over folds.
        fars: false accept rates for the true accept rates.
        resamples: how many to draw. One in which a kind of pair is missing is drawn again.
        level: coverage aimed at.
        seed: seed of the resampling.
        description: text of the progress bar, shown if it takes more than two seconds.
        threshold: lowest score accepted, for the error rates at it.

    Raises:
        ValueError: for a level outside (0, 1), fewer than 5 people, people who contradict ``same``, or see
            :class:`facerec.metrics.VerificationCurve`.

    Example:
        10 genuine pairs and 30 impostor pairs part perfectly: 0 errors of 10, the rarer kind.

        >>> from facerec.metrics import bootstrap
        >>> low, high = bootstrap(range(40), [0] * 30 + [1] * 10, resamples=100).equal_error_rate
        >>> print(f"EER {low:.1%} to {high:.1%}")
        EER 0.0% to 30.8%
    """
    check_resampling(resamples, level)
    scores_P, same_P = check_scores(scores, same)
    people_P2 = None if people is None else number_people(people, same_P)
    order_P = np.argsort(scores_P)
    rising_P, same_P = scores_P[order_P].astype(np.float64), same_P[order_P]
    generator = np.random.default_rng(seed)
    if people_P2 is None and folds is None and len(same_P) > MOST_DRAWN:
        found = _counted(DrawnCounts(rising_P, same_P, resamples, generator), fars, threshold)
    else:
        draws = draw_pairs(same_P, generator) if people_P2 is None else draw_people(people_P2[order_P], generator)
        bar = tqdm(range(resamples), desc=description, unit="resample", delay=2, leave=False)
        weights = (draw_both_kinds(draws, same_P) for _ in bar)
        found = _weighted(
            rising_P, same_P, weights, fars, threshold, None if folds is None else as_array(folds)[order_P]
        )
    if people_P2 is None:
        mated, both = int(np.count_nonzero(same_P)), len(same_P)
        unmated = both - mated
    else:
        mated = unmated = both = int(people_P2.max()) + 1
    return Intervals(
        rate_interval(found.rates, level, min(mated, unmated)),
        [rate_interval(column_R, level, mated) for column_R in found.tars.T],
        rate_interval(found.accuracies, level, both) if len(found.accuracies) else None,
        resamples,
        (rate_interval(found.errors[:, 0], level, unmated), rate_interval(found.errors[:, 1], level, mated))
        if len(found.errors)
        else None,
    )


class _Resampled(NamedTuple):
    """EER (R,), TARs (R, F), accuracies and both errors at the threshold (R, 2); none of what was not asked for."""

    rates: Floats
    tars: Floats
    accuracies: Floats
    errors: Floats


def _counted(drawn: DrawnCounts, fars: Sequence[float], threshold: float | None) -> _Resampled:
    errors = np.empty((0, 2)) if threshold is None else drawn.errors_at(threshold)
    return _Resampled(drawn.equal_error_rates(), drawn.tar_at_far(fars), np.empty(0), errors)


def _weighted(
    rising_P: Floats,
    same_P: NDArray[np.bool_],
    weights: Iterable[NDArray[np.int64]],
    fars: Sequence[float],
    threshold: float | None,
    folds_P: NDArray[np.int64] | None,
) -> _Resampled:
    pairs = WeightedPairs(rising_P, same_P)
    rates, tars, accuracies, errors = [], [], [], []
    for weights_P in weights:
        curve = pairs.weigh(weights_P)
        rates.append(curve.equal_error_rate())
        tars.append(curve.tar_at_far(fars))
        if threshold is not None:
            errors.append(curve.errors_at(threshold))
        if folds_P is not None:
            drawn = weights_P > 0
            if len(np.unique(folds_P[drawn])) < 2:
                continue  # a threshold comes from the other folds
            found, _ = weighted_folds(rising_P[drawn], same_P[drawn], folds_P[drawn], weights_P[drawn])
            accuracies.append(found.mean())
    return _Resampled(np.array(rates), np.array(tars), np.array(accuracies), np.array(errors))


def bootstrap_interval(
    statistic: Callable[[ArrayLike, ArrayLike], float],
    scores: ArrayLike,
    same: ArrayLike,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile interval of any statistic over resampled pairs (Efron 1979), genuine and impostor apart.

    It takes the pairs as independent. For EER, TAR and accuracy :func:`bootstrap` is much faster.

    Args:
        statistic: takes scores (P,) and same (P,), gives a number.
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).
        resamples: number of resamples.
        level: coverage aimed at.
        seed: seed of the resampling.

    Returns:
        Lower and upper end.

    Raises:
        ValueError: for a level outside (0, 1), or see :class:`facerec.metrics.VerificationCurve`.

    Example:
        All genuine pairs score above all impostor pairs, so every resample has an AUC of 1.

        >>> from facerec.metrics import area_under_roc, bootstrap_interval
        >>> bootstrap_interval(area_under_roc, [0.9, 0.8, 0.7, 0.3, 0.2, 0.1], [1, 1, 1, 0, 0, 0], resamples=50)
        Interval(low=1.0, high=1.0)
    """
    check_resampling(resamples, level)
    scores_P, same_P = check_scores(scores, same)
    genuine, impostor = scores_P[same_P], scores_P[~same_P]
    labels_P = np.arange(len(scores_P)) < len(genuine)
    generator = np.random.default_rng(seed)
    values = [
        statistic(
            np.concatenate(
                [generator.choice(genuine, size=len(genuine)), generator.choice(impostor, size=len(impostor))]
            ),
            labels_P,
        )
        for _ in range(resamples)
    ]
    return percentile_interval(np.array(values), level)
