"""What a model's likelihood ratios cost on test pairs."""

from __future__ import annotations

from dataclasses import dataclass

from facerec.metrics import Interval, Likelihood, cllr, cllr_interval, log_likelihood_ratios, min_cllr
from facerec.reports.scored import ScoredSet


@dataclass(frozen=True)
class LikelihoodCost:
    """Cost of likelihood ratios in bits: 0 is perfect, 1 is that of no ratio.

    Attributes:
        cllr: cost of the model's ratios, within their bounds.
        min_cllr: least cost of any ratios that rise with the scores.
        interval_by_pair: 95 % interval of the cost over pairs.
        interval_by_person: 95 % interval of the cost over people, where they can be resampled.
    """

    cllr: float
    min_cllr: float
    interval_by_pair: Interval
    interval_by_person: Interval | None = None


def likelihood_cost(scored: ScoredSet, likelihood: Likelihood, resamples: int, *, by_person: bool) -> LikelihoodCost:
    """Measure the likelihood ratios of a model on test pairs.

    Args:
        scored: the pairs.
        likelihood: the model's line from score to ratio, of other people's pairs.
        resamples: number of resamples.
        by_person: whether people can be resampled.

    Example:
        >>> line = {"slope": 20.0, "intercept": -8.0, "lowest": -3.0, "highest": 5.0}
        >>> pairs = ScoredSet.from_arrays([1, 1, 0, 0], scores=[0.9, 0.8, 0.5, 0.1])
        >>> found = likelihood_cost(pairs, line, resamples=10, by_person=False)
        >>> round(found.cllr, 3), found.min_cllr, found.interval_by_person
        (0.789, 0.0, None)
    """
    ratios_P, same_P = log_likelihood_ratios(scored.scores, likelihood), scored.same
    return LikelihoodCost(
        cllr=cllr(ratios_P, same_P),
        min_cllr=min_cllr(scored.scores, same_P),
        interval_by_pair=cllr_interval(ratios_P, same_P, resamples=resamples),
        interval_by_person=cllr_interval(ratios_P, same_P, scored.people, resamples) if by_person else None,
    )
