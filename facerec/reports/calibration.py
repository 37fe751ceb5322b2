"""A threshold, and how likely a score is, from pairs of validation people."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import ArrayLike

from facerec.metrics import Calibration, calibrate_threshold, count_sources, fit_likelihood
from facerec.metrics.calibration import CalibrateAt
from facerec.metrics.likelihood import Sources
from facerec.reports.scored import ScoredSet


def calibrate(
    same: ArrayLike,
    *,
    scores: ArrayLike | None = None,
    embeddings: ArrayLike | None = None,
    names: ArrayLike | None = None,
    pairs: ArrayLike | None = None,
    subjects: ArrayLike | None = None,
    people: ArrayLike | None = None,
    score: str | None = None,
    distance: bool = False,
    at: CalibrateAt = "eer",
) -> Calibration:
    """Choose a threshold, and fit likelihood ratios, on pairs of validation people: never on those of the test.

    Args:
        same: see :func:`facerec.reports.evaluate`, as for the arguments up to ``distance``.
        scores: score of each pair (P,).
        embeddings: embedding of each image (N, D).
        names: name of each embedding (N,).
        pairs: rows, or names, of the two images of each pair (P, 2).
        subjects: person of each image (N,).
        people: the two people of each pair (P, 2).
        score: how to score embeddings; or the name of your scores.
        distance: whether a lower score means more alike.
        at: place of the threshold: ``eer``, ``accuracy``, or the highest FAR allowed.

    Returns:
        What :func:`facerec.reports.evaluate` takes as ``calibration``.

    Raises:
        ValueError: as :func:`facerec.reports.evaluate`, or if the impostor pairs cannot support the FAR.

    Example:
        >>> from facerec.reports import calibrate
        >>> found = calibrate([1, 1, 1, 0, 0, 0], scores=[0.9, 0.7, 0.4, 0.5, 0.2, 0.1])
        >>> round(found["threshold"], 2), round(found["far"], 2), found["score"], found["likelihood"]["slope"] > 0.0
        (0.45, 0.33, 'given', True)
    """
    scored = ScoredSet.from_arrays(
        same,
        scores=scores,
        embeddings=embeddings,
        names=names,
        pairs=pairs,
        subjects=subjects,
        people=people,
        score=score,
        distance=distance,
    )
    return calibrate_sets([scored], at)


def calibrate_sets(sets: Collection[ScoredSet], at: CalibrateAt = "eer") -> Calibration:
    """One threshold and one line from score to likelihood ratio for all sets together.

    Args:
        sets: pairs of validation people, with scores of one kind.
        at: place of the threshold, see :func:`facerec.metrics.calibrate_threshold`.

    Raises:
        ValueError: if the impostor pairs cannot support the FAR.

    Example:
        >>> sets = [ScoredSet.from_arrays([1, 0], scores=[high, 0.25]) for high in (0.75, 1.0)]
        >>> calibrate_sets(sets)["threshold"]
        0.5
    """
    scores_P = np.concatenate([scored.scores for scored in sets])
    same_P = np.concatenate([scored.same for scored in sets])
    calibration = calibrate_threshold(scores_P, same_P, at, next(iter(sets)).score)
    sources = [count_sources(scored.same, scored.people) for scored in sets]
    calibration["likelihood"] = fit_likelihood(scores_P, same_P, Sources(*map(sum, zip(*sources, strict=True))))
    return calibration
