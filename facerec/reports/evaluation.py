"""``evaluate``: the numbers of ``facerec test`` for anyone's scores or embeddings, in one call.

Shapes: P pairs, N images, D embedding.
"""

from collections.abc import Sequence

from numpy.typing import ArrayLike

from facerec.reports.scored import ScoredSet
from facerec.reports.summary import FARS, Summary, summarise


def evaluate(
    same: ArrayLike,
    *,
    scores: ArrayLike | None = None,
    embeddings: ArrayLike | None = None,
    pairs: ArrayLike | None = None,
    subjects: ArrayLike | None = None,
    folds: ArrayLike | None = None,
    score: str | None = None,
    fars: Sequence[float] = FARS,
    resamples: int | None = None,
) -> Summary:
    """Measure how well scores tell genuine pairs from impostor pairs.

    Give scores, or embeddings and pairs. Arrays, lists and tensors will do.

    Args:
        same: whether each pair shows one person (P,), as booleans or as 0 and 1.
        scores: score of each pair (P,). A higher score means more alike: negate distances.
        embeddings: embedding of each image (N, D). They give the scores, unless these are given too.
        pairs: rows of the two images of each pair (P, 2).
        subjects: person of each image (N,), by number or name. They give intervals by person, and with embeddings
            identification.
        folds: fold of each pair (P,), for the accuracy over folds.
        score: how to score embeddings, ``cosine`` (the default) or ``euclidean``; or the name of your scores.
        fars: false accept rates of the table.
        resamples: number of resamples of each bootstrap. By default 1,000, fewer for more than 20,000 pairs.

    Returns:
        The numbers. ``print`` shows the table of ``facerec test``, ``to_json`` gives plain numbers.

    Raises:
        ValueError: if lengths disagree, a number is not finite, a kind of pair is missing, or there is nothing to
            score.

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
    """
    scored = ScoredSet.from_arrays(
        same, scores=scores, embeddings=embeddings, pairs=pairs, subjects=subjects, folds=folds, score=score
    )
    return summarise(scored, fars, resamples)
