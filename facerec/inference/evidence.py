"""What a score says in words: how many times as likely it is for one person as for two."""

import math

from facerec.inference.model import FaceModel
from facerec.metrics.likelihood import Likelihood, log_likelihood_ratios

EQUAL = 1.05  # ratios below that are about 1


def likelihood_of(model: FaceModel) -> Likelihood | None:
    """The model's line from cosine to likelihood ratio; None for a model of before, or of other scores."""
    calibration = model.calibration or {}
    return calibration.get("likelihood") if calibration.get("score", "cosine") == "cosine" else None


def require_likelihood(model: FaceModel) -> Likelihood:
    """The model's line from cosine to likelihood ratio.

    Raises:
        ValueError: if there is none, with the command that makes one.
    """
    likelihood = likelihood_of(model)
    if likelihood is None:
        raise ValueError(
            "--prior: the model does not say how likely its cosines are, so there is no probability. facerec validate "
            "--ckpt_path CKPT --verification.store true puts that into the checkpoint, from its validation pairs"
        )
    return likelihood


def log_ratio_of(score: float, likelihood: Likelihood) -> float:
    """Natural logarithm of the likelihood ratio of one score; NaN for NaN."""
    return float(log_likelihood_ratios([score], likelihood)[0])


def told(log_ratio: float, likelihood: Likelihood) -> str:
    """A log likelihood ratio in words. The validation pairs bound it, and the words say where they do.

    Example:
        >>> line = {"slope": 20.0, "intercept": -8.0, "lowest": -2.0, "highest": 5.0}
        >>> told(4.94, line)
        'the score is 140 times as likely for one person as for two'
        >>> told(-2.0, line)
        'the score is 7.3 times as likely for two people as for one; the validation pairs support no more'
    """
    ratio = math.exp(abs(log_ratio))
    is_bounded = log_ratio in (likelihood["lowest"], likelihood["highest"])
    if ratio < EQUAL:
        text = "the score is about as likely for one person as for two"
    else:
        kinds = "one person as for two" if log_ratio > 0.0 else "two people as for one"
        text = f"the score is {_two_digits(ratio, down=is_bounded):,g} times as likely for {kinds}"
    return f"{text}; the validation pairs support no more" if is_bounded else text


def _two_digits(ratio: float, *, down: bool) -> float:
    """A ratio of 1 or more with two digits: the nearest, or the next lower one, for a bound is not to be exceeded."""
    digits = 1 - math.floor(math.log10(ratio))
    return round(math.floor(ratio * 10**digits + 1e-6) / 10**digits if down else ratio, digits)


def probability(log_ratio: float, prior: float) -> float:
    """Probability of one person, from what it was before the score and the likelihood ratio, by Bayes' rule.

    Example:
        >>> probability(math.log(9.0), prior=0.5)
        0.9
        >>> round(probability(math.log(9.0), prior=0.01), 4)
        0.0833
    """
    of_one = prior * math.exp(log_ratio)
    return of_one / (of_one + 1.0 - prior)
