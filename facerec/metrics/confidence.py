"""How far a number could be off: bootstrap intervals."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from facerec.metrics.verification import check_scores


def bootstrap_interval(
    statistic: Callable[[ArrayLike, ArrayLike], float],
    scores: ArrayLike,
    same: ArrayLike,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of a statistic over resampled pairs (Efron 1979), genuine and impostor apart.

    The pairs are taken as independent. Where a person is in many pairs (all pairs of few people) they are not, and the
    interval is too narrow.

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
    if not 0.0 < level < 1.0 or resamples < 1:
        raise ValueError(f"level={level} must be in (0, 1) and resamples={resamples} at least 1")
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
    tail = 0.5 * (1.0 - level)
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return float(low), float(high)
