"""``evaluate``: the numbers of ``facerec test`` for anyone's scores or embeddings, in one call.

Shapes: P pairs, N images, D embedding.
"""

import warnings
from collections.abc import Sequence

from numpy.typing import ArrayLike

from facerec.metrics import Calibration
from facerec.reports.scored import ScoredSet
from facerec.reports.summary import FARS, Summary, summarise


def evaluate(
    same: ArrayLike,
    *,
    scores: ArrayLike | None = None,
    embeddings: ArrayLike | None = None,
    names: ArrayLike | None = None,
    pairs: ArrayLike | None = None,
    subjects: ArrayLike | None = None,
    people: ArrayLike | None = None,
    folds: ArrayLike | None = None,
    score: str | None = None,
    distance: bool = False,
    calibration: Calibration | None = None,
    fars: Sequence[float] = FARS,
    resamples: int | None = None,
) -> Summary:
    """Measure how well scores tell genuine pairs from impostor pairs.

    Give scores, or embeddings and pairs. Arrays, lists and tensors will do.

    Args:
        same: whether each pair shows one person (P,), as booleans or as 0 and 1.
        scores: score of each pair (P,). A higher score means more alike, unless they are a ``distance``.
        embeddings: embedding of each image (N, D). They give the scores, unless these are given too.
        names: name of each embedding (N,), if ``pairs`` names images.
        pairs: rows of the two images of each pair (P, 2), counted from 0; or their names.
        subjects: person of each image (N,), by number or name. They give intervals by person, and with embeddings
            identification.
        people: the two people of each pair (P, 2), by number or name, where images are unknown. They give intervals by
            person.
        folds: fold of each pair (P,), for the accuracy over folds.
        score: how to score embeddings, ``cosine`` (the default) or ``euclidean``; or the name of your scores.
        distance: whether a lower score means more alike. They are negated, and so are thresholds.
        calibration: threshold and likelihood ratios of the same scores, from validation people: see
            :func:`facerec.reports.calibrate`. It adds what the ratios cost, and the errors at the threshold.
        fars: false accept rates of the table.
        resamples: number of resamples of each bootstrap. By default 1,000, fewer for more than 20,000 pairs.

    Returns:
        The numbers. ``print`` shows the table of ``facerec test``, ``to_json`` gives plain numbers.

    Raises:
        ValueError: if lengths disagree, a number is not finite, a kind of pair is missing, a name has no embedding,
            there is nothing to score, or the calibration is one of other scores.

    Example:
        Anyone's scores:

        >>> same = [1, 1, 1, 1, 0, 0, 0, 0]
        >>> result = evaluate(same, scores=[0.9, 0.8, 0.7, 0.4, 0.6, 0.3, 0.2, 0.1], fars=[0.1])
        >>> result.eer, result.threshold, result.auc
        (0.25, 0.5, 0.9375)
        >>> print(result)
        set                                      pairs
        -----------------------  ---------------------
        genuine pairs                                4
        impostor pairs                               4
        EER                                     25.00%
          95% by person                 people unknown
          95% by pair                   0.00% - 50.00%
          uninterpolated                        25.00%
        threshold at EER                        0.5000
        AUC                                     0.9375
        TAR at FAR 0.1           too few impostors (4)
        identification (cosine)          no embeddings

        Anyone's embeddings:

        >>> embeddings = [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]]
        >>> result = evaluate([1, 0, 0, 1], embeddings=embeddings, pairs=[[0, 1], [0, 2], [1, 2], [2, 3]])
        >>> result.score, result.eer, round(result.threshold, 3)
        ('cosine', 0.0, 0.7)
        >>> result.to_json()["tar_at_far"][0]
        {'far': 0.1, 'tar': None, ...}

        Distances, with a threshold of other people:

        >>> from facerec.reports import calibrate
        >>> chosen = calibrate([1, 1, 0, 0], scores=[0.3, 0.5, 0.7, 0.9], distance=True)
        >>> result = evaluate([1, 1, 0, 0], scores=[0.2, 0.4, 0.5, 0.8], distance=True, calibration=chosen)
        >>> round(chosen["threshold"], 2), result.score, result.eer, result.likelihood_cost is None
        (-0.6, 'negative distance', 0.0, False)
        >>> result.at_threshold.fmr.rate, result.at_threshold.fnmr.rate
        (0.5, 0.0)
    """
    scored = ScoredSet.from_arrays(
        same,
        scores=scores,
        embeddings=embeddings,
        names=names,
        pairs=pairs,
        subjects=subjects,
        people=people,
        folds=folds,
        score=score,
        distance=distance,
    )
    if calibration is not None and calibration.get("score", "cosine") != scored.score:
        raise ValueError(
            f"calibration of {calibration.get('score', 'cosine')!r} scores, and these are {scored.score!r}: calibrate "
            "on scores of the same kind"
        )
    likelihood = calibration.get("likelihood") if calibration else None
    threshold = calibration["threshold"] if calibration else None
    summary = summarise(scored, fars, resamples, likelihood=likelihood, threshold=threshold)
    if summary.auc < 0.5:
        warnings.warn(f"{told_of_direction(summary)}: distance=True", stacklevel=2)
    return summary


def told_of_direction(summary: Summary) -> str:
    """What an AUC below 0.5 means, and the question that it raises.

    Example:
        >>> told_of_direction(evaluate([0, 1, 0, 1], scores=[0.9, 0.8, 0.7, 0.1]))
        'an AUC of 0.2500 is worse than guessing: pairs of one person score lower. If these are distances, say so'
    """
    return (
        f"an AUC of {summary.auc:.4f} is worse than guessing: pairs of one person score lower. If these are distances, "
        "say so"
    )
