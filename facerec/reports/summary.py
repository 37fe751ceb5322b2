"""The numbers of a set of pairs with their intervals: what the table shows and ``metrics.json`` keeps.

Shapes: P pairs, N images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facerec.metrics import FoldAccuracy, Interval, Intervals, Likelihood, bootstrap, kfold_accuracy
from facerec.metrics.numbering import renumber
from facerec.metrics.resampling import LEAST_PEOPLE
from facerec.reports.evidence import LikelihoodCost, likelihood_cost
from facerec.reports.groups import Attribute
from facerec.reports.identification import Identification, affordable_resamples, identify
from facerec.reports.plain import to_plain
from facerec.reports.scored import ScoredSet
from facerec.reports.tables import summary_table
from facerec.reports.threshold import ThresholdErrors, errors_at

FARS = (1e-1, 1e-2, 1e-3, 1e-4)
BAND_POINTS = 40


@dataclass(frozen=True)
class TarPoint:
    """True accept rate at a false accept rate.

    Attributes:
        far: share of the impostor pairs that may be accepted.
        tar: share of the genuine pairs accepted there. NaN where it is not supported.
        threshold: lowest score accepted. NaN where it is not supported.
        supported: whether the impostor pairs are enough to expect 10 false accepts.
        interval_by_pair: 95 % interval of the TAR over pairs. None where it is not supported.
        interval_by_person: 95 % interval of the TAR over people, where they are known.
    """

    far: float
    tar: float
    threshold: float
    supported: bool
    interval_by_pair: Interval | None = None
    interval_by_person: Interval | None = None


@dataclass(frozen=True)
class ErrorIntervals:
    """95 % intervals from one bootstrap.

    Attributes:
        equal_error_rate: interval of the EER.
        accuracy: interval of the accuracy over folds, or None without folds.
        resamples: number of resamples.
    """

    equal_error_rate: Interval
    accuracy: Interval | None
    resamples: int


@dataclass(frozen=True)
class Band:
    """The 95 % band around a DET curve.

    Attributes:
        by: what was resampled, ``person`` or ``pair``.
        fars: false accept rates.
        tars: interval of the true accept rate at each of them.
    """

    by: str
    fars: list[float]
    tars: list[Interval]


@dataclass(frozen=True)
class Summary:
    """The numbers of one set of pairs. The attributes are the keys of the set in ``metrics.json``.

    ``print(summary)`` shows the table of ``facerec test``. All rates are fractions in [0, 1].

    Attributes:
        score: what the scores are, such as ``cosine``.
        genuine: number of genuine pairs.
        impostor: number of impostor pairs.
        eer: equal error rate, interpolated.
        eer_nearest: equal error rate at the nearest point of the ROC.
        threshold: score at the EER.
        auc: area under the ROC.
        tar_at_far: one point for each false accept rate.
        accuracy: accuracy over folds, or None without folds.
        interval_by_pair: 95 % intervals over pairs.
        interval_by_person: 95 % intervals over people, or None for the reason in ``no_people``.
        no_people: why there are no intervals by person.
        identification: rank-k and TPIR, or None for the reason in ``no_identification``.
        no_identification: why there is no identification.
        likelihood_cost: what the model's likelihood ratios cost on these pairs, or None without such ratios.
        at_threshold: error rates at the model's own threshold, or None without one.
        accuracy_at_grid: accuracy over folds at the 400 thresholds of sphereface_pytorch's ``lfw_eval.py``, or None
            where nobody asked for it (``facerec evaluate --fold_grid``).
        groups: error rates of groups of people, one entry for each attribute of them, or None without groups.
        band: around the DET curve. It is not kept in a file.

    Example:
        >>> from facerec.reports import evaluate
        >>> summary = evaluate([1, 1, 0, 0], scores=[0.9, 0.4, 0.5, 0.1])
        >>> summary.eer, summary.genuine, summary.no_people
        (0.5, 2, 'people unknown')
    """

    score: str
    genuine: int
    impostor: int
    eer: float
    eer_nearest: float
    threshold: float
    auc: float
    tar_at_far: list[TarPoint]
    accuracy: FoldAccuracy | None
    interval_by_pair: ErrorIntervals
    interval_by_person: ErrorIntervals | None = None
    no_people: str | None = None
    identification: Identification | None = None
    no_identification: str | None = None
    likelihood_cost: LikelihoodCost | None = None
    at_threshold: ThresholdErrors | None = None
    accuracy_at_grid: FoldAccuracy | None = None
    groups: list[Attribute] | None = None
    band: Band | None = None

    def __str__(self) -> str:
        return summary_table({"pairs": self})

    def to_json(self) -> dict[str, Any]:
        """Plain numbers for ``json.dumps``, null where a number is not supported."""
        return {name: value for name, value in to_plain(self).items() if name != "band"}


def summarise(
    scored: ScoredSet,
    fars: Sequence[float] = FARS,
    resamples: int | None = None,
    description: str = "bootstrap",
    likelihood: Likelihood | None = None,
    threshold: float | None = None,
) -> Summary:
    """Compute every number that the pairs support.

    Args:
        scored: the pairs.
        fars: false accept rates of the table.
        resamples: number of resamples of each bootstrap. By default 1,000, fewer for more than 20,000 pairs.
        description: text of the progress bar, which shows after two seconds.
        likelihood: the model's line from score to likelihood ratio, to measure it.
        threshold: lowest score that the model accepts, chosen on other people, to measure it.

    Example:
        >>> summary = summarise(ScoredSet.from_arrays([1, 1, 0, 0], scores=[0.9, 0.8, 0.5, 0.1]))
        >>> summary.eer, round(summary.threshold, 2), summary.auc
        (0.0, 0.65, 1.0)
    """
    curve, folds_P, people_P2 = scored.curve, scored.folds, scored.people
    rate, threshold_at_eer = curve.equal_error_rate()
    no_people = why_not_by_person(people_P2, scored.same)
    resamples = resamples or affordable_resamples(len(scored.scores))
    band_fars = _band_fars(curve.impostor)

    def intervals(people: NDArray[np.int64] | None, kind: str) -> Intervals:
        all_fars, text = [*fars, *band_fars], f"{description} by {kind}"
        return bootstrap(
            scored.scores, scored.same, people, folds_P, all_fars, resamples, description=text, threshold=threshold
        )

    accuracy = None if folds_P is None else kfold_accuracy(scored.scores, scored.same, folds_P)
    by_pair = intervals(None, "pair")
    by_person = intervals(people_P2, "person") if no_people is None else None
    best, by = (by_person, "person") if by_person else (by_pair, "pair")
    identification, no_identification = identify(scored.embeddings, scored.subjects, galleries_N=scored.galleries)
    cost = likelihood_cost(scored, likelihood, resamples, by_person=no_people is None) if likelihood else None
    at_threshold = None
    if threshold is not None and best.at_threshold is not None:
        at_threshold = errors_at(scored, threshold, best.at_threshold, by)
    return Summary(
        score=scored.score,
        genuine=curve.genuine,
        impostor=curve.impostor,
        eer=rate,
        eer_nearest=curve.equal_error_rate("nearest")[0],
        threshold=threshold_at_eer,
        auc=curve.area_under_roc(),
        tar_at_far=[
            TarPoint(*point, *(_tar_interval(ends, place, point.supported) for ends in (by_pair, by_person)))
            for place, point in enumerate(curve.tar_at_far(fars))
        ],
        accuracy=accuracy,
        interval_by_pair=_error_intervals(by_pair),
        interval_by_person=_error_intervals(by_person) if by_person else None,
        no_people=no_people,
        identification=identification,
        no_identification=no_identification,
        likelihood_cost=cost,
        at_threshold=at_threshold,
        band=Band(by, band_fars, best.tar[len(fars) :]),
    )


def equal_error_interval(scored: ScoredSet) -> tuple[Interval, str]:
    """The 95 % interval of the EER alone, and what it is over: ``person`` where people are known, else ``pair``.

    Example:
        >>> interval, by = equal_error_interval(ScoredSet.from_arrays([1, 1, 0, 0], scores=[0.9, 0.8, 0.5, 0.1]))
        >>> by, interval.low, round(interval.high, 2)
        ('pair', 0.0, 0.84)
    """
    by_person = why_not_by_person(scored.people, scored.same) is None
    people = scored.people if by_person else None
    resamples = affordable_resamples(len(scored.scores))
    found = bootstrap(scored.scores, scored.same, people, resamples=resamples)
    return found.equal_error_rate, "person" if by_person else "pair"


def _band_fars(impostor: int) -> list[float]:
    """Where the band around the DET curve is computed: from 10 false accepts up."""
    smallest = 10.0 / impostor
    return np.geomspace(smallest, 0.95, BAND_POINTS).tolist() if smallest < 0.5 else []


def _tar_interval(intervals: Intervals | None, place: int, supported: bool) -> Interval | None:
    return intervals.tar[place] if intervals and supported else None


def _error_intervals(intervals: Intervals) -> ErrorIntervals:
    return ErrorIntervals(intervals.equal_error_rate, intervals.accuracy, intervals.resamples)


def why_not_by_person(people_P2: NDArray[np.int64] | None, same_P: NDArray[np.bool_]) -> str | None:
    """Why people cannot be resampled, or None where they can."""
    if people_P2 is None:
        return "people unknown"
    count = len(renumber(people_P2)[0])
    if count < LEAST_PEOPLE:
        return f"only {count} people"
    if ((people_P2[:, 0] == people_P2[:, 1]) != same_P).any():
        return "folders and labels of the pairs disagree"
    return None
