"""Confidence intervals of the identification numbers, by bootstrap over people.

People are drawn with all their probes and their searches as strangers. The gallery stays as it is: a resampled gallery
would hold fewer different people, and each of them would be easier to find. (Simulated galleries of 10 to 100 people,
drawn anew each time: 91 to 95 % of these intervals hold the mean over galleries.)

Where no resample shows an error, :mod:`facerec.metrics.intervals` gives the exact bound, of the people with a probe.

Shapes: Q probes, S strangers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from facerec.arrays import as_array
from facerec.metrics.curve import Floats, is_supported
from facerec.metrics.identification import Trials
from facerec.metrics.intervals import Interval, rate_interval
from facerec.metrics.resampling import check_people, check_resampling, times_drawn


class IdentificationIntervals(NamedTuple):
    """Percentile intervals by person, widened to the exact bound where no resample shows an error.

    Attributes:
        cmc: of the share of probes whose person is among the first k, k = 1 and up.
        tpir: of the true positive identification rate at each FPIR asked for; None where it is not supported.
        resamples: how many were drawn.

    Example:
        >>> from facerec.metrics import Interval, IdentificationIntervals
        >>> found = IdentificationIntervals([Interval(0.8, 0.9), Interval(0.9, 1.0)], [None], resamples=1000)
        >>> found.cmc[0].low  # of rank 1
        0.8
    """

    cmc: list[Interval]
    tpir: list[Interval | None]
    resamples: int


def bootstrap_identification(
    trials: Trials,
    up_to: int,
    fpirs: Sequence[float] = (),
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    description: str = "bootstrap of identification",
) -> IdentificationIntervals:
    """Intervals of the identification numbers.

    Args:
        trials: the searches.
        up_to: highest rank of the CMC.
        fpirs: shares in (0, 1] of the strangers.
        resamples: how many to draw. One without probes is drawn again; so is one without strangers, if there are any.
        level: coverage aimed at.
        seed: seed of the resampling.
        description: text of the progress bar, shown if it takes more than two seconds.

    Raises:
        ValueError: for a level outside (0, 1), fewer than 5 people, or no probes.

    Example:
        All probes of 6 people are found at rank 1: the rate may be as low as 0.025^(1/6) = 0.541.

        >>> import numpy as np
        >>> from facerec.metrics import Trials, bootstrap_identification
        >>> people = np.arange(12) // 2
        >>> trials = Trials(np.ones(12, np.int64), np.full(12, 0.9), np.full(12, 0.1), people, people)
        >>> low, high = bootstrap_identification(trials, up_to=1, resamples=100).cmc[0]
        >>> print(f"{low:.3f} to {high:.0f}")
        0.541 to 1
    """
    check_resampling(resamples, level)
    if not len(trials.people):
        raise ValueError("0 probes of enrolled people: nothing to measure")
    names, numbers = np.unique(np.concatenate([trials.people, trials.stranger_people]), return_inverse=True)
    check_people(len(names))
    falling_S = np.argsort(-trials.stranger_scores, kind="stable")
    scores_S, owner_S = trials.stranger_scores[falling_S], numbers[len(trials.people) :][falling_S]
    owner_Q, places_Q = numbers[: len(trials.people)], np.minimum(trials.ranks, up_to + 1) - 1
    supported = [fpir for fpir in fpirs if is_supported(fpir, len(scores_S), "FPIR")]
    generator = np.random.default_rng(seed)
    cmcs: list[Floats] = []
    tpirs: list[list[float]] = []
    progress = tqdm(total=resamples, desc=description, unit="resample", delay=2, leave=False)
    while len(cmcs) < resamples:
        times = times_drawn(len(names), generator)
        weights_Q, named_S = times[owner_Q], np.cumsum(times[owner_S])
        if not weights_Q.any() or (len(named_S) and not named_S[-1]):
            continue
        found = np.bincount(places_Q, weights_Q, minlength=up_to + 1)
        cmcs.append(np.cumsum(found[:up_to]) / found.sum())
        tpirs.append([_tpir(trials, weights_Q, scores_S, named_S, fpir) for fpir in supported])
        progress.update()
    progress.close()
    drawn = dict(zip(supported, np.array(tpirs).T, strict=True))
    people = len(np.unique(owner_Q))
    return IdentificationIntervals(
        [rate_interval(column, level, people) for column in np.array(cmcs).T],
        [rate_interval(drawn[fpir], level, people) if fpir in drawn else None for fpir in fpirs],
        resamples,
    )


def _tpir(
    trials: Trials, weights_Q: NDArray[np.int64], scores_S: NDArray[np.float32], named_S: NDArray[np.int64], fpir: float
) -> float:
    """As ``tpir_at_fpir``, of a resample: ``named_S`` counts the strangers named down to each score."""
    refused = int(np.searchsorted(named_S, np.floor(fpir * named_S[-1] + 1e-9), side="right"))
    right_Q = (trials.ranks == 1) & (trials.own_scores > (scores_S[refused] if refused < len(scores_S) else -np.inf))
    return float((weights_Q * right_Q).sum() / weights_Q.sum())


def bootstrap_mean(
    values_Q: ArrayLike, people_Q: ArrayLike, resamples: int = 1000, level: float = 0.95, seed: int = 0
) -> Interval:
    """Percentile interval, by person, of the mean of one value for each probe, such as the average precision.

    Args:
        values_Q: value of each probe (Q,), a share in [0, 1].
        people_Q: person of each probe (Q,).
        resamples: how many to draw.
        level: coverage aimed at.
        seed: seed of the resampling.

    Raises:
        ValueError: for a level outside (0, 1), or fewer than 5 people.

    Example:
        >>> import numpy as np
        >>> from facerec.metrics import bootstrap_mean
        >>> low, high = bootstrap_mean(np.arange(40) % 2, np.arange(40), resamples=200)
        >>> bool(low < 0.5 < high)
        True
    """
    check_resampling(resamples, level)
    values, (names, numbers) = as_array(values_Q).astype(np.float64), np.unique(as_array(people_Q), return_inverse=True)
    check_people(len(names))
    sums, counts = np.bincount(numbers, values), np.bincount(numbers)
    generator = np.random.default_rng(seed)
    drawn = [times_drawn(len(names), generator) for _ in range(resamples)]
    means = [float((times * sums).sum() / (times * counts).sum()) for times in drawn]
    return rate_interval(np.array(means), level, len(names))
