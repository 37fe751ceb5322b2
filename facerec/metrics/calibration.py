"""The threshold that a model is used with, and what it is expected to do."""

import math
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from facerec.arrays import as_array
from facerec.metrics.curve import VerificationCurve, is_supported
from facerec.metrics.folds import best_accuracy
from facerec.metrics.likelihood import Likelihood

CalibrateAt = Literal["eer", "accuracy"] | float


class Calibration(TypedDict, total=False):
    """A threshold chosen on the validation pairs; a checkpoint keeps it.

    Keys:
        threshold: lowest score at which two images count as one person.
        far: share of the impostor pairs accepted there, on the pairs it was chosen on.
        frr: share of the genuine pairs rejected there.
        method: how it was chosen: ``eer``, ``accuracy``, or ``far=0.001``.
        score: what it is a threshold of: ``cosine``, ``euclidean``, with `` as-norm`` appended if normalised.
        pairs: fingerprint of each set of pairs it was chosen on.
        likelihood: the line from score to log likelihood ratio on these pairs; older checkpoints have none.

    Example:
        >>> from facerec.metrics import Calibration
        >>> Calibration(threshold=0.3, far=0.01, frr=0.1, method="far=0.01", score="cosine")["threshold"]
        0.3
    """

    threshold: float
    far: float
    frr: float
    method: str
    score: str
    pairs: list[str]
    likelihood: Likelihood


def check_far(far: float, impostors: int) -> None:
    """Refuse a FAR at which fewer than 10 of the impostor pairs would be accepted.

    Raises:
        ValueError: with the lowest FAR that so many pairs support.
    """
    if not is_supported(far, impostors):
        enough = f"give at least {10 / impostors:.2g}, or more validation pairs" if impostors else "there are none"
        raise ValueError(
            f"calibrate_at={far}: {impostors} impostor pairs cannot support this FAR. Fewer than 10 would be accepted; "
            f"{enough}."
        )


def calibrate_threshold(
    scores: ArrayLike, same: ArrayLike, at: CalibrateAt = "eer", score: str = "cosine"
) -> Calibration:
    """Choose a threshold.

    Args:
        scores: score of each pair (P,).
        same: whether each pair shows one person (P,).
        at: ``eer``, where FAR and FRR are equal; ``accuracy``, the most accurate; or the highest FAR allowed.
        score: kind of the scores, kept with the threshold.

    Raises:
        ValueError: for a FAR that the impostor pairs cannot support, or see :class:`facerec.metrics.VerificationCurve`.

    Example:
        >>> from facerec.metrics import calibrate_threshold
        >>> calibrate_threshold([0.75, 0.5, 0.25, 0.0], [True, False, True, False])
        {'threshold': 0.375, 'far': 0.5, 'frr': 0.5, 'method': 'eer', 'score': 'cosine'}
    """
    curve = VerificationCurve(scores, same)
    if at == "eer":
        threshold = curve.equal_error_rate()[1]
    elif at == "accuracy":
        threshold = best_accuracy(scores, same)[1]
    elif isinstance(at, str):
        raise ValueError(f"calibrate_at={at!r}: choose eer, accuracy, or a FAR such as 0.001")
    else:
        check_far(at, curve.impostor)
        point = curve.tar_at_far([at])[0]
        threshold = point.threshold
        if math.isinf(threshold):  # accepts nothing
            threshold = float(np.nextafter(as_array(scores).max(), np.inf))
    far, frr = curve.error_rates_at(threshold)
    method = at if isinstance(at, str) else f"far={at:g}"
    return Calibration(threshold=float(threshold), far=far, frr=frr, method=method, score=score)
