"""From a score to evidence: how many times as likely it is for one person as for two.

A logistic regression on the validation pairs gives the log likelihood ratio ``L = slope * score + intercept``. Genuine
and impostor pairs weigh one half each, however many there are, so the ratio holds for any prior (Brümmer and du Preez,
"Application-independent evaluation of speaker detection", Computer Speech and Language 2006, section 6).

A straight line goes on for ever, and data do not. So the ratio is kept within the bounds of Vergeer et al. ("Numerical
likelihood ratios outputted by LR systems are often based on extrapolation: when to stop extrapolating?", Science and
Justice 2016). Within them the ratio serves its user better than no ratio would, even if one more pair had misled.
Pairs of the same people are alike, so that one is all the pairs of one more person, or of two more people.

Shapes: P pairs, K distinct ratios.
"""

import math
from typing import NamedTuple, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facerec.arrays import as_array
from facerec.metrics.checks import check_scores
from facerec.metrics.curve import Floats, VerificationCurve

RIDGE = 1e-8  # on the slope of standardised scores: without it, pairs that part perfectly have none
STEPS = 100
TOLERANCE = 1e-10
TINY = 1e-14  # keeps the curvature from being singular


class Likelihood(TypedDict):
    """The line from score to log likelihood ratio, and its bounds; a checkpoint keeps it beside the threshold.

    Natural logarithms: 0 means as likely for one person as for two.

    Keys:
        slope: of the line, at least 0.
        intercept: of the line.
        lowest: smallest log likelihood ratio that the pairs support, at most 0.
        highest: largest one, at least 0.

    Example:
        >>> from facerec.metrics import Likelihood
        >>> Likelihood(slope=20.0, intercept=-8.0, lowest=-3.0, highest=5.0)["slope"]
        20.0
    """

    slope: float
    intercept: float
    lowest: float
    highest: float


class Sources(NamedTuple):
    """How much independent evidence pairs hold.

    Attributes:
        genuine: people with a genuine pair; where people are unknown, genuine pairs.
        impostor: couples of people with an impostor pair; where people are unknown, impostor pairs.

    Example:
        >>> from facerec.metrics import Sources
        >>> Sources(genuine=8, impostor=28).impostor
        28
    """

    genuine: int
    impostor: int


def count_sources(same: ArrayLike, people: ArrayLike | None = None) -> Sources:
    """Count the people and the couples of people behind pairs.

    Args:
        same: whether each pair shows one person (P,).
        people: the two people of each pair (P, 2), as whole numbers.

    Example:
        Two people with two genuine pairs each, and three impostor pairs of the same two.

        >>> from facerec.metrics import count_sources
        >>> count_sources([1, 1, 1, 1, 0, 0, 0], [[0, 0], [0, 0], [1, 1], [1, 1], [0, 1], [0, 1], [1, 0]])
        Sources(genuine=2, impostor=1)
    """
    same_P = as_array(same).astype(np.bool_)
    if people is None:
        return Sources(int(same_P.sum()), int((~same_P).sum()))
    couples_P2 = np.sort(as_array(people), axis=1)
    return Sources(*(len(np.unique(couples_P2[kind_P], axis=0)) for kind_P in (same_P, ~same_P)))


def fit_likelihood(scores: ArrayLike, same: ArrayLike, sources: Sources | None = None) -> Likelihood:
    """Fit the line and find its bounds.

    Scores that do not rise with likeness, or are all the same, are no evidence: the ratio is then 1 everywhere.

    Args:
        scores: score of each pair (P,), a higher one for more alike.
        same: whether each pair shows one person (P,).
        sources: how many people the pairs are of, see :func:`count_sources`. By default each pair stands for itself.

    Raises:
        ValueError: see :class:`facerec.metrics.VerificationCurve`.

    Example:
        One of 100 impostor pairs scores as most genuine pairs do. So no score makes one person 50 times as likely.

        >>> from facerec.metrics import fit_likelihood, log_likelihood_ratios
        >>> scores = [0.7] * 90 + [0.2] * 10 + [0.1] * 99 + [0.7]
        >>> line = fit_likelihood(scores, [1] * 100 + [0] * 100)
        >>> print(*(f"{ratio:.2f}" for ratio in np.exp(log_likelihood_ratios([0.0, 0.2, 0.3, 0.7], line))))
        0.05 0.67 8.38 45.00
    """
    scores_P, same_P = check_scores(scores, same)
    slope, intercept = _fit_line(scores_P.astype(np.float64), same_P)
    if slope <= 0.0:
        return Likelihood(slope=0.0, intercept=0.0, lowest=0.0, highest=0.0)
    ratios_P = slope * scores_P.astype(np.float64) + intercept
    sources = sources or count_sources(same_P)
    highest = _supported(ratios_P, same_P, sources)
    lowest = -_supported(-ratios_P, ~same_P, Sources(sources.impostor, sources.genuine))
    return Likelihood(slope=slope, intercept=intercept, lowest=lowest, highest=highest)


def log_likelihood_ratios(scores: ArrayLike, likelihood: Likelihood) -> Floats:
    """Natural logarithm of the likelihood ratio of each score (P,), within the bounds; NaN for NaN.

    Args:
        scores: score of each pair (P,), of the kind that the line was fitted on.
        likelihood: see :func:`fit_likelihood`.

    Example:
        >>> from facerec.metrics import log_likelihood_ratios
        >>> line = {"slope": 20.0, "intercept": -8.0, "lowest": -3.0, "highest": 5.0}
        >>> log_likelihood_ratios([0.0, 0.4, 0.5, 0.9], line).tolist()
        [-3.0, 0.0, 2.0, 5.0]
    """
    ratios_P: Floats = np.multiply(as_array(scores), likelihood["slope"], dtype=np.float64)
    ratios_P += likelihood["intercept"]
    return np.clip(ratios_P, likelihood["lowest"], likelihood["highest"], out=ratios_P)


def _fit_line(scores_P: Floats, same_P: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of the least balanced cross entropy, by Newton's method."""
    weights_P = np.where(same_P, 0.5 / np.count_nonzero(same_P), 0.5 / np.count_nonzero(~same_P))
    centre = float(weights_P @ scores_P)
    spread = math.sqrt(float(weights_P @ (scores_P - centre) ** 2))
    if spread == 0.0:
        return 0.0, 0.0
    inputs_P2 = np.stack([(scores_P - centre) / spread, np.ones_like(scores_P)], axis=1)
    signs_P = np.where(same_P, -1.0, 1.0)
    ridge_2 = np.array([RIDGE, 0.0])

    def loss(line_2: Floats) -> float:
        return float(weights_P @ np.logaddexp(0.0, signs_P * (inputs_P2 @ line_2)) + 0.5 * ridge_2 @ line_2**2)

    line_2, lowest = np.zeros(2), math.log(2.0)
    for _ in range(STEPS):
        shares_P = 0.5 + 0.5 * np.tanh(0.5 * (inputs_P2 @ line_2))  # the sigmoid, which never overflows
        gradient_2 = inputs_P2.T @ (weights_P * (shares_P - same_P)) + ridge_2 * line_2
        curvature_22 = (inputs_P2.T * (weights_P * shares_P * (1.0 - shares_P))) @ inputs_P2 + np.diag(ridge_2)
        step_2 = np.linalg.solve(curvature_22 + TINY * np.eye(2), gradient_2)
        while (found := loss(line_2 - step_2)) > lowest and np.abs(step_2).max() > TOLERANCE:
            step_2 *= 0.5
        line_2, lowest = line_2 - step_2, min(found, lowest)
        if np.abs(step_2).max() <= TOLERANCE * (1.0 + np.abs(line_2).max()):
            break
    slope = float(line_2[0]) / spread
    return slope, float(line_2[1]) - slope * centre


def _supported(ratios_P: Floats, same_P: NDArray[np.bool_], sources: Sources) -> float:
    """The highest log ratio up to which acting on the ratios costs no more than never accepting.

    Who accepts from a ratio of t on holds a false accept for t times as costly as a false reject. Accepting nothing
    costs 1, and the ratios cost FRR + t FAR, in both of which one more source has misled.
    """
    curve = VerificationCurve(ratios_P, same_P).roc()
    frr_K = (curve.frr[:0:-1] * sources.genuine + 1.0) / (sources.genuine + 1.0)
    far_K = (curve.far[:0:-1] * sources.impostor + 1.0) / (sources.impostor + 1.0)
    with np.errstate(divide="ignore"):
        worthwhile_K = np.append(np.log((1.0 - frr_K) / far_K), -np.inf)  # up to this log t; the last accepts nothing
    ends_K = np.append(curve.thresholds[:0:-1], np.inf)  # of the ranges of log t in which the same pairs are accepted
    first = int(np.argmax((worthwhile_K < ends_K) & (ends_K > 0.0)))
    begins = ends_K[first - 1] if first else 0.0
    return float(max(0.0, begins, worthwhile_K[first]))
