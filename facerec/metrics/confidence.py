"""How far a number could be off: bootstrap intervals, by pair and by person.

By pair, pairs are drawn with replacement, genuine and impostor apart. That takes them as independent. They are not
where a person is in many of them, and the interval is then too narrow (Bolle, Ratha and Pankanti, "Error analysis of
pattern recognition systems: the subsets bootstrap", CVIU 2004).

By person, people are drawn with replacement, and a pair counts as often as its people were drawn: a genuine pair m
times if its person was drawn m times (copies of a person are not paired with each other), an impostor pair the product
of the times its two people were drawn. The product is what the two sides of a pair, drawn each by itself, give
(Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 2007): people shared on either side of a pair are both
accounted for, which the subsets bootstrap, giving a pair to one of its people, does not do (Li et al., CAIP 2009). The
price: noise of a single pair counts up to three times, so where most people are in one or two pairs alone (LFW), the
interval of the FAR is up to 1.7 times too wide, never too narrow, and the one by pair is the better.

Identification is resampled by person alone, and its gallery stays as it is: a resampled one would hold fewer people
apart, and each would be easier to find. (Simulated galleries of 10 to 100 people drawn anew each time: 91 to 95 % of
these intervals hold the mean over galleries.)

Where no resample shows an error (or nothing but errors), the percentile interval is a point at 0 (or 1), however few
the data. Its far end is then the exact bound for 0 errors of n, 1 - tail^(1/n) with tail = (1 - level) / 2 (Clopper and
Pearson, "The use of confidence or fiducial limits", Biometrika 1934). n is what was resampled: by pair the genuine
pairs for the TAR, all for the accuracy, the rarer kind for the EER; by person the people, for identification those with
a probe.

Shapes: P pairs, K distinct scores, R resamples, Q probes, S strangers.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from facerec.metrics.folds import weighted_folds
from facerec.metrics.identification import Trials
from facerec.metrics.verification import Floats, check_scores, is_supported

LEAST_PEOPLE = 5


class Interval(NamedTuple):
    """Lower and upper end."""

    low: float
    high: float


class Intervals(NamedTuple):
    """Percentile intervals of one bootstrap, widened where no error was seen (see above).

    Attributes:
        equal_error_rate: of the equal error rate.
        tar: of the true accept rate at each FAR asked for.
        accuracy: of the accuracy over folds; None without folds.
        resamples: how many were drawn.
    """

    equal_error_rate: Interval
    tar: list[Interval]
    accuracy: Interval | None
    resamples: int


class IdentificationIntervals(NamedTuple):
    """Percentile intervals by person, of a gallery that stays, widened where no error was seen (see above).

    Attributes:
        cmc: of the share of probes whose person is among the first k, k = 1 and up.
        tpir: of the true positive identification rate at each FPIR asked for; None where it is not supported.
        resamples: how many were drawn.
    """

    cmc: list[Interval]
    tpir: list[Interval | None]
    resamples: int


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
) -> Intervals:
    """Intervals of the verification numbers; all of a resample come from the scores sorted once.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).
        people: the two people of each pair (P, 2), as whole numbers, to resample people; by default pairs are.
        folds: fold of each pair (P,), for the accuracy over folds.
        fars: false accept rates for the true accept rates.
        resamples: how many to draw. One in which a kind of pair is missing is drawn again.
        level: coverage aimed at.
        seed: of the resampling.
        description: of the progress bar, shown if it takes more than two seconds.

    Raises:
        ValueError: for a level outside (0, 1), fewer than 5 people, people at odds with ``same``, or see
            :func:`check_scores`.
    """
    _check_settings(resamples, level)
    scores_P, same_P = check_scores(scores, same)
    order_P = np.argsort(scores_P)
    rising_P, same_P = scores_P[order_P].astype(np.float64), same_P[order_P]
    generator = np.random.default_rng(seed)
    genuine = int(np.count_nonzero(same_P))
    if people is None:
        draws = _draw_pairs(same_P, generator)
        rarer, mated, both = min(genuine, len(same_P) - genuine), genuine, len(same_P)
    else:
        people_P2 = _check_people(people, same_P, order_P)
        draws = _draw_people(people_P2, generator)
        rarer = mated = both = int(people_P2.max()) + 1
    folds_P = None if folds is None else np.asarray(folds)[order_P]
    starts_K = np.append(0, np.flatnonzero(rising_P[1:] != rising_P[:-1]) + 1)
    rates, tars, accuracies = [], [], []
    for _ in tqdm(range(resamples), desc=description, unit="resample", delay=2, leave=False):
        weights_P, rejected_K, refused_K = _draw_both_kinds(draws, same_P, starts_K)
        rates.append(_equal_error_rate(rejected_K, refused_K))
        tars.append(_tar_at_far(rejected_K, refused_K, fars))
        if folds_P is not None:
            drawn = weights_P > 0
            if len(np.unique(folds_P[drawn])) < 2:
                continue  # a threshold comes from the other folds
            found, _ = weighted_folds(rising_P[drawn], same_P[drawn], folds_P[drawn], weights_P[drawn])
            accuracies.append(found.mean())
    return Intervals(
        _rate_interval(np.array(rates), level, rarer),
        [_rate_interval(column, level, mated) for column in np.array(tars).T] if fars else [],
        _rate_interval(np.array(accuracies), level, both) if accuracies else None,
        resamples,
    )


def bootstrap_identification(
    trials: Trials,
    up_to: int,
    fpirs: Sequence[float] = (),
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    description: str = "bootstrap of identification",
) -> IdentificationIntervals:
    """Intervals of the identification numbers: people are drawn, with all their probes and their searches as strangers.

    Args:
        trials: the searches.
        up_to: highest rank of the CMC.
        fpirs: shares in (0, 1] of the strangers.
        resamples: how many to draw. One without probes or strangers is drawn again.
        level: coverage aimed at.
        seed: of the resampling.
        description: of the progress bar, shown if it takes more than two seconds.

    Raises:
        ValueError: for a level outside (0, 1), fewer than 5 people, or searches of one kind alone.
    """
    _check_settings(resamples, level)
    if not len(trials.people) or not len(trials.stranger_people):
        raise ValueError(f"{len(trials.people)} probes and {len(trials.stranger_people)} strangers: give both")
    names, numbers = np.unique(np.concatenate([trials.people, trials.stranger_people]), return_inverse=True)
    if len(names) < LEAST_PEOPLE:
        raise ValueError(f"{len(names)} people: too few to resample, give at least {LEAST_PEOPLE}")
    falling_S = np.argsort(-trials.stranger_scores, kind="stable")
    scores_S, owner_S = trials.stranger_scores[falling_S], numbers[len(trials.people) :][falling_S]
    owner_Q, places_Q = numbers[: len(trials.people)], np.minimum(trials.ranks, up_to + 1) - 1
    supported = [fpir for fpir in fpirs if is_supported(fpir, len(scores_S))]
    generator = np.random.default_rng(seed)
    cmcs: list[Floats] = []
    tpirs: list[list[float]] = []
    progress = tqdm(total=resamples, desc=description, unit="resample", delay=2, leave=False)
    while len(cmcs) < resamples:
        times = _times_drawn(len(names), generator)
        weights_Q, named_S = times[owner_Q], np.cumsum(times[owner_S])
        if not weights_Q.any() or not named_S[-1]:
            continue
        found = np.bincount(places_Q, weights_Q, minlength=up_to + 1)
        cmcs.append(np.cumsum(found[:up_to]) / found.sum())
        tpirs.append([_tpir(trials, weights_Q, scores_S, named_S, fpir) for fpir in supported])
        progress.update()
    progress.close()
    drawn = dict(zip(supported, np.array(tpirs).T, strict=True))
    people = len(np.unique(owner_Q))
    return IdentificationIntervals(
        [_rate_interval(column, level, people) for column in np.array(cmcs).T],
        [_rate_interval(drawn[fpir], level, people) if fpir in drawn else None for fpir in fpirs],
        resamples,
    )


def _tpir(
    trials: Trials, weights_Q: NDArray[np.int64], scores_S: NDArray[np.float32], named_S: NDArray[np.int64], fpir: float
) -> float:
    """As ``tpir_at_fpir``, of a resample: ``named_S`` counts the strangers named down to each score."""
    refused = int(np.searchsorted(named_S, np.floor(fpir * named_S[-1] + 1e-9), side="right"))
    right_Q = (trials.ranks == 1) & (trials.own_scores > (scores_S[refused] if refused < len(scores_S) else -np.inf))
    return float((weights_Q * right_Q).sum() / weights_Q.sum())


def _check_settings(resamples: int, level: float) -> None:
    if not 0.0 < level < 1.0 or resamples < 1:
        raise ValueError(f"level={level} must be in (0, 1) and resamples={resamples} at least 1")


def _check_people(people: ArrayLike, same_P: NDArray[np.bool_], order_P: NDArray[np.int64]) -> NDArray[np.int64]:
    """The people of the sorted pairs (P, 2), numbered from 0."""
    people_P2 = np.asarray(people)
    if people_P2.shape != (len(same_P), 2):
        raise ValueError(f"people {people_P2.shape}: give the two of each of the {len(same_P)} pairs, (P, 2)")
    names, numbers = np.unique(people_P2, return_inverse=True)
    if len(names) < LEAST_PEOPLE:
        raise ValueError(f"{len(names)} people: too few to resample, give at least {LEAST_PEOPLE}")
    numbers_P2: NDArray[np.int64] = numbers.reshape(-1, 2)[order_P]
    at_odds = int(np.count_nonzero((numbers_P2[:, 0] == numbers_P2[:, 1]) != same_P))
    if at_odds:
        raise ValueError(f"{at_odds} of {len(same_P)} pairs are called genuine and show two people, or the reverse")
    return numbers_P2


def _times_drawn(count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """How often each of so many is there in a draw of as many with replacement."""
    return np.bincount(generator.integers(count, size=count), minlength=count)


def _draw_pairs(same_P: NDArray[np.bool_], generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """How often each pair counts (P,), for ever."""
    kinds = [np.flatnonzero(same_P), np.flatnonzero(~same_P)]
    while True:
        weights_P = np.empty(len(same_P), dtype=np.int64)
        for places in kinds:
            weights_P[places] = _times_drawn(len(places), generator)
        yield weights_P


def _draw_people(people_P2: NDArray[np.int64], generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """How often each pair counts (P,), for ever."""
    count = int(people_P2.max()) + 1
    first_P, second_P = np.ascontiguousarray(people_P2.T)
    one_person_P = first_P == second_P
    while True:
        times = _times_drawn(count, generator)
        yield times[first_P] * np.where(one_person_P, 1, times[second_P])


def _draw_both_kinds(
    draws: Iterator[NDArray[np.int64]], same_P: NDArray[np.bool_], starts_K: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """A resample with both kinds of pairs: its weights, and the shares of both below each score and below infinity."""
    while True:
        weights_P = next(draws)
        genuine = np.append(0, np.cumsum(weights_P * same_P))
        impostor = np.append(0, np.cumsum(weights_P)) - genuine
        if genuine[-1] and impostor[-1]:
            places = np.append(starts_K, len(same_P))
            return weights_P, genuine[places] / genuine[-1], impostor[places] / impostor[-1]


def _equal_error_rate(rejected_K: Floats, refused_K: Floats) -> float:
    """As ``facerec.metrics.equal_error_rate``, from the shares of genuine and impostor pairs below each score."""
    gap_K = rejected_K + refused_K - 1.0  # FRR - FAR, rising from -1 to 1
    before = int(np.searchsorted(gap_K, 0.0, side="right"))
    after = before - 1
    share = gap_K[before] / (gap_K[before] - gap_K[after])
    return float(1.0 - refused_K[before] + share * (refused_K[before] - refused_K[after]))


def _tar_at_far(rejected_K: Floats, refused_K: Floats, fars: Sequence[float]) -> Floats:
    places = np.searchsorted(refused_K, 1.0 - np.asarray(fars) - 1e-12)
    return np.asarray(1.0 - rejected_K[places])


def _interval(values_R: Floats, level: float) -> Interval:
    tail = 0.5 * (1.0 - level)
    low, high = np.quantile(values_R, [tail, 1.0 - tail])
    return Interval(float(low), float(high))


def _rate_interval(values_R: Floats, level: float, count: int) -> Interval:
    """The interval of a rate; one that is 0 (or 1) in all of it gets the bound for 0 errors (or hits) of ``count``."""
    low, high = _interval(values_R, level)
    bound = 1.0 - (0.5 * (1.0 - level)) ** (1.0 / count)
    if high == 0.0:
        return Interval(0.0, bound)
    return Interval(1.0 - bound, 1.0) if low == 1.0 else Interval(low, high)


def bootstrap_interval(
    statistic: Callable[[ArrayLike, ArrayLike], float],
    scores: ArrayLike,
    same: ArrayLike,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of any statistic over resampled pairs (Efron 1979), genuine and impostor apart.

    The pairs are taken as independent, see above. For EER, TAR and accuracy :func:`bootstrap` is much faster.

    Args:
        statistic: takes scores (P,) and same (P,), gives a number.
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).
        resamples: number of resamples.
        level: coverage aimed at.
        seed: of the resampling.

    Returns:
        Lower and upper end.

    Raises:
        ValueError: for a level outside (0, 1), or see :func:`check_scores`.
    """
    _check_settings(resamples, level)
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
    return _interval(np.array(values), level)
