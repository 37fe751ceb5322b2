"""Mean rates of networks that were trained several times and tested on several folds of people, and resamples of them.

Each fold of people has pairs of its own, and networks that have not seen it. A score means something in its fold alone,
so rates are taken in each fold, and their mean over the folds is what counts. People are drawn within their fold. All
networks of a fold are measured on the same draw.

Shapes: N networks to compare, S seeds, P pairs of a fold, R resamples, K rates: the EER and a TAR for each FAR.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from facerec.metrics.checks import check_scores
from facerec.metrics.curve import Floats
from facerec.metrics.intervals import Interval, percentile_interval
from facerec.metrics.resampling import check_resampling, draw_both_kinds, draw_pairs, draw_people, number_people
from facerec.metrics.seeds import stretch_for_seeds
from facerec.metrics.weighted import WeightedPairs


class FoldScores(NamedTuple):
    """A fold of test people: their pairs, and the scores of all networks that were tested on them.

    Attributes:
        scores: score of each pair by each network and seed (N, S, P).
        same: whether each pair shows one person (P,).
        people: the two people of each pair (P, 2), as whole numbers, to resample people; None to resample pairs.

    Example:
        >>> from facerec.metrics import FoldScores
        >>> FoldScores([[[0.9, 0.1]]], [1, 0]).people is None
        True
    """

    scores: ArrayLike
    same: ArrayLike
    people: ArrayLike | None = None


class MeanRate(NamedTuple):
    """A rate, the mean over seeds and folds of people, and its interval over people and seeds.

    Attributes:
        rate: the mean.
        interval: of it.

    Example:
        See :func:`facerec.metrics.draw_rates`.

        >>> from facerec.metrics import Interval, MeanRate
        >>> MeanRate(0.06, Interval(0.03, 0.09)).interval.high
        0.09
    """

    rate: float
    interval: Interval


class DrawnRates(NamedTuple):
    """Rates of several networks, means over folds of people, on all pairs and on each resample.

    Attributes:
        observed: of all pairs (N, K, S).
        values: of each resample (R, N, K, S).
        units: number of people, or of pairs, that were resampled, in all folds.
        rarer: number of units that the rarer kind of pair rests on.

    Example:
        See :func:`facerec.metrics.draw_rates`.

        >>> from facerec.metrics import DrawnRates
        >>> DrawnRates(np.array([[[0.25, 0.75]]]), np.full((100, 1, 1, 2), 0.5), 40, 40).mean_rate().rate
        0.5
    """

    observed: Floats
    values: Floats
    units: int
    rarer: int

    def mean_rate(self, network: int = 0, place: int = 0, level: float = 0.95) -> MeanRate:
        """A rate of a network, and its interval.

        Where no resample shows another rate than 0 or 1, the interval is what 0 errors leave.

        Args:
            network: place of the network.
            place: 0 for the EER, from 1 for the TARs.
            level: coverage aimed at.
        """
        observed_S, values_RS = self.observed[network, place], self.values[:, network, place]
        rate = float(observed_S.mean())
        if rate in (0.0, 1.0) and (values_RS == rate).all():
            bound = 1.0 - (0.5 * (1.0 - level)) ** (1.0 / self.rarer)
            return MeanRate(rate, Interval(0.0, bound) if rate == 0.0 else Interval(1.0 - bound, 1.0))
        stretch = stretch_for_seeds(values_RS, observed_S, level)
        ends = percentile_interval(values_RS.mean(axis=1), level)
        return MeanRate(rate, Interval(*(min(1.0, max(0.0, rate + stretch * (end - rate))) for end in ends)))


def draw_rates(
    folds: Sequence[FoldScores],
    fars: Sequence[float] = (),
    resamples: int = 1000,
    seed: int = 0,
    description: str = "bootstrap",
) -> DrawnRates:
    """Rates of all networks on all pairs, and on each resample: means over the folds.

    Args:
        folds: scores of the networks on each fold of people; all with the same networks and number of seeds.
        fars: false accept rates for the true accept rates, which follow the EER.
        resamples: how many to draw. One in which a kind of pair is missing is drawn again.
        seed: of the resampling.
        description: text of the progress bar, shown if it takes more than two seconds.

    Raises:
        ValueError: if there is no fold, if folds have other networks or seeds, or see
            :func:`facerec.metrics.bootstrap`.

    Example:
        A network that makes no error on ten people, and one error on ten others.

        >>> from facerec.metrics import FoldScores, draw_rates
        >>> same = [1, 0] * 10
        >>> people = [[person, (person + other) % 10] for person in range(10) for other in (0, 1)]
        >>> folds = [FoldScores([[scores]], same, people) for scores in (same, [-0.5, *same[1:]])]
        >>> rate, (low, high) = draw_rates(folds, resamples=100).mean_rate()
        >>> round(rate, 3), low < rate < high
        (0.05, True)
    """
    check_resampling(resamples, level=0.95)
    checked = [_Checked(fold) for fold in folds]
    if len({fold.scores_NSP.shape[:2] for fold in checked}) != 1:
        shapes = ", ".join(str(fold.scores_NSP.shape[:2]) for fold in checked) or "none"
        raise ValueError(f"folds of people with (networks, seeds) {shapes}: give the same for each fold")
    generators = [np.random.default_rng(seed if place == 0 else [seed, place]) for place in range(len(checked))]
    draws = [fold.draws(generator) for fold, generator in zip(checked, generators, strict=True)]
    runs, fars = [fold.runs() for fold in checked], list(fars)
    observed = [_rates(run, np.ones(len(fold.same_P), np.int64), fars) for run, fold in zip(runs, checked, strict=True)]
    values_RNKS = np.empty((resamples, *observed[0].shape))
    for resample in tqdm(range(resamples), desc=description, unit="resample", delay=2, leave=False):
        values_RNKS[resample] = np.mean(
            [
                _rates(run, draw_both_kinds(drawn, fold.same_P), fars)
                for run, drawn, fold in zip(runs, draws, checked, strict=True)
            ],
            axis=0,
        )
    observed_NKS: Floats = np.mean(observed, axis=0)
    units, rarer = sum(fold.units for fold in checked), sum(fold.rarer for fold in checked)
    return DrawnRates(observed_NKS, values_RNKS, units, rarer)


class _Checked:
    """A fold whose scores and people are checked.

    Args:
        fold: of people.
    """

    def __init__(self, fold: FoldScores) -> None:
        scores_NSP = np.asarray(fold.scores)
        if scores_NSP.ndim != 3:
            raise ValueError(f"scores {scores_NSP.shape}: give those of each network, seed and pair, (N, S, P)")
        rows = [[check_scores(row, fold.same) for row in network] for network in scores_NSP]
        self.scores_NSP = np.array([[row for row, _ in network] for network in rows], dtype=np.float64)
        self.same_P: NDArray[np.bool_] = rows[0][0][1]
        self._people_P2 = None if fold.people is None else number_people(fold.people, self.same_P)

    @property
    def units(self) -> int:
        """Number of people, or of pairs, that are resampled."""
        return len(self.same_P) if self._people_P2 is None else int(self._people_P2.max()) + 1

    @property
    def rarer(self) -> int:
        """Number of people; of pairs, those of the rarer kind."""
        genuine = int(np.count_nonzero(self.same_P))
        return min(genuine, len(self.same_P) - genuine) if self._people_P2 is None else self.units

    def draws(self, generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """How often each pair counts, one resample after the other."""
        if self._people_P2 is None:
            return draw_pairs(self.same_P, generator)
        return draw_people(self._people_P2, generator)

    def runs(self) -> list[list[WeightedPairs]]:
        """The sorted scores of each network and seed."""
        return [[WeightedPairs(scores_P, self.same_P) for scores_P in network] for network in self.scores_NSP]


def _rates(runs: Sequence[Sequence[WeightedPairs]], weights_P: NDArray[np.int64], fars: Sequence[float]) -> Floats:
    """EER and TARs of each network and seed (N, K, S)."""
    rates_NSK = [[np.append(*run.rates(weights_P, fars)) for run in network] for network in runs]
    rates_NKS: Floats = np.asarray(rates_NSK, dtype=np.float64).transpose(0, 2, 1)
    return rates_NKS
